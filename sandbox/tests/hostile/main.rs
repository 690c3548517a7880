//! The hostile build suite: what a build may try, and that none of it works.
//!
//! Three roles of one program: the sandbox's first process, the hostile build ([`probes`]), and the test. Each case of
//! [`cases`] runs in the sandbox, where it must be refused for the reason named, and where that is harmless also
//! outside, where it must succeed: a case that cannot succeed anywhere proves nothing. Started as root, everything
//! runs a second time as an ordinary user.

#![expect(clippy::print_stdout, clippy::exit, reason = "a test without the usual harness")]
#![expect(clippy::disallowed_methods, reason = "a test is configured by its environment")]

mod cases;
mod host;
mod probes;
mod sessions;

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

const ORDINARY_USER: u32 = 12_345;

/// Runs the program again, from a place where everybody may execute it.
fn as_ordinary_user(host: &host::Host) -> bool {
    println!("\n== as an ordinary user, started by root");
    let mut command = Command::new(&host.program);
    if let Some(program) = &host.set_uid_program {
        command.env(host::SET_UID_VARIABLE, program);
    }
    command.args(std::env::args_os().skip(1)).current_dir("/").uid(ORDINARY_USER).gid(ORDINARY_USER);
    command.status().expect("the test itself can be started").success()
}

fn main() -> ExitCode {
    tarproof_sandbox::run_if_init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("probe") => std::process::exit(probes::main(&arguments[1], &arguments[2..])),
        Some("abandon") => sessions::abandon(&arguments[1]),
        _ => {}
    }
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    if !namespaces_are_offered() {
        println!("\nNOT RUN: `unshare` cannot make namespaces here either, so there is nothing that could be tested");
        return ExitCode::SUCCESS;
    }
    let filter = arguments.iter().find(|argument| !argument.starts_with('-')).cloned().unwrap_or_default();
    let is_root = rustix::process::geteuid().is_root();
    println!("\n== as {}", if is_root { "root" } else { "an ordinary user" });
    let host = host::Host::prepare();
    let mut failures = cases::run_all(&host, &filter);
    failures.extend(sessions::run_all(&host, &filter));
    for failure in &failures {
        println!("FAILED {failure}");
    }
    let as_user = if is_root {
        as_ordinary_user(&host)
    } else {
        if std::env::var_os(host::SET_UID_VARIABLE).is_none() {
            println!("not started by root: only the cases of an ordinary user were run");
        }
        true
    };
    if failures.is_empty() && as_user { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether the machine lets anybody make the namespaces that every sandbox needs, asked without any code of ours.
///
/// Where it does, a sandbox that does not start is a failure.
fn namespaces_are_offered() -> bool {
    let all =
        ["--user", "--map-current-user", "--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup", "--fork", "true"];
    Command::new("unshare").args(all).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A copy of this program that everybody may execute.
fn copy_for_all(directory: &std::path::Path, name: &str, mode: u32) -> std::path::PathBuf {
    let copy = directory.join(name);
    std::fs::copy(std::env::current_exe().expect("a path"), &copy).expect("a copy");
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(mode)).expect("permissions");
    copy
}
