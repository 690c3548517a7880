//! What is said of a rule beside what it looks for.

use std::fmt;

use crate::finding::{RULES, Risk, Rule, Weighing};

/// What a rule's findings are, in the words of SARIF's `level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Decides what runs on a user's machine, or breaks a claim.
    Error,
    /// Unexplained, but inert as far as can be told.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// The stable id, as SARIF writes a level.
    pub fn id(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.id())
    }
}

/// How often a finding is what its rule looks for, in the words of the `precision` property that code scanners use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// A fact that needs no judgement.
    VeryHigh,
    /// A fact with few innocent causes.
    High,
    /// A fact that has innocent causes, too, or a judgement with known errors.
    Medium,
    /// A hint.
    Low,
}

impl Confidence {
    /// The stable id.
    pub fn id(self) -> &'static str {
        match self {
            Self::VeryHigh => "very-high",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.id())
    }
}

/// What every rule says of itself; its page in `docs/rules/` says the same at length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// The rule.
    pub rule: Rule,
    /// The stable id.
    pub id: &'static str,
    /// What its findings are.
    pub severity: Severity,
    /// How often a finding is what the rule looks for.
    pub confidence: Confidence,
    /// The risk of its findings before anything else is known.
    pub risk: Risk,
    /// What else counts for the risk.
    pub weighing: Weighing,
    /// One sentence about what it finds.
    pub summary: &'static str,
}

impl Rule {
    /// Everything the rule says of itself.
    pub fn description(self) -> &'static Description {
        // The table is generated in the order of the variants.
        &RULES[self as usize]
    }

    /// The stable id.
    pub fn id(self) -> &'static str {
        self.description().id
    }

    /// What its findings are.
    pub fn severity(self) -> Severity {
        self.description().severity
    }

    /// How often a finding is what the rule looks for.
    pub fn confidence(self) -> Confidence {
        self.description().confidence
    }

    /// The risk of its findings before anything else is known.
    pub fn risk(self) -> Risk {
        self.description().risk
    }

    /// One sentence about what it finds.
    pub fn summary(self) -> &'static str {
        self.description().summary
    }

    /// Finds a rule by its id.
    pub fn parse(id: &str) -> Option<Self> {
        RULES.iter().find(|row| row.id == id).map(|row| row.rule)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_finds_its_own_row_and_ids_are_unique() {
        let mut ids = BTreeSet::new();
        for row in RULES {
            assert_eq!(row.rule.id(), row.id);
            assert_eq!(Rule::parse(row.id), Some(row.rule));
            assert!(ids.insert(row.id), "{} twice", row.id);
            assert!(row.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte.is_ascii_digit()));
            assert!(row.summary.ends_with('.'), "{}", row.id);
        }
    }

    #[test]
    fn a_rules_risk_follows_its_severity_but_for_what_the_source_holds() {
        for row in RULES {
            let usual = match row.severity {
                Severity::Error => Risk::High,
                Severity::Warning => Risk::Medium,
                Severity::Note => Risk::Low,
            };
            let differs = usual != row.risk;
            assert_eq!(differs, row.rule == Rule::SourceHistoryOnly, "{}", row.id);
        }
    }
}
