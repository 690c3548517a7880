//! Benchmarks of the library, in one program so that it is linked once.
//!
//! Everything they read is made on the spot: archives and repositories are generated, packages and registry are the
//! fixture world's, on loopback. `cargo bench --bench all -- artifact` runs the ones whose name contains the word.
//! Whole processes are compared with other tools by `scripts/compare-speed`, not here.

mod analysis;
mod artifact;
mod generate;
mod history;
mod packages;
mod packlist;

use criterion::{criterion_group, criterion_main};

criterion_group!(
    all,
    analysis::analysing,
    artifact::reading,
    packages::comparing,
    packages::verifying,
    history::walking,
    packlist::selecting
);
criterion_main!(all);
