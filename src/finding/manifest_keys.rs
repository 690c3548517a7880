//! Which rule speaks for a key of the manifest that no manifest rule explains.

use serde_json::Value;

use crate::finding::{Evidence, Finding, Risk, Rule};
use crate::ledger::Explanation;
use crate::pack::npm::manifest::{KeyReach, ManifestDifference};
use crate::rebuild::lockfile::is_foreign;

/// Commands that scripts of other packages call, so that a package's command of this name runs in their place.
const KNOWN_COMMANDS: [&str; 24] = [
    "node", "npm", "npx", "pnpm", "yarn", "bun", "deno", "corepack", "node-gyp", "tsc", "git", "gh", "sh", "bash",
    "env", "sudo", "ssh", "curl", "wget", "python", "python3", "make", "docker", "tar",
];

/// What an added key of these rules runs or installs.
const ACTING: [Rule; 3] = [Rule::InstallScriptAdded, Rule::DependencyAdded, Rule::BinAdded];

/// The findings of one rule about the manifest's keys.
pub(super) fn findings_of(rule: Rule, evidence: &Evidence<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in evidence.files() {
        let Explanation::Modified { keys, .. } = &file.explanation else { continue };
        for key in keys.iter().filter(|key| rule_of(key) == rule) {
            let mut message = side_by_side(key, ["published", "source"]);
            if let Some(what) = stands_out(key) {
                message.push_str(&format!(", {what}"));
            }
            let mut finding = Finding::new(rule, Some(&file.path), message).with_risk(risk_of(rule, key));
            finding.key = Some(key.key_path.clone());
            // The release before may have said it because its source did.
            let was_dropped = key.source.is_none() && ACTING.contains(&rule);
            finding.same_as =
                evidence.unchanged_key.filter(|_| !was_dropped).and_then(|unchanged| unchanged(&key.key_path));
            if finding.same_as.is_some() {
                // What the release before said, too, is known to those who use it.
                finding.risk = finding.risk.less_urgent();
            } else {
                finding.novelty = evidence.novelty_of_key.and_then(|novelty| novelty(&key.key_path));
            }
            findings.push(finding);
        }
    }
    findings
}

/// The rule that speaks for a key.
pub(super) fn rule_of(difference: &ManifestDifference) -> Rule {
    let added = difference.source.is_none();
    let (top, second) = key_parts(difference);
    let hook = matches!(second, "preinstall" | "install" | "postinstall" | "prepare")
        || (top == "scripts" && second.is_empty());
    match top {
        "scripts" if hook && added => Rule::InstallScriptAdded,
        "scripts" if hook => Rule::InstallScriptDiffers,
        "dependencies" | "optionalDependencies" | "peerDependencies" if added => Rule::DependencyAdded,
        "bundleDependencies" | "bundledDependencies" if names_more(difference) => Rule::DependencyAdded,
        "bin" if added => Rule::BinAdded,
        "main" | "module" | "exports" | "imports" | "browser" | "types" | "typings" | "type" => Rule::EntryPointDiffers,
        _ if difference.reach == KeyReach::Import => Rule::EntryPointDiffers,
        _ => Rule::ManifestDiffers,
    }
}

/// Another range of a dependency installs another program; what only people and development tools read installs none.
fn risk_of(rule: Rule, difference: &ManifestDifference) -> Risk {
    if stands_out(difference).is_some() {
        return Risk::Critical;
    }
    // What is no longer named runs nothing; names of `imports` are the package's own.
    if difference.key_path == "imports" && difference.published.is_none() {
        return Risk::Medium;
    }
    if rule != Rule::ManifestDiffers {
        return rule.risk();
    }
    match key_parts(difference).0 {
        "dependencies" | "optionalDependencies" | "bundleDependencies" | "bundledDependencies"
            if difference.published.is_some() =>
        {
            Risk::High
        }
        // What is no longer asked for installs nothing.
        "dependencies" | "optionalDependencies" | "peerDependencies" if difference.published.is_none() => Risk::Low,
        "gypfile" | "binary" => Risk::High,
        "description" | "keywords" | "homepage" | "bugs" | "author" | "contributors" | "maintainers" | "funding"
        | "readme" | "readmeFilename" | "devDependencies" => Risk::Low,
        _ => rule.risk(),
    }
}

/// What makes one of many dependencies or commands worse than the others, if anything does.
fn stands_out(difference: &ManifestDifference) -> Option<&'static str> {
    let (top, _) = key_parts(difference);
    let names = |value: &Option<Value>, is_one: fn(&str, &Value) -> bool| match value {
        Some(Value::Object(entries)) => entries.iter().any(|(name, value)| is_one(name, value)),
        Some(value) => is_one(last_name(&difference.key_path), value),
        None => false,
    };
    let (is_one, what): (fn(&str, &Value) -> bool, _) = match top {
        "dependencies" | "optionalDependencies" | "peerDependencies" => {
            (|_, range| range.as_str().is_some_and(is_elsewhere), "which comes from outside of the registry")
        }
        "bin" => {
            (|name, _| KNOWN_COMMANDS.contains(&name), "which scripts then call in the place of the known command")
        }
        _ => return None,
    };
    (names(&difference.published, is_one) && !names(&difference.source, is_one)).then_some(what)
}

/// Whether a range names a repository or an address, whose content no registry keeps as it was.
fn is_elsewhere(range: &str) -> bool {
    is_foreign(range) || range.starts_with("http:") || range.starts_with("https:")
}

/// The last name of a key path: `b.c` of `dependencies["b.c"]`, whatever is odd about how it is written.
fn last_name(key_path: &str) -> &str {
    let key_path =
        key_path.strip_suffix(')').and_then(|path| path.rsplit_once(" (")).map_or(key_path, |(path, _)| path);
    match key_path.strip_suffix("\"]").and_then(|path| path.rsplit_once("[\"")) {
        Some((_, name)) => name,
        None => key_path.rsplit('.').next().unwrap_or_default(),
    }
}

/// Whether a list of names has one that the source's has not.
fn names_more(difference: &ManifestDifference) -> bool {
    let names = |value: &Option<Value>| -> Vec<String> {
        let list = value.as_ref().and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let source = names(&difference.source);
    names(&difference.published).iter().any(|name| !source.contains(name))
}

fn key_parts(difference: &ManifestDifference) -> (&str, &str) {
    let mut parts = difference.key_path.split(['.', '[']);
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

/// Both values of a key, each with the name of its side.
pub(super) fn side_by_side(difference: &ManifestDifference, sides: [&str; 2]) -> String {
    let show = |value: &Option<Value>| match value {
        Some(value) => value.to_string().chars().take(200).collect(),
        None => "(absent)".to_owned(),
    };
    let (published, source) = (show(&difference.published), show(&difference.source));
    format!("`{}`: {} {published}, {} {source}", difference.key_path, sides[0], sides[1])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::support::key;

    #[test]
    fn each_key_has_one_rule_and_a_risk() {
        let text = || Some(json!("x"));
        for (path, published, source, rule, risk) in [
            ("scripts.postinstall", text(), None, Rule::InstallScriptAdded, Risk::High),
            ("scripts.postinstall", text(), text(), Rule::InstallScriptDiffers, Risk::High),
            ("scripts.test", text(), None, Rule::ManifestDiffers, Risk::Medium),
            ("dependencies[\"b.c\"]", text(), None, Rule::DependencyAdded, Risk::High),
            ("dependencies.b", text(), text(), Rule::ManifestDiffers, Risk::High),
            ("dependencies.b", None, text(), Rule::ManifestDiffers, Risk::Low),
            ("devDependencies.b", text(), None, Rule::ManifestDiffers, Risk::Low),
            ("bin.tool", text(), None, Rule::BinAdded, Risk::High),
            ("bin.tool", text(), text(), Rule::EntryPointDiffers, Risk::High),
            ("exports[\".\"]", text(), text(), Rule::EntryPointDiffers, Risk::High),
            ("imports", None, text(), Rule::EntryPointDiffers, Risk::Medium),
            ("imports", text(), text(), Rule::EntryPointDiffers, Risk::High),
            ("exports", None, text(), Rule::EntryPointDiffers, Risk::High),
            ("dependencies.b", Some(json!("git+ssh://h.example/b.git")), None, Rule::DependencyAdded, Risk::Critical),
            ("dependencies.b", Some(json!("https://h.example/-/b.tgz")), text(), Rule::ManifestDiffers, Risk::Critical),
            ("dependencies.b", text(), Some(json!("owner/b")), Rule::ManifestDiffers, Risk::High),
            ("dependencies.b", Some(json!("owner/b#1")), Some(json!("owner/b")), Rule::ManifestDiffers, Risk::High),
            ("optionalDependencies", Some(json!({"b": "owner/b"})), None, Rule::DependencyAdded, Risk::Critical),
            ("devDependencies.b", Some(json!("owner/b")), None, Rule::ManifestDiffers, Risk::Low),
            ("bin.npm", text(), None, Rule::BinAdded, Risk::Critical),
            ("bin[\"node-gyp\"]", text(), None, Rule::BinAdded, Risk::Critical),
            ("bin.npm (stated twice)", text(), None, Rule::BinAdded, Risk::Critical),
            ("bin[\"npm\"] (written with escapes)", text(), None, Rule::BinAdded, Risk::Critical),
            ("bin", Some(json!({"tool": "x", "git": "x"})), None, Rule::BinAdded, Risk::Critical),
            ("bin.git", text(), text(), Rule::EntryPointDiffers, Risk::High),
            ("description", text(), text(), Rule::ManifestDiffers, Risk::Low),
            ("payload", text(), None, Rule::ManifestDiffers, Risk::Medium),
        ] {
            let difference = key(path, published, source);
            assert_eq!(rule_of(&difference), rule, "{path}");
            assert_eq!(risk_of(rule, &difference), risk, "{path}");
        }
    }
}
