use std::fmt;

/// How urgently a finding should be looked at. It orders findings and never changes a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Risk {
    /// Unexplained code that runs without being asked for, and does what attacks do.
    Critical,
    /// Unexplained code that runs, or a broken claim about the source.
    High,
    /// Unexplained, and not known to run.
    Medium,
    /// Worth knowing.
    Low,
}

impl Risk {
    /// One step less urgent.
    pub(super) fn less_urgent(self) -> Self {
        match self {
            Self::Critical => Self::High,
            Self::High => Self::Medium,
            Self::Medium | Self::Low => Self::Low,
        }
    }

    /// The stable id.
    pub fn id(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.id())
    }
}
