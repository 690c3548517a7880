//! What a piece of JavaScript can do, read from its syntax tree.
//!
//! A capability is a hint for the order in which people look at findings, never a verdict.

use std::fmt;

/// Something that code can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Runs text as code (`eval`, `new Function`, `vm`).
    DynamicCode,
    /// Starts programs.
    Process,
    /// Talks to other machines.
    Network,
    /// Replaces what other code relies on (`fetch`, `XMLHttpRequest.prototype`, `window.ethereum`).
    Patching,
    /// Reads the environment or credentials.
    Environment,
    /// Reads or writes files.
    FileSystem,
    /// Carries long encoded text.
    EncodedPayload,
    /// Names what looks like an address of a wallet.
    WalletAddress,
}

impl Capability {
    /// The stable id.
    pub fn id(self) -> &'static str {
        match self {
            Self::DynamicCode => "dynamic-code",
            Self::Process => "process",
            Self::Network => "network",
            Self::Patching => "patching",
            Self::Environment => "environment",
            Self::FileSystem => "file-system",
            Self::EncodedPayload => "encoded-payload",
            Self::WalletAddress => "wallet-address",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.id())
    }
}

/// A capability and where it was seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signal {
    /// What.
    pub capability: Capability,
    /// The line of the published file, counted from 1.
    pub line: usize,
    /// A few words about what was seen, such as `require('child_process')`.
    pub evidence: String,
}
