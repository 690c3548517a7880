//! What is known of one file, and what was tried.

use std::fmt::Write as _;

use crate::artifact::EntryKind;
use crate::compare::acts_by_name;
use crate::ledger::{Explanation, LedgerFile};
use crate::report::printable::printable;
use crate::report::words;
use crate::source::git::Completeness;
use crate::verify::{Baseline, Verification};

/// How a file is explained, in a few words.
pub fn how(file: &LedgerFile) -> String {
    match &file.kind {
        EntryKind::File => {}
        EntryKind::SymbolicLink { target } => return format!("symbolic link to `{target}`"),
        EntryKind::HardLink { target } => return format!("hard link to `{target}`"),
        EntryKind::Special(kind) => return format!("member of type `{}`", kind.escape_ascii()),
        EntryKind::UnsafePath(error) => return error.to_string(),
    }
    match &file.explanation {
        Explanation::GitBlob => String::new(),
        Explanation::GitBlobMoved { from } => format!("from `{from}`"),
        Explanation::Derived { rules } => {
            let mut names: Vec<String> = rules.iter().map(|applied| applied.rule.to_string()).collect();
            names.dedup();
            names.sort();
            names.dedup();
            format!("by {}", names.join(", "))
        }
        Explanation::Stabilized { stabilizers } => {
            let names: Vec<String> = stabilizers.iter().map(ToString::to_string).collect();
            format!("after {}", names.join(", "))
        }
        Explanation::Rebuilt => String::new(),
        explanation if explanation.is_behind_a_failure() => {
            "the same content, but made behind a command that failed".to_owned()
        }
        Explanation::RebuiltStabilized { stabilizers } | Explanation::Attributed { stabilizers } => {
            stabilizers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        }
        Explanation::History { commit } => format!("at commit {commit}"),
        Explanation::Modified { keys, .. } if !keys.is_empty() => {
            let names: Vec<&str> = keys.iter().take(6).map(|key| key.key_path.as_str()).collect();
            let more = if keys.len() > 6 { format!(" and {} more", keys.len() - 6) } else { String::new() };
            format!("keys {}{more}", names.join(", "))
        }
        Explanation::Modified { same_as: Some(other), .. } => format!("the content of `{other}`"),
        Explanation::Modified { rebuilt: true, .. } => "differs from what the rebuild made".to_owned(),
        Explanation::Modified { .. } => String::new(),
        Explanation::ArtifactOnly { ignored_by_git: true } => "git ignores this path".to_owned(),
        Explanation::ArtifactOnly { .. } => String::new(),
    }
}

/// Everything known of the file at `path`; `None` where the artifact has no such file.
pub fn render(verification: &Verification, path: &str) -> Option<String> {
    let ledger = verification.ledger.as_ref()?;
    let Some(file) = ledger.file(path) else {
        let missing = ledger.source_only.as_ref().is_some_and(|missing| missing.iter().any(|name| name == path));
        return missing.then(|| {
            format!("{}: source-only\n  the packer would have included it, the artifact lacks it\n", printable(path))
        });
    };
    let mut out = String::new();
    let mut say = |text: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{text}");
    };
    let note = how(file);
    let note = if note.is_empty() { String::new() } else { format!(" ({})", printable(&note)) };
    say(format!("{}: {}{note}", printable(&file.path), file.explanation.class()));
    let executable = if file.executable && file.kind == EntryKind::File { ", executable" } else { "" };
    say(format!("  size        {} bytes{executable}", file.size));
    if let Some(blob) = &file.blob {
        say(format!("  git blob    {blob}"));
    }
    if let Some(sha256) = &file.sha256 {
        say(format!("  sha256      {sha256}"));
    }
    if let Some(source) = &verification.source {
        if let Some(matched) = &source.matched {
            let directory = &matched.winner.directory.path;
            let directory =
                if directory.is_empty() { String::new() } else { format!(", directory `{}`", printable(directory)) };
            say(format!(
                "  compared    with commit {} of {}{directory}",
                matched.winner.commit,
                printable(source.claim.location.as_str())
            ));
        }
        say("  tried".to_owned());
        for (step, result) in steps(verification, file) {
            say(format!("    {step:<28} {}", printable(&result)));
        }
    }
    if !file.explanation.is_explained() && verification.baseline != Baseline::NotNeeded {
        say(format!("  earlier     {}", printable(&words::baseline(&verification.baseline))));
    }
    for finding in verification.findings.iter().filter(|finding| finding.path.as_deref() == Some(path)) {
        say(format!("  finding     {} ({} risk): {}", finding.rule, finding.risk, printable(&finding.message)));
        let reach = words::reach(finding).map(|text| ("reach", text));
        let lines = words::lines(finding, usize::MAX);
        let lines = Some(("lines", lines)).filter(|(_, lines)| !lines.is_empty());
        let missing = words::removed(finding).into_iter().map(|text| ("missing", text));
        let signals = words::signals(finding).into_iter().map(|text| ("signal", text));
        let standing = words::standing(finding).into_iter().map(|text| ("standing", text));
        for (label, text) in reach.into_iter().chain(lines).chain(missing).chain(signals).chain(standing) {
            say(format!("    {label:<9} {}", printable(&text)));
        }
    }
    let origins = verification.diffs.iter().filter(|diff| diff.path == path).flat_map(|diff| &diff.origins);
    for (index, origin) in origins.enumerate() {
        let label = if index == 0 { "origin" } else { "" };
        say(format!("  {label:<11} {}", printable(&words::origin(origin))));
    }
    Some(out)
}

/// The ways of explaining a file, in the order in which they are tried, up to the one that held.
fn steps(verification: &Verification, file: &LedgerFile) -> Vec<(&'static str, String)> {
    let mut steps = source_steps(verification, file);
    let made = match (&file.explanation, &verification.rebuild) {
        (Explanation::Rebuilt, _) => "the same bytes".to_owned(),
        (explanation, _) if explanation.is_behind_a_failure() => how(file),
        (Explanation::RebuiltStabilized { .. }, _) => format!("equal after {}", how(file)),
        (Explanation::Attributed { .. }, _) => "the same program: equal tokens".to_owned(),
        (Explanation::Modified { rebuilt: true, .. }, _) => "made with other content".to_owned(),
        (explanation, _) if explanation.is_explained() => return steps,
        (_, None) => return steps,
        (_, Some(record)) => match &record.failure {
            Some(failure) => failure.to_string(),
            None => "not made".to_owned(),
        },
    };
    steps.push(("rebuild", made));
    steps
}

/// The same for what the repository alone tells.
fn source_steps(verification: &Verification, file: &LedgerFile) -> Vec<(&'static str, String)> {
    let mut steps = Vec::new();
    let moved = matches!(file.explanation, Explanation::GitBlobMoved { .. });
    let place = match &file.counterpart {
        _ if moved => "nothing that has this content".to_owned(),
        Some(counterpart) if Some(counterpart.blob) == file.blob => format!("equal to `{}`", counterpart.path),
        Some(counterpart) => format!("`{}` has other content ({})", counterpart.path, counterpart.blob),
        None => "no such file in the commit".to_owned(),
    };
    steps.push(("same path in the commit", place));
    if matches!(file.explanation, Explanation::GitBlob | Explanation::Rebuilt) {
        return steps;
    }
    if &*file.path == "package.json" {
        let result = match &file.explanation {
            Explanation::Derived { rules } => {
                let applied: Vec<String> = rules
                    .iter()
                    .map(|applied| match applied.key_path.as_str() {
                        "" => applied.rule.to_string(),
                        key => format!("{} at {key}", applied.rule),
                    })
                    .collect();
                applied.join("; ")
            }
            Explanation::Modified { keys, .. } if !keys.is_empty() => {
                let noun = if keys.len() == 1 { "key has" } else { "keys have" };
                format!("{} {noun} no rule", keys.len())
            }
            _ => "no rule applies".to_owned(),
        };
        steps.push(("packer rules", result));
        if matches!(file.explanation, Explanation::Derived { .. }) {
            return steps;
        }
    }
    if file.counterpart.is_some() && !moved {
        let result = match &file.explanation {
            Explanation::Stabilized { stabilizers } => {
                stabilizers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            }
            _ => "still different (eol)".to_owned(),
        };
        steps.push(("stabilizers", result));
        if matches!(file.explanation, Explanation::Stabilized { .. }) {
            return steps;
        }
    }
    let elsewhere = match &file.explanation {
        Explanation::GitBlobMoved { from } => format!("`{from}`"),
        Explanation::Modified { same_as: Some(other), .. } => {
            format!("`{other}`, but the commit has other code at this path")
        }
        _ if acts_by_name(&file.path) => "not looked for: the name has an effect of its own".to_owned(),
        _ => "nowhere in the commit".to_owned(),
    };
    steps.push(("same content elsewhere", elsewhere));
    if matches!(file.explanation, Explanation::GitBlobMoved { .. }) {
        return steps;
    }
    let at_hand = verification.source.as_ref().map(|source| source.completeness);
    let history = match (&file.explanation, at_hand) {
        (Explanation::History { commit }, _) => format!("commit {commit}"),
        (_, Some(Completeness::Trees)) => "not searched: the release's own commit was enough".to_owned(),
        _ if file.counterpart.is_none() => "not searched: the commit has no file at this path".to_owned(),
        _ => "at no commit that a branch or tag reaches".to_owned(),
    };
    steps.push(("same path in the history", history));
    steps
}
