//! Dependencies between modules point one way.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

/// Each module may use those before it, and itself. `docs/architecture.md` has the same list.
const ORDER: [&str; 28] = [
    "count",
    "package",
    "artifact",
    "pack",
    "registry",
    "provenance",
    "source",
    "rebuild",
    "stabilize",
    "ledger",
    "compare",
    "verdict",
    "reach",
    "capability",
    "yara",
    "finding",
    "policy",
    "verify",
    "report",
    "attest",
    "log",
    "store",
    "sweep",
    "demo",
    "suite",
    "config",
    "cli",
    "main",
];

/// The file's top module, and its text without comments.
fn sources() -> Vec<(String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    for entry in walkdir::WalkDir::new(&root).sort_by_file_name() {
        let entry = entry.unwrap();
        if entry.path().extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let path = entry.path().strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
        let module = path.split(['/', '.']).next().unwrap().to_owned();
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let code: String =
            text.lines().map(|line| line.split("//").next().unwrap_or_default().to_owned() + "\n").collect();
        sources.push((path, module, code));
    }
    sources
}

/// The top modules that the code names as `crate::MODULE` or, in `main.rs`, as `tarproof::MODULE`.
fn used_modules(code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for prefix in ["crate::", "tarproof::"] {
        for (start, _) in code.match_indices(prefix) {
            let rest = &code[start + prefix.len()..];
            // `use crate::{a::B, c::D}`: the first word of each part outside inner braces.
            let names: Vec<&str> = match rest.strip_prefix('{') {
                Some(group) => top_level_parts(group),
                None => vec![rest],
            };
            for name in names {
                let end = name
                    .find(|character: char| !character.is_ascii_alphanumeric() && character != '_')
                    .unwrap_or(name.len());
                used.insert(name[..end].to_owned());
            }
        }
    }
    used
}

fn top_level_parts(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (index, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                parts.push(group[start..index].trim());
                start = index + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[test]
fn no_module_uses_one_after_it() {
    let place: BTreeMap<&str, usize> = ORDER.iter().enumerate().map(|(index, name)| (*name, index)).collect();
    let (mut wrong, mut edges) = (String::new(), 0);
    for (path, module, code) in sources() {
        if module == "lib" {
            continue;
        }
        let Some(own) = place.get(module.as_str()) else {
            writeln!(wrong, "{path}: the module `{module}` has no place in the order").unwrap();
            continue;
        };
        for used in used_modules(&code) {
            edges += 1;
            match place.get(used.as_str()) {
                Some(other) if other <= own => {}
                Some(_) => writeln!(wrong, "{path}: `{module}` uses `{used}`, which comes after it").unwrap(),
                None => writeln!(wrong, "{path}: `{used}` is no module of the order").unwrap(),
            }
        }
    }
    assert!(edges > 100, "only {edges} uses were found");
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn no_relative_path_leaves_its_top_module() {
    for (path, _, code) in sources() {
        // `src/a/b.rs` is two deep; a test module inside the file is one more.
        let depth = path.trim_end_matches("/mod.rs").trim_end_matches(".rs").split('/').count();
        let longest = code
            .split(|character: char| !(character.is_ascii_alphanumeric() || character == ':' || character == '_'))
            .map(|word| word.split("::").take_while(|part| *part == "super").count())
            .max()
            .unwrap_or(0);
        assert!(longest <= depth, "{path}: {longest} times `super` from depth {depth}");
        assert!(longest < depth || code.contains("mod tests"), "{path}: `super` reaches the root");
    }
}

#[test]
fn the_order_is_documented() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md");
    let page = std::fs::read_to_string(page).unwrap();
    let words: Vec<&str> = page.split_whitespace().collect();
    let library = &ORDER[..ORDER.len() - 1];
    let chain = library.join(" < ");
    assert!(words.join(" ").contains(&chain), "docs/architecture.md does not hold `{chain}`");
    let declared = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let declared: BTreeSet<&str> = declared
        .lines()
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    assert_eq!(declared, library.iter().copied().collect(), "src/lib.rs and the order");
}

#[test]
fn uses_are_found_in_every_form() {
    let code =
        "use crate::artifact::{A, B};\nuse crate::{ledger::C, pack::npm::{D, E}, verdict};\nlet x = crate::demo::f();";
    let used: Vec<String> = used_modules(code).into_iter().collect();
    assert_eq!(used, ["artifact", "demo", "ledger", "pack", "verdict"]);
}
