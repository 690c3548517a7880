//! Runs one program in a sandbox, to see what a build would see.
//!
//! `cargo run --package tarproof-sandbox --example run -- [--mount SOURCE:TARGET]... PROGRAM [ARGUMENT]...`
//!
//! Without a program, says what this machine offers.

#![expect(clippy::print_stdout, reason = "a program for people")]

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;
use tarproof_sandbox::{
    Command, Environment, Limits, Mount, NetworkPolicy, Policy, RunLimits, Sandbox, Session, Status, probe, run_if_init,
};

const GIBIBYTE: u64 = 1 << 30;

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    let system = ["/usr", "/bin", "/lib", "/lib64"].into_iter();
    let mut mounts = system
        .filter(|path| std::fs::symlink_metadata(path).is_ok())
        .map(Mount::same)
        .collect::<Result<Vec<_>, _>>()?;
    while arguments.next_if(|argument| argument == "--mount").is_some() {
        let mount = arguments.next().ok_or("`--mount` wants SOURCE:TARGET")?;
        let (source, target) = mount.split_once(':').ok_or("`--mount` wants SOURCE:TARGET")?;
        mounts.push(Mount::read_only(source, target)?);
    }
    let Some(program) = arguments.next() else {
        let support = probe(&Sandbox::default());
        for (mechanism, offer) in &support.mechanisms {
            println!("{mechanism:<24} {offer:?}");
        }
        println!("a sandbox can be started: {}", support.obstacle.as_deref().unwrap_or("yes"));
        return Ok(ExitCode::from(u8::from(!support.can_start())));
    };
    let limits = Limits { memory: 3 * GIBIBYTE, processes: 256, disk: GIBIBYTE };
    let mut session = Session::start(&Sandbox::default(), &Policy { mounts, network: NetworkPolicy::None, limits })?;
    let minute = Duration::from_secs(60);
    let command = Command {
        program: program.into(),
        arguments: arguments.map(Into::into).collect(),
        environment: Environment::minimal(),
        working_directory: "/build".into(),
        limits: RunLimits { wall_time: minute, processor_time: 2 * minute, output: 16 << 20, file_size: GIBIBYTE },
    };
    let outcome = session.run(&command, &mut |text| {
        let _ = std::io::stdout().write_all(text);
    })?;
    println!("{outcome:?}");
    Ok(match outcome.status {
        Status::Exited(code) => ExitCode::from(code as u8),
        _ => ExitCode::FAILURE,
    })
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    run_if_init();
    run()
}
