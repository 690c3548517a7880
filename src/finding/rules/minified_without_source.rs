//! `minified-without-source`

use std::collections::HashSet;

use serde::Deserialize;

use crate::finding::file_kind::is_javascript;
use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::MinifiedWithoutSource,
    id: "minified-without-source",
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    risk: Risk::Medium,
    weighing: Weighing::Content,
    summary: "An unexplained JavaScript file is minified, and nothing shows what it was made from.",
};

/// Most sources of one map that are looked for.
const MAX_SOURCES: usize = 2_000;

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !evidence.texts().any(|text| text.minified) {
        return findings;
    }
    let paths: HashSet<&str> = evidence.files().map(|file| &*file.path).collect();
    for file in evidence.unexplained_files().filter(|file| is_javascript(&file.path)) {
        let minified = evidence.text_of(&file.path).is_some_and(|text| text.minified && !text.is_binary);
        if minified && !has_readable_twin(evidence, &paths, &file.path) && !has_known_sources(evidence, &file.path) {
            let message = "minified, and neither a rebuild nor a source map nor a readable twin shows its source";
            findings.push(Finding::new(Rule::MinifiedWithoutSource, Some(&file.path), message));
        }
    }
    findings
}

/// Whether the package holds the same file as it was before: `a.js` for `a.min.js`.
fn has_readable_twin(evidence: &Evidence<'_>, paths: &HashSet<&str>, path: &str) -> bool {
    let Some((stem, extension)) = path.rsplit_once('.') else { return false };
    let Some(stem) = stem.strip_suffix(".min").or_else(|| stem.strip_suffix("-min")) else { return false };
    let twin = format!("{stem}.{extension}");
    paths.contains(twin.as_str()) && !evidence.text_of(&twin).is_some_and(|text| text.minified)
}

#[derive(Deserialize)]
struct SourceMap {
    #[serde(default)]
    sources: Vec<Option<String>>,
    #[serde(default, rename = "sourceRoot")]
    root: Option<String>,
}

/// Whether a map beside the file names sources, and all of the package's own ones are in the source.
fn has_known_sources(evidence: &Evidence<'_>, path: &str) -> bool {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let named = evidence.text_of(path).and_then(|text| place_of(folder, "", map_name(&text.text)?));
    let read = |map: String| serde_json::from_slice::<SourceMap>(&evidence.read(&map)?).ok();
    let Some(map) = read(format!("{path}.map")).or_else(|| named.and_then(read)) else { return false };
    let root = map.root.unwrap_or_default();
    // Dependencies' sources are not expected in this package's source.
    let own: Vec<&String> = map.sources.iter().flatten().filter(|source| !source.contains("node_modules/")).collect();
    let is_known = |source: &&String| {
        place_of(folder, &root, source).is_some_and(|place| evidence.in_source.is_some_and(|holds| holds(&place)))
    };
    !own.is_empty() && own.len() <= MAX_SOURCES && own.iter().all(is_known)
}

/// What the comment at the end of a script calls its map, where that is a path.
fn map_name(text: &str) -> Option<&str> {
    let line = text.trim_end().lines().next_back()?;
    let (_, name) = line.rsplit_once("//# sourceMappingURL=")?;
    (!name.contains(':') && name.len() < 1_000).then_some(name)
}

/// Where in the package a map's source lies.
fn place_of(folder: &str, root: &str, source: &str) -> Option<String> {
    // `webpack://name/./src/a.js`: the bundler's own scheme, then the project's name.
    let (folder, source) = match source.split_once("://") {
        Some((_, rest)) => ("", rest.split_once('/')?.1),
        None => (folder, source),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(root.split('/')).chain(source.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            other => parts.push(other),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::UnexplainedText;
    use crate::finding::support::{added, contents, file, ledger, paths, text};

    const MAP: &[u8] = br#"{"version": 3, "sources": ["../src/a.ts", "../node_modules/left/index.js"]}"#;

    fn judged(paths_of_package: &[&str], map: &[u8], in_source: &dyn Fn(&str) -> bool) -> Vec<String> {
        let ledger = ledger(paths_of_package.iter().map(|path| file(path, added())).collect());
        let texts: Vec<UnexplainedText> = paths_of_package
            .iter()
            .map(|path| UnexplainedText { minified: path.contains("min"), ..text(path, "!function(){}();") })
            .collect();
        let contents = contents(Vec::new(), &[("dist/a.min.js.map", map)]);
        paths(&judge(&Evidence {
            ledger: Some(&ledger),
            artifact: Some(&contents),
            unexplained: &texts,
            in_source: Some(in_source),
            ..Evidence::default()
        }))
    }

    #[test]
    fn fires() {
        assert_eq!(judged(&["dist/a.min.js", "dist/b.js"], b"", &|_| true), ["dist/a.min.js"]);
        assert_eq!(judged(&["dist/a.min.js"], MAP, &|_| false), ["dist/a.min.js"], "its sources are unknown");
        assert_eq!(judged(&["dist/a.min.js"], br#"{"sources": []}"#, &|_| true), ["dist/a.min.js"]);
    }

    #[test]
    fn stays_silent() {
        assert!(judged(&["dist/a.js", "dist/style.min.css"], b"", &|_| false).is_empty());
        assert!(judged(&["dist/a.js", "dist/a.min.js"], b"", &|_| false).is_empty(), "its twin is there");
        assert!(judged(&["dist/a.min.js"], MAP, &|path| path == "src/a.ts").is_empty());
    }

    #[test]
    fn a_map_that_was_read_or_that_the_script_names_counts() {
        let judged = |map: &str, comment: &str| {
            let ledger = ledger(vec![file("dist/a.min.js", added())]);
            let texts = [UnexplainedText { minified: true, ..text("dist/a.min.js", comment) }];
            let read = |path: &str| (path == map).then(|| MAP.to_vec());
            let evidence = Evidence { ledger: Some(&ledger), unexplained: &texts, ..Evidence::default() };
            judge(&Evidence { read: Some(&read), in_source: Some(&|path| path == "src/a.ts"), ..evidence }).len()
        };
        assert_eq!(judged("dist/a.min.js.map", "x()"), 0, "what the archive's pass did not keep");
        assert_eq!(judged("dist/b.map", "x()"), 1);
        assert_eq!(judged("dist/b.map", "x()\n//# sourceMappingURL=b.map\n"), 0);
        assert_eq!(judged("dist/b.map", "//# sourceMappingURL=b.map\nx()\n"), 1, "not at its end");
    }

    #[test]
    fn sources_are_placed_in_the_package() {
        assert_eq!(place_of("dist", "", "../src/a.ts").as_deref(), Some("src/a.ts"));
        assert_eq!(place_of("dist", "../lib", "a.ts").as_deref(), Some("lib/a.ts"));
        assert_eq!(place_of("dist", "", "webpack://name/./src/a.js").as_deref(), Some("src/a.js"));
        assert_eq!(place_of("dist", "", "../../secret"), None);
    }
}
