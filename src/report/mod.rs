//! Views of a verification. The ledger is the product; everything here only shows it.

pub mod diff;
pub mod explain;
mod groups;
pub mod html;
pub mod json;
pub mod printable;
mod rebuild;
pub mod sarif;
pub mod terminal;
mod words;
