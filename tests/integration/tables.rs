//! Tables in the code and pages in `docs/` say the same, and no file says what it must not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use tarproof::cli::Arguments;
use tarproof::finding::RULES;
use tarproof::pack::npm::manifest::manifest_rules;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The ids that are headings of their own, in the page's order.
fn headings(page: &str) -> Vec<&str> {
    let is_id =
        |text: &&str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    page.lines().filter_map(|line| line.strip_prefix("## ")).filter(is_id).collect()
}

#[test]
fn every_finding_rule_has_its_row_its_file_and_its_page() {
    let ids: BTreeSet<String> = RULES.iter().map(|row| row.id.to_owned()).collect();
    assert_eq!(ids.len(), RULES.len(), "an id stands twice in the table");
    let named = |folder: &str, end: &str, index: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(root().join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != index).map(|name| name.strip_suffix(end).unwrap().replace('_', "-")).collect()
    };
    assert_eq!(named("src/finding/rules", ".rs", "mod.rs"), ids, "files and the table");
    assert_eq!(named("docs/rules", ".md", "README.md"), ids, "pages and the table");
    let index = page("docs/rules/README.md");
    let mut place = 0;
    for row in RULES {
        let code = page(&format!("src/finding/rules/{}.rs", row.id.replace('-', "_")));
        assert!(code.starts_with(&format!("//! `{}`\n", row.id)), "{}: its file begins otherwise", row.id);
        assert!(code.contains("fn fires") && code.contains("fn stays_silent"), "{}: two tests", row.id);
        let page = page(&format!("docs/rules/{}.md", row.id));
        let facts = format!("| {} | {} | {} |", row.severity, row.confidence, row.risk);
        assert!(page.starts_with(&format!("# {}\n", row.id)), "{}: the page's heading", row.id);
        assert!(page.contains(&format!("\n{facts}\n")), "{}: the page does not say {facts}", row.id);
        let line = format!("| [{id}]({id}.md) {facts} {} |", row.summary, id = row.id);
        let found = index.find(&line).unwrap_or_else(|| panic!("docs/rules/README.md does not hold {line}"));
        assert!(found > place, "{}: another place in the index than in the table", row.id);
        place = found;
        assert!(index.contains(row.summary));
    }
}

#[test]
fn the_manifest_rules_page_lists_the_manifest_rules() {
    let page = page("docs/manifest-rules.md");
    let documented: BTreeSet<&str> = headings(&page).into_iter().collect();
    let ids: BTreeSet<&str> = manifest_rules().iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(documented, ids);
    assert_eq!(headings(&page).len(), ids.len(), "a rule has one section");
}

#[test]
fn the_verdicts_page_names_every_verdict_reason_and_class() {
    let verdicts = page("docs/verdicts.md");
    let code = page("src/verdict.rs") + &page("src/ledger.rs");
    let ids: BTreeSet<&str> = code
        .lines()
        .filter_map(|line| {
            let (variant, text) = line.trim().split_once("=> \"")?;
            variant.starts_with("Self::").then(|| text.split('"').next())?
        })
        .collect();
    assert_eq!(ids.len(), 6 + 6 + 10, "verdicts, reasons, classes: {ids:?}");
    for id in &ids {
        assert!(verdicts.contains(&format!("`{id}`")), "docs/verdicts.md does not name `{id}`");
    }
    let report = page("docs/json-report.md");
    for id in
        ["verbatim", "equivalent", "divergent", "no-source", "inconclusive", "source-unreachable", "limit-reached"]
    {
        assert!(ids.contains(id) && report.contains(&format!("`{id}`")), "docs/json-report.md does not name `{id}`");
    }
}

/// The words of a command line, quotes removed.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for character in line.chars() {
        match character {
            '\'' => quoted = !quoted,
            '#' if !quoted && word.is_empty() => break,
            ' ' if !quoted => words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty())),
            other => word.push(other),
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

#[test]
fn documented_command_lines_are_ones() {
    let mut seen = 0;
    for path in [
        "README.md",
        "CONTRIBUTING.md",
        "docs/configuration.md",
        "docs/engine.md",
        "docs/shortcomings.md",
        "docs/sweep.md",
        "fixtures/README.md",
    ] {
        for line in page(path).lines() {
            let line = line.trim().trim_start_matches("$ ");
            let arguments = match (line.strip_prefix("tarproof "), line.split_once("cargo run ")) {
                (Some(_), _) if is_command(line) => words(line),
                // An example has a command line of its own.
                (_, Some(("", rest))) if rest.contains("--example ") => continue,
                (_, Some(("", rest))) => {
                    [vec!["tarproof".to_owned()], words(rest.split_once("-- ").unwrap().1)].concat()
                }
                _ => continue,
            };
            seen += 1;
            if let Err(error) = Arguments::try_parse_from(&arguments) {
                panic!("{path}: `{line}`: {error}");
            }
        }
    }
    assert!(seen >= 4, "only {seen} command lines");
}

/// Prose may begin with the program's name, too.
fn is_command(line: &str) -> bool {
    let second = line.split(' ').nth(1).unwrap_or_default();
    ["verify", "diff", "explain", "demo", "packlist", "completions", "man", "sweep", "history", "store"]
        .contains(&second)
        || second.starts_with('-')
}

#[test]
fn files_that_pages_link_to_exist() {
    for entry in project_files().iter().filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
        let text = std::fs::read_to_string(entry).unwrap();
        for (start, _) in text.match_indices("](") {
            let target = text[start + 2..].split([')', '#']).next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            assert!(entry.parent().unwrap().join(target).exists(), "{}: {target}", entry.display());
        }
    }
}

/// Every file of the project, built and fetched ones aside.
fn project_files() -> Vec<PathBuf> {
    let is_ours = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        !(name.starts_with("target") && entry.depth() == 1) && name != ".git" && !name.ends_with(".snap.new")
    };
    walkdir::WalkDir::new(root())
        .into_iter()
        .filter_entry(is_ours)
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect()
}

#[test]
fn no_file_names_a_registry_or_somebodys_machine() {
    // Put together here, so that this file does not hold them itself.
    let hosts = [["npm", "js"].concat(), ["crates.io", "/api"].concat(), ["py", "pi.org"].concat()];
    let places =
        [["/ro", "ot/"].concat(), ["/ho", "me/"].concat(), ["/Us", "ers/"].concat(), ["C:\\", "Users"].concat()];
    // Places of every sandbox, the same on all machines.
    let of_sandbox = [["/ho", "me/builder"].concat(), ["/proc/self/ro", "ot/"].concat()];
    let files = project_files();
    assert!(files.len() > 150, "only {} files", files.len());
    for path in files {
        let content = std::fs::read(&path).unwrap();
        let mut text = String::from_utf8_lossy(&content).into_owned();
        for place in &of_sandbox {
            text = text.replace(place, "");
        }
        for forbidden in hosts.iter().chain(&places) {
            let line = text.lines().find(|line| line.contains(forbidden.as_str()));
            assert!(line.is_none(), "{}: {forbidden} in: {line:?}", path.display());
        }
    }
}
