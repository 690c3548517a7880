//! The machine-readable report. Each version has its own structs, converted explicitly.

pub mod v1;
