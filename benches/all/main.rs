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
mod sweep;

use criterion::{Criterion, criterion_group};
use tarproof::stabilize::javascript::{STACK_SIZE, mark_large_stack};

// As in the program itself.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

criterion_group!(
    all,
    analysis::analysing,
    artifact::reading,
    packages::comparing,
    packages::verifying,
    history::walking,
    packlist::selecting,
    sweep::sweeping,
    sweep::sweeping_own
);

/// As in the program itself, whose threads all bear the parser.
fn main() -> std::io::Result<()> {
    let benches = std::thread::Builder::new().stack_size(STACK_SIZE).spawn(|| {
        mark_large_stack();
        all();
        Criterion::default().configure_from_args().final_summary();
    })?;
    benches.join().map_err(|_| std::io::Error::other("a benchmark panicked"))
}
