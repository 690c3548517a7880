//! `repository-mismatch`

use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};
use crate::package::PackageName;
use crate::source::directory::DirectoryOrigin;
use crate::source::match_commit::MatchStanding;

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::RepositoryMismatch,
    id: "repository-mismatch",
    severity: Severity::Error,
    confidence: Confidence::High,
    risk: Risk::High,
    weighing: Weighing::Fixed,
    summary: "The repository holds no package of that name and few of its files.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let Some(matched) = evidence.matched else { return Vec::new() };
    let winner = &matched.winner;
    let foreign = matches!(winner.directory.origin, DirectoryOrigin::Fallback | DirectoryOrigin::Content);
    let total = evidence.artifact.map_or(0, |artifact| artifact.files().count());
    if matched.standing != MatchStanding::Nearest || !foreign || (winner.matched as usize) * 2 >= total.max(1) {
        return Vec::new();
    }
    let name = evidence.name.map_or("", PackageName::as_str);
    let message = format!("the repository holds no package called `{name}` and few of its files");
    vec![Finding::new(Rule::RepositoryMismatch, None, message)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{contents, matched};

    fn judged(origin: DirectoryOrigin, files: u32) -> usize {
        let mut matched = matched(MatchStanding::Nearest);
        matched.winner.directory.origin = origin;
        matched.winner.matched = files;
        let contents = contents(Vec::new(), &[("a", b""), ("b", b""), ("c", b"")]);
        judge(&Evidence { matched: Some(&matched), artifact: Some(&contents), ..Evidence::default() }).len()
    }

    #[test]
    fn fires() {
        assert_eq!(judged(DirectoryOrigin::Fallback, 1), 1);
    }

    #[test]
    fn stays_silent() {
        assert_eq!(judged(DirectoryOrigin::Name, 1), 0);
        assert_eq!(judged(DirectoryOrigin::Fallback, 2), 0);
    }
}
