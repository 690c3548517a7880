//! `repository-changed`

use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};
use crate::source::repository_move::MoveAnswer;

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::RepositoryChanged,
    id: "repository-changed",
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    risk: Risk::Medium,
    weighing: Weighing::Fixed,
    summary: "Another owner's repository is named than by the releases before.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let Some(moved) = evidence.repository_move else { return Vec::new() };
    let (risk, answer) = match &moved.answer {
        MoveAnswer::Confirmed => (Risk::Low, "which has a commit of this release, too".to_owned()),
        MoveAnswer::Lasted => (Risk::Low, "and higher versions of a month later name the new one, too".to_owned()),
        MoveAnswer::Denied => {
            (Risk::High, "which has no commit of this release and is what it was compared with".to_owned())
        }
        MoveAnswer::Unknown(reason) => {
            let risk = if moved.is_new { Risk::Medium } else { Risk::Low };
            (risk, format!("which could not be asked: {reason}"))
        }
    };
    let (to, from, version) = (&moved.to, &moved.from, &moved.version);
    let message = format!("the release names `{to}`, release {version} names `{from}`, {answer}");
    vec![Finding::new(Rule::RepositoryChanged, None, message).with_risk(risk)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::version;
    use crate::source::RepositoryLocation;
    use crate::source::repository_move::RepositoryMove;

    fn judged(answer: MoveAnswer, is_new: bool) -> Vec<Risk> {
        let location = |name: &str| RepositoryLocation::from_metadata(name).unwrap();
        let moved = RepositoryMove {
            from: location("https://git.example/owner/a"),
            to: location("https://git.example/stranger/a"),
            version: version("1.0.0"),
            is_new,
            answer,
        };
        let findings = judge(&Evidence { repository_move: Some(&moved), ..Evidence::default() });
        findings.iter().map(|finding| finding.risk).collect()
    }

    #[test]
    fn fires() {
        let unknown = || MoveAnswer::Unknown("it is gone".to_owned());
        assert_eq!(judged(MoveAnswer::Denied, false), [Risk::High]);
        assert_eq!(judged(unknown(), true), [Risk::Medium]);
        assert_eq!(judged(unknown(), false), [Risk::Low]);
        assert_eq!(judged(MoveAnswer::Confirmed, true), [Risk::Low]);
        assert_eq!(judged(MoveAnswer::Lasted, true), [Risk::Low]);
    }

    #[test]
    fn stays_silent() {
        assert!(judge(&Evidence::default()).is_empty());
    }
}
