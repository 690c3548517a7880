//! The names that statements use. Each is a promise: a change of meaning needs a new one.
//!
//! `tarproof.example` is an address that nobody can own, so nobody can stand in for the program; nothing is ever
//! fetched from it.

/// The payload type of every envelope that holds a statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// What a statement calls itself.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The media type of the bundles that are written and read.
pub const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A verification, with its ledger in numbers.
pub const VERIFICATION: &str = "https://tarproof.example/predicates/verification/v1";
/// The verdicts of a whole lockfile.
pub const VERDICT_LOCK: &str = "https://tarproof.example/predicates/verdict-lock/v1";
/// SLSA's verification summary.
pub const SUMMARY: &str = "https://slsa.dev/verification_summary/v1";
/// SLSA's provenance.
pub const PROVENANCE: &str = "https://slsa.dev/provenance/v1";

/// Who verified.
pub const VERIFIER: &str = "https://tarproof.example/verifier/v1";
/// The policy of a verification without a policy file: nothing is excepted.
pub const STRICT_POLICY: &str = "https://tarproof.example/policies/strict/v1";
/// The policy of a verification with a policy file.
pub const FILE_POLICY: &str = "https://tarproof.example/policies/file/v1";
/// How a rebuild is made: from a plan, as `docs/rebuild-plans.md` describes it.
pub const REBUILD: &str = "https://tarproof.example/build-types/rebuild/v1";
/// What makes a rebuild: this program, on somebody's machine.
pub const BUILDER: &str = "https://tarproof.example/builders/local/v1";
