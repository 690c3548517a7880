//! Which rule speaks for a key of the manifest that no manifest rule explains.

use serde_json::Value;

use crate::finding::{Evidence, Finding, Risk, Rule};
use crate::ledger::Explanation;
use crate::pack::npm::manifest::{KeyReach, ManifestDifference};

/// The findings of one rule about the manifest's keys.
pub(super) fn findings_of(rule: Rule, evidence: &Evidence<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in evidence.files() {
        let Explanation::Modified { keys, .. } = &file.explanation else { continue };
        for key in keys.iter().filter(|key| rule_of(key) == rule) {
            let message = side_by_side(key, ["published", "source"]);
            let mut finding = Finding::new(rule, Some(&file.path), message).with_risk(risk_of(rule, key));
            finding.key = Some(key.key_path.clone());
            finding.same_as = evidence.unchanged_key.and_then(|unchanged| unchanged(&key.key_path));
            if finding.same_as.is_some() {
                // What the release before said, too, is known to those who use it.
                finding.risk = finding.risk.less_urgent();
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
            ("description", text(), text(), Rule::ManifestDiffers, Risk::Low),
            ("payload", text(), None, Rule::ManifestDiffers, Risk::Medium),
        ] {
            let difference = key(path, published, source);
            assert_eq!(rule_of(&difference), rule, "{path}");
            assert_eq!(risk_of(rule, &difference), risk, "{path}");
        }
    }
}
