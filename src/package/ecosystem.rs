use std::fmt;

/// A package ecosystem, named by its purl type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ecosystem {
    /// `pkg:npm`
    Npm,
}

impl Ecosystem {
    /// Looks an ecosystem up by its purl type (`npm`).
    pub fn from_purl_type(purl_type: &str) -> Option<Self> {
        match purl_type {
            "npm" => Some(Self::Npm),
            _ => None,
        }
    }

    /// The purl type.
    pub fn purl_type(self) -> &'static str {
        match self {
            Self::Npm => "npm",
        }
    }
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.purl_type())
    }
}
