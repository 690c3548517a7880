use std::process::ExitCode;

use tarproof::cli::{parse, quiet_parsers, run};

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
