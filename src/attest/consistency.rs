//! What must hold inside of one statement, whoever signed it: a claim that contradicts itself claims nothing.
//!
//! Checked wherever a predicate is read, so that no reader can forget it. Only contradictions are refused, not fields or
//! values that this version does not know.

use std::collections::BTreeSet;

use super::predicate::{
    FindingCount, LedgerSummary, LockEntry, PolicyUsed, Provenance, RebuildOutcome, Standing, Summary, Tier,
    VerdictLock, VerdictName, Verification,
};
use super::statement::Resource;
use super::types;
use crate::ledger::Explanation;
use crate::package::{CommitId, Integrity, Sha256Digest, hex_text};

/// Where a statement contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the statement contradicts itself: {0}")]
pub struct Contradiction(String);

type Consistent = Result<(), Contradiction>;

/// Refuses with a reason unless `holds`.
fn hold(holds: bool, reason: impl FnOnce() -> String) -> Consistent {
    if holds { Ok(()) } else { Err(Contradiction(reason())) }
}

fn one<'a>(subjects: &'a [Resource], what: &str) -> Result<&'a Resource, Contradiction> {
    let [subject] = subjects else {
        return Err(Contradiction(format!("{what} is about one artifact, and it names {} subjects", subjects.len())));
    };
    Ok(subject)
}

/// Whether the verdict says that the source explains every file.
fn is_explained(verdict: VerdictName) -> bool {
    matches!(verdict, VerdictName::Verbatim | VerdictName::Reproduced | VerdictName::Equivalent)
}

pub(super) fn of_verification(claim: &Verification, subjects: &[Resource]) -> Consistent {
    one(subjects, "a verification")?;
    let Verification { verdict, ledger, source, findings, policy, .. } = claim;
    let id = verdict.id();
    reason(*verdict, claim.inconclusive.as_deref())?;
    if let Some(source) = source {
        hold(is_commit(source.digest.get("gitCommit")), || "its source names no commit".to_owned())?;
    }
    let standing = source.as_ref().map(|source| source.standing);
    match verdict {
        VerdictName::Inconclusive => {}
        VerdictName::NoSource => {
            hold(standing != Some(Standing::Established), || {
                format!("the verdict is `{id}` and a commit is established")
            })?;
        }
        VerdictName::Verbatim | VerdictName::Reproduced | VerdictName::Equivalent | VerdictName::Divergent => {
            hold(standing == Some(Standing::Established), || {
                format!("the verdict is `{id}` and no commit is established")
            })?;
            hold(ledger.is_some(), || format!("the verdict is `{id}` and there is no ledger"))?;
        }
    }
    if let Some(ledger) = ledger {
        of_ledger(ledger)?;
        of_classes(*verdict, ledger)?;
        let rebuilt = has(ledger, "rebuilt") || has(ledger, "rebuilt-stabilized");
        let outcome = claim.rebuild.as_ref().map(|rebuild| rebuild.outcome);
        hold(!rebuilt || outcome.is_some_and(|outcome| outcome != RebuildOutcome::Failed), || {
            "files came out of a rebuild, and no rebuild made any".to_owned()
        })?;
        // What speaks against an artifact whose files are all explained stands in its findings alone.
        hold(*verdict != VerdictName::Divergent || ledger.explained < ledger.files || !findings.is_empty(), || {
            "the verdict is `divergent`, every file is explained, and there is no finding".to_owned()
        })?;
    }
    of_findings(claim)?;
    of_policy(policy)
}

/// The reason's id stands where, and only where, nothing could be concluded.
fn reason(verdict: VerdictName, inconclusive: Option<&str>) -> Consistent {
    hold((verdict == VerdictName::Inconclusive) == inconclusive.is_some(), || match inconclusive {
        Some(_) => format!("the verdict is `{}` and a reason is given why nothing could be concluded", verdict.id()),
        None => "the verdict is `inconclusive` without a reason".to_owned(),
    })
}

fn has(ledger: &LedgerSummary, class: &str) -> bool {
    ledger.classes.contains_key(class)
}

fn of_ledger(ledger: &LedgerSummary) -> Consistent {
    let LedgerSummary { digest, files, explained, classes, tier, rules, stabilizers, .. } = ledger;
    hold(is_sha256(digest.get("sha256")), || "its ledger has no digest".to_owned())?;
    hold(classes.values().all(|count| *count > 0), || "a class of files has no file".to_owned())?;
    let sum = |is_meant: fn(&str) -> bool| {
        let counts = classes.iter().filter(|(class, _)| is_meant(class)).map(|(_, count)| count);
        counts.copied().try_fold(0_u64, u64::checked_add)
    };
    let total = sum(|_| true);
    hold(total == Some(*files), || format!("{files} files are counted, and its classes have {}", number(total)))?;
    // A later version may know classes that are not known here.
    if classes.keys().all(|class| Explanation::CLASSES.contains(&class.as_str())) {
        let counted = sum(|class| Tier::of_class(class).is_some());
        hold(counted == Some(*explained), || {
            format!("{explained} of {files} files are said to be explained, and its classes say {}", number(counted))
        })?;
        hold(*tier == Tier::of_classes(classes.keys().map(String::as_str)), || {
            "the tier is not the weakest of the classes".to_owned()
        })?;
    }
    hold(rules.is_empty() || has(ledger, "derived"), || "rules were used, and no file is derived".to_owned())?;
    let stabilized = has(ledger, "stabilized") || has(ledger, "rebuilt-stabilized");
    hold(!stabilizers.is_empty() || !stabilized, || "files are stabilized, and no stabilizer was used".to_owned())?;
    hold(stabilizers.is_empty() || stabilized || has(ledger, "attributed"), || {
        "stabilizers were used, and no file is stabilized".to_owned()
    })
}

/// Holds the verdict to what the classes of files allow.
fn of_classes(verdict: VerdictName, ledger: &LedgerSummary) -> Consistent {
    let LedgerSummary { files, explained, classes, .. } = ledger;
    let id = verdict.id();
    hold(!is_explained(verdict) || explained == files, || {
        format!("the verdict is `{id}` and {explained} of {files} files are explained")
    })?;
    // A licence or readme from another place is still `verbatim`.
    let exact = ["git-blob", "derived", "git-blob-moved"];
    let other = |allowed: &[&str]| classes.keys().find(|class| !allowed.contains(&class.as_str()));
    let foreign = match verdict {
        VerdictName::Verbatim => other(&exact),
        VerdictName::Reproduced => other(&[&exact[..], &["rebuilt"]].concat()),
        VerdictName::Equivalent | VerdictName::Divergent | VerdictName::NoSource | VerdictName::Inconclusive => None,
    };
    if let Some(class) = foreign {
        return Err(Contradiction(format!(
            "the verdict is `{id}` and there are files of the class `{}`",
            named(class)
        )));
    }
    hold(verdict != VerdictName::Reproduced || has(ledger, "rebuilt"), || {
        "the verdict is `reproduced` and no file came out of a rebuild".to_owned()
    })?;
    hold(verdict != VerdictName::Equivalent || other(&["git-blob", "derived", "rebuilt"]).is_some(), || {
        "the verdict is `equivalent` and every file is exact".to_owned()
    })
}

fn of_findings(claim: &Verification) -> Consistent {
    let Verification { findings, policy, verdict, .. } = claim;
    let mut rules = BTreeSet::new();
    for FindingCount { rule, count, excepted, .. } in findings {
        hold(rules.insert(rule), || format!("the rule `{}` is counted twice", named(rule)))?;
        hold(excepted <= count && *count > 0, || {
            format!("{excepted} of {count} findings of the rule `{}` are excepted", named(rule))
        })?;
    }
    let any = findings.iter().any(|finding| finding.excepted > 0);
    hold(any != policy.exceptions.is_empty(), || match any {
        true => "findings are excepted, and no exception was used".to_owned(),
        false => "exceptions were used, and no finding is excepted".to_owned(),
    })?;
    if claim.excepted {
        let bad = matches!(verdict, VerdictName::Divergent | VerdictName::NoSource);
        hold(bad, || format!("the verdict is `{}` and what speaks against the artifact is excepted", verdict.id()))?;
        let mut stated = findings.iter().filter(|finding| finding.severity != "note").peekable();
        let whole = stated.peek().is_some() && stated.all(|finding| finding.excepted == finding.count);
        hold(whole, || "all that speaks against the artifact is excepted, and not all findings are".to_owned())?;
    }
    Ok(())
}

fn of_policy(policy: &PolicyUsed) -> Consistent {
    let PolicyUsed { uri, digest, exceptions } = policy;
    if uri == types::STRICT_POLICY {
        let strict = digest.is_empty() && exceptions.is_empty();
        hold(strict, || "there was no policy file, and it has a digest or exceptions".to_owned())?;
    }
    hold(uri != types::FILE_POLICY || is_sha256(digest.get("sha256")), || {
        "there was a policy file, and it has no digest".to_owned()
    })
}

pub(super) fn of_summary(claim: &Summary, subjects: &[Resource]) -> Consistent {
    let subject = one(subjects, "a summary")?;
    hold(subject.name.as_ref() == Some(&claim.resource_uri), || {
        format!("it is about `{}`, and its subject is another", named(&claim.resource_uri))
    })?;
    hold(claim.levels_fit(), || "its levels are not those of its result".to_owned())?;
    of_policy(&claim.policy)
}

pub(super) fn of_provenance(claim: &Provenance, subjects: &[Resource]) -> Consistent {
    one(subjects, "a rebuild's provenance")?;
    let definition = &claim.build_definition;
    hold(definition.internal_parameters.outcome != RebuildOutcome::Failed, || {
        "the rebuild failed, and made an archive".to_owned()
    })?;
    let source = definition.external_parameters.source.as_ref();
    let commits = definition.resolved_dependencies.iter().filter(|one| is_commit(one.digest.get("gitCommit")));
    let [commit] = commits.collect::<Vec<_>>()[..] else {
        return Err(Contradiction("it does not name exactly one commit".to_owned()));
    };
    hold(commit.uri.as_ref() == source, || "its commit is of another repository than its source".to_owned())
}

pub(super) fn of_lock(claim: &VerdictLock, subjects: &[Resource]) -> Consistent {
    let VerdictLock { packages, uncovered, policy, .. } = claim;
    hold(subjects.len() == packages.len(), || {
        format!("it has {} packages and {} subjects", packages.len(), subjects.len())
    })?;
    let mut purls = BTreeSet::new();
    for (entry, subject) in packages.iter().zip(subjects) {
        let about = |reason: &str| format!("`{}` {reason}", named(&entry.purl));
        hold(purls.insert(entry.purl.as_str()), || about("is named twice"))?;
        let sha512 = Integrity::parse(&entry.integrity).ok().and_then(|stated| stated.sha512().map(hex_text));
        let same = sha512.is_some() && subject.digest.get("sha512") == sha512.as_ref();
        hold(subject.name.as_ref() == Some(&entry.purl) && same, || about("is not the subject at its place"))?;
        of_entry(entry, policy).map_err(|Contradiction(reason)| Contradiction(about(&format!("does: {reason}"))))?;
    }
    let both = uncovered.iter().find(|missing| purls.contains(missing.name.as_str()));
    if let Some(both) = both {
        return Err(Contradiction(format!("`{}` has a verdict and has none", named(&both.name))));
    }
    of_policy(policy)
}

fn of_entry(entry: &LockEntry, policy: &PolicyUsed) -> Consistent {
    let LockEntry { verdict, tier, stabilizers, commit, .. } = entry;
    let id = verdict.id();
    reason(*verdict, entry.inconclusive.as_deref())?;
    hold(!is_explained(*verdict) || tier.is_some(), || format!("the verdict is `{id}` and a file is not explained"))?;
    let needs_commit = is_explained(*verdict) || *verdict == VerdictName::Divergent;
    hold(!needs_commit || is_commit(commit.as_ref()), || format!("the verdict is `{id}` and there is no commit"))?;
    let exact = matches!(verdict, VerdictName::Verbatim | VerdictName::Reproduced);
    hold(!exact || stabilizers.is_empty(), || format!("the verdict is `{id}` and stabilizers were used"))?;
    let fits = match verdict {
        VerdictName::Verbatim => *tier != Some(Tier::Rebuild),
        VerdictName::Reproduced => matches!(tier, Some(Tier::Rebuild | Tier::Attribution)),
        VerdictName::Equivalent | VerdictName::Divergent | VerdictName::NoSource | VerdictName::Inconclusive => true,
    };
    hold(fits, || format!("the verdict is `{id}` and its tier is another verdict's"))?;
    let may_be_excepted = matches!(verdict, VerdictName::Divergent | VerdictName::NoSource);
    hold(!entry.excepted || (may_be_excepted && !policy.exceptions.is_empty()), || {
        "it is excepted, and nothing excepts it".to_owned()
    })
}

fn is_commit(text: Option<&String>) -> bool {
    text.is_some_and(|text| CommitId::parse(text).is_ok())
}

fn is_sha256(text: Option<&String>) -> bool {
    text.is_some_and(|text| Sha256Digest::parse(text).is_ok())
}

fn number(sum: Option<u64>) -> String {
    sum.map_or_else(|| "more than any archive".to_owned(), |sum| sum.to_string())
}

/// Somebody else's word in a reason of ours.
fn named(text: &str) -> String {
    text.chars().take(256).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests;
