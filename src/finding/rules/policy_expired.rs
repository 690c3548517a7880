//! `policy-expired`

use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::PolicyExpired,
    id: "policy-expired",
    severity: Severity::Note,
    confidence: Confidence::VeryHigh,
    risk: Risk::Low,
    weighing: Weighing::Fixed,
    summary: "An exception of the policy is past its last day.",
};

/// Nothing here: only where the policy is applied the day is known.
pub(super) fn judge(_evidence: &Evidence<'_>) -> Vec<Finding> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fires_where_a_policy_is_applied() {
        let finding = Finding::new(Rule::PolicyExpired, None, "the exception for `lib/` ended on 2026-01-01");
        assert_eq!((finding.risk, finding.rule.id()), (Risk::Low, "policy-expired"));
    }

    #[test]
    fn stays_silent() {
        assert!(judge(&Evidence::default()).is_empty());
    }
}
