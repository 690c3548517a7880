//! The names things have: ecosystem, package name, version, purl, digest.
//!
//! Every identifier that arrives as text is parsed here, once, and travels as a type from then on.

mod digest;
mod document;
mod ecosystem;
mod json;
mod name;
mod purl;
mod version;

pub use digest::{BlobId, CommitId, DigestError, Integrity, IntegrityMismatch, Sha1Digest, Sha256Digest, hex_text};
pub use document::{is_document, is_document_of_package, is_usual_document, line_of, without_byte_order_mark};
pub use ecosystem::Ecosystem;
pub use json::{Json, read_json};
pub use name::{NameError, PackageName};
pub use purl::{Release, Subject, SubjectError};
pub use version::{Version, VersionError};
