//! `publisher-changed`

use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};
use crate::registry::{Neighbour, Neighbours};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::PublisherChanged,
    id: "publisher-changed",
    severity: Severity::Note,
    confidence: Confidence::Medium,
    risk: Risk::Low,
    weighing: Weighing::Context,
    summary: "Another account published this release than the ones before it.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let Some(metadata) = evidence.metadata else { return Vec::new() };
    let Some(publisher) = &metadata.publisher else { return Vec::new() };
    let Neighbours { earlier, lower, .. } = &metadata.neighbours;
    let before: Vec<(&Neighbour, &String)> = earlier
        .iter()
        .chain(lower)
        .filter(|other| other.is_before(metadata))
        .filter_map(|other| Some((other, other.publisher.as_ref()?)))
        .collect();
    let Some((other, account)) = before.first().filter(|_| before.iter().all(|(_, account)| *account != publisher))
    else {
        return Vec::new();
    };
    let message = format!("published by `{publisher}`, release {} by `{account}`", other.version);
    // Where a build service takes over from a person, who may publish has not changed.
    let risk = if BUILD_SERVICES.contains(&publisher.as_str()) { Risk::Low } else { Risk::Medium };
    vec![Finding::new(Rule::PublisherChanged, None, message).with_risk(risk)]
}

/// Accounts that a registry writes where a build service publishes. Nobody can have them: names hold no space.
const BUILD_SERVICES: [&str; 3] = ["GitHub Actions", "GitLab CI/CD", "GitLab CI"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{metadata, neighbour};

    fn judged(this: &str, earlier: &str, lower: &str) -> Vec<Risk> {
        let mut metadata = metadata("1.1.0");
        let other = |version, at, account: &str| {
            Some(Neighbour { publisher: Some(account.to_owned()), ..neighbour(version, at) })
        };
        metadata.publisher = Some(this.to_owned());
        metadata.neighbours.earlier = other("2.0.0", 60, earlier);
        metadata.neighbours.lower = other("1.0.0", 50, lower);
        let findings = judge(&Evidence { metadata: Some(&metadata), ..Evidence::default() });
        findings.iter().map(|finding| finding.risk).collect()
    }

    #[test]
    fn fires() {
        assert_eq!(judged("newcomer", "owner", "owner"), [Risk::Medium]);
        assert_eq!(judged("newcomer", "GitHub Actions", "owner"), [Risk::Medium]);
        assert_eq!(judged("GitHub Actions", "owner", "owner"), [Risk::Low]);
    }

    #[test]
    fn stays_silent() {
        assert!(judged("owner", "owner", "owner").is_empty());
        assert!(judged("owner", "helper", "owner").is_empty(), "one of two people who take turns");
    }
}
