//! The attack suite: known ways to change a package on its way to the registry, applied to honest packages.
//!
//! Each [`Transformation`] changes one honest release, the [`Draft`], and says at which path it must be found, by
//! which rules, and how urgent at least. [`FixtureSuite`] publishes every result in a registry on loopback and judges
//! it against a real repository; what is planted is an inert look-alike. [`Report`] says what was caught.

mod archive;
mod catalog;
mod draft;
mod fixture;
mod judge;
mod packages;
mod publish;
mod real;
mod report;
mod setting;
mod transformation;

pub use archive::{ArchiveReadError, read_members};
pub use catalog::catalog;
pub use draft::{Draft, Member, MemberKind, NameRecord};
pub use fixture::{FixtureSuite, SuiteError};
pub use judge::{Found, Outcome, Quiet, judge, judge_honest};
pub use packages::{DESCRIPTIONS, packages};
pub use publish::PublishError;
pub use real::{RealError, run_real};
pub use report::{HonestRow, Miss, Report, Row, Summary};
pub use setting::Setting;
pub use transformation::{Expected, Group, Planted, Transformation, VerdictIs};
