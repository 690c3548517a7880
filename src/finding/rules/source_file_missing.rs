//! `source-file-missing`

use crate::compare::acts_by_name;
use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};
use crate::ledger::Ledger;
use crate::package::read_json;

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::SourceFileMissing,
    id: "source-file-missing",
    severity: Severity::Note,
    confidence: Confidence::Medium,
    risk: Risk::Low,
    weighing: Weighing::Fixed,
    summary: "A file that the packer would have included is not in the artifact.",
};

/// What Node adds to a name in its order, and what it looks for where the name is a folder's.
const TRIED: [&str; 6] = [".js", ".json", ".node", "/index.js", "/index.json", "/index.node"];

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let Some(ledger) = evidence.ledger else { return Vec::new() };
    let missing = ledger.source_only.as_deref().unwrap_or_default();
    // Nearly every package lacks nothing, and then its manifest need not be read once more.
    if missing.is_empty() {
        return Vec::new();
    }
    let manifest = evidence.artifact.and_then(|artifact| read_json(artifact.manifest.as_deref()?).ok());
    let main = manifest.as_ref().and_then(|manifest| manifest.value.get("main")?.as_str());
    let tell = |path: &String| {
        let mut message = "the packer would have included it, the artifact lacks it".to_owned();
        let instead = loaded_instead(path, main, ledger);
        if let Some(instead) = &instead {
            message.push_str(&format!(", and `{instead}` is loaded in its place"));
        }
        let finding = Finding::new(Rule::SourceFileMissing, Some(path), message);
        if instead.is_some() || changes_others(path, ledger) { finding.with_risk(Risk::Medium) } else { finding }
    };
    missing.iter().map(tell).collect()
}

/// Whether files that are there become another program, or get other dependencies, without this one.
fn changes_others(path: &str, ledger: &Ledger) -> bool {
    let Some(folder) = path.strip_suffix("package.json").filter(|_| !path.contains("node_modules/")) else {
        return acts_by_name(path);
    };
    // A manifest speaks for what lies below it.
    let first = ledger.files.partition_point(|file| *file.path < *folder);
    ledger.files.get(first).is_some_and(|file| file.path.starts_with(folder))
}

/// What Node loads where this file was meant, if anything.
fn loaded_instead(path: &str, main: Option<&str>, ledger: &Ledger) -> Option<String> {
    let next = |name: &str, tried: &[&str]| {
        tried.iter().map(|end| format!("{name}{end}")).find(|other| ledger.file(other).is_some())
    };
    let end = TRIED.iter().take(3).position(|end| path.ends_with(end));
    let beside = end.and_then(|end| next(path.strip_suffix(TRIED[end])?, &TRIED[end + 1..]));
    beside.or_else(|| {
        let main = main?.trim_start_matches("./").trim_end_matches('/');
        let is_main = path == main || TRIED.iter().any(|end| path.strip_suffix(end) == Some(main));
        let is_there = ledger.file(main).is_some() || next(main, &TRIED).is_some();
        (is_main && !is_there).then(|| next("index", &TRIED[..3])).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::ArtifactContents;
    use crate::finding::support::{contents, file, ledger};
    use crate::ledger::Explanation;

    #[test]
    fn fires() {
        let ledger = Ledger { source_only: Some(vec!["lib/check.js".to_owned()]), ..ledger(Vec::new()) };
        let findings = judge(&Evidence { ledger: Some(&ledger), ..Evidence::default() });
        assert_eq!(findings[0].path.as_deref(), Some("lib/check.js"));
    }

    fn risks(missing: &[&str], there: &[&str], manifest: &str) -> Vec<(Risk, bool)> {
        let files = there.iter().map(|path| file(path, Explanation::GitBlob)).collect();
        let missing = missing.iter().map(|path| (*path).to_owned()).collect();
        let ledger = Ledger { source_only: Some(missing), ..ledger(files) };
        let artifact = ArtifactContents { manifest: Some(manifest.into()), ..contents(Vec::new(), &[]) };
        let findings = judge(&Evidence { ledger: Some(&ledger), artifact: Some(&artifact), ..Evidence::default() });
        findings.iter().map(|finding| (finding.risk, finding.message.contains("in its place"))).collect()
    }

    #[test]
    fn what_changes_how_others_run_is_more_urgent() {
        let missing = ["examples/package.json", "lib/a.js", "lib/package.json", "node_modules/b/index.js"];
        let found = risks(&missing, &["lib/c.js"], "{}");
        assert_eq!(found, [Risk::Low, Risk::Low, Risk::Medium, Risk::Medium].map(|risk| (risk, false)));
        assert_eq!(risks(&["npm-shrinkwrap.json"], &[], "{}"), [(Risk::Medium, false)]);
    }

    #[test]
    fn what_is_loaded_in_its_place_is_named() {
        let (missing, there) = ((Risk::Low, false), (Risk::Medium, true));
        assert_eq!(risks(&["a.js"], &["a/index.json"], "{}"), [there]);
        assert_eq!(risks(&["a/index.json"], &["a/index.js"], "{}"), [missing], "that one came first anyway");
        let manifest = "{ \"main\": \"./lib/a\" }";
        assert_eq!(risks(&["lib/a.js"], &["index.js"], manifest), [there]);
        assert_eq!(risks(&["lib/a.js"], &["index.js"], "{ \"main\": \"lib\" }"), [missing]);
        assert_eq!(risks(&["lib/a.js"], &["server.js"], manifest), [missing]);
        assert_eq!(risks(&["lib/a/index.js"], &["index.js", "lib/a.js"], manifest), [missing]);
    }

    #[test]
    fn stays_silent() {
        let unknown = Ledger { source_only: None, ..ledger(Vec::new()) };
        let complete = Ledger { source_only: Some(Vec::new()), ..ledger(Vec::new()) };
        for ledger in [unknown, complete] {
            assert!(judge(&Evidence { ledger: Some(&ledger), ..Evidence::default() }).is_empty());
        }
    }
}
