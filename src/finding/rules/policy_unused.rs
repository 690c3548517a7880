//! `policy-unused`

use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::PolicyUnused,
    id: "policy-unused",
    severity: Severity::Note,
    confidence: Confidence::VeryHigh,
    risk: Risk::Low,
    weighing: Weighing::Fixed,
    summary: "An exception of the policy excepts nothing.",
};

/// Nothing here: only where the policy is applied it shows what was used.
pub(super) fn judge(_evidence: &Evidence<'_>) -> Vec<Finding> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fires_where_a_policy_is_applied() {
        let finding = Finding::new(Rule::PolicyUnused, None, "the exception for `lib/` excepts nothing");
        assert_eq!((finding.risk, finding.rule.id()), (Risk::Low, "policy-unused"));
    }

    #[test]
    fn stays_silent() {
        assert!(judge(&Evidence::default()).is_empty());
    }
}
