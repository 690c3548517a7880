//! Holds what the verifier said to what it had to say.

use super::transformation::{Planted, Transformation, is_explained};
use crate::finding::Risk;
use crate::verify::{Verification, VerifyError};

/// What was said about one transformed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The transformation's id.
    pub transformation: &'static str,
    /// The package.
    pub package: String,
    /// The verdict, or the error instead of one.
    pub verdict: String,
    /// The finding that caught it, where one had to.
    pub caught_by: Option<Found>,
    /// Why the change does not count as caught.
    pub problem: Option<String>,
}

/// What was said about one honest release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quiet {
    /// The package.
    pub package: String,
    /// The version.
    pub version: String,
    /// The verdict, or the error instead of one.
    pub verdict: String,
    /// Why the release is not quiet.
    pub problem: Option<String>,
}

/// A finding as far as the suite compares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The rule's id.
    pub rule: &'static str,
    /// The path, if it names one.
    pub path: Option<String>,
    /// How urgent it is.
    pub risk: Risk,
}

/// Whether the change was caught: the right rule at the right place, urgent enough, and the verdict as it must be.
pub fn judge(
    transformation: &Transformation,
    package: &str,
    planted: &Planted,
    result: &Result<Verification, VerifyError>,
) -> Outcome {
    let outcome = |verdict: String, caught_by: Option<Found>, problem: Option<String>| Outcome {
        transformation: transformation.id,
        package: package.to_owned(),
        verdict,
        caught_by,
        problem,
    };
    let verification = match result {
        Ok(verification) => verification,
        Err(error) => return outcome(told(error), None, Some("the verification failed".to_owned())),
    };
    let verdict = verification.verdict.to_string();
    let found = findings(verification);
    let expected = &transformation.expected;
    let is_right = |found: &&Found| {
        let here = found.path.as_ref().is_some_and(|path| planted.paths.contains(path));
        expected.rules.contains(&found.rule) && (here || planted.paths.is_empty())
    };
    let best = found.iter().filter(is_right).min_by_key(|found| found.risk).cloned();
    let problem = if !expected.verdict.holds(&verdict) {
        Some(format!("the verdict is {verdict}; {}", listed(&found)))
    } else if expected.rules.is_empty() {
        None
    } else {
        match &best {
            None => {
                let place = planted.paths.join(" or ");
                Some(format!("no {} at {place:?}; {}", expected.rules.join(" or "), listed(&found)))
            }
            // The first risk is the most urgent.
            Some(best) if best.risk > expected.risk => {
                Some(format!("{} is only {}, not {}", best.rule, best.risk, expected.risk))
            }
            Some(_) => None,
        }
    };
    outcome(verdict, best, problem)
}

/// Whether an honest release is explained and raises nothing but low findings.
pub fn judge_honest(package: &str, version: &str, result: &Result<Verification, VerifyError>) -> Quiet {
    let (verdict, problem) = match result {
        Err(error) => (told(error), Some("the verification failed".to_owned())),
        Ok(verification) => {
            let verdict = verification.verdict.to_string();
            let loud: Vec<Found> = findings(verification).into_iter().filter(|found| found.risk < Risk::Low).collect();
            let problem = match (is_explained(&verdict), loud.is_empty()) {
                (true, true) => None,
                _ => Some(format!("the verdict is {verdict}; {}", listed(&loud))),
            };
            (verdict, problem)
        }
    };
    Quiet { package: package.to_owned(), version: version.to_owned(), verdict, problem }
}

fn findings(verification: &Verification) -> Vec<Found> {
    let found = verification.findings.iter().map(|finding| Found {
        rule: finding.rule.id(),
        path: finding.path.clone(),
        risk: finding.risk,
    });
    found.collect()
}

fn told(error: &VerifyError) -> String {
    format!("error: {}", crate::source::git::with_source(error))
}

fn listed(found: &[Found]) -> String {
    if found.is_empty() {
        return "no findings".to_owned();
    }
    let list: Vec<String> = found
        .iter()
        .map(|found| format!("{} {} at {}", found.risk, found.rule, found.path.as_deref().unwrap_or("-")))
        .collect();
    format!("findings: {}", list.join(", "))
}
