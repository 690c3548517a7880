use std::process::ExitCode;

use tarproof::cli::{parse, quiet_parsers, run};

// The C library's keeps what many threads gave back: a sweep of ten thousand packages held twice as much.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    // A sandbox's first process is this program, too.
    tarproof_sandbox::run_if_init();
    quiet_parsers();
    let arguments = parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("TARPROOF_LOG"))
        .without_time()
        .init();
    ExitCode::from(run(&arguments))
}
