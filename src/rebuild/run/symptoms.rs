//! What a command's end and output tell of why it failed.

use tarproof_sandbox::Status;

use crate::rebuild::commands::Command;

pub(super) fn status(status: Status) -> String {
    match status {
        Status::Exited(code) => format!("exit {code}"),
        Status::Signalled(signal) => format!("signal {signal}"),
        Status::LimitReached(limit) => format!("limit {limit}"),
    }
}

/// The command as a person would type it.
pub(super) fn shown(command: &Command) -> String {
    let words: Vec<&str> = match command.program.as_slice() {
        [shell, flag, script] if shell == "/bin/sh" && flag == "-c" => vec![script],
        words => words.iter().map(|word| if word.contains("://") { word } else { last_name(word) }).collect(),
    };
    words.join(" ").chars().take(120).collect()
}

fn last_name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path)
}

/// Whether a program gave up over memory that it could not have, before the limit ended it.
pub(super) fn ran_out_of_memory(status: Status, output: &str) -> bool {
    // V8 ends itself by a trap or an abort, which a shell reports as 128 and the signal's number.
    let gave_up = matches!(status, Status::Signalled(5 | 6) | Status::Exited(133 | 134));
    let signs = ["out of memory", "Allocation failed", "Cannot allocate memory", "std::bad_alloc"];
    // An allocation of its own that fails is an exception, which ends a program in the ordinary way.
    let own = ["Failed to allocate memory", "Array buffer allocation failed"];
    own.iter().any(|sign| output.contains(sign)) || gave_up && signs.iter().any(|sign| output.contains(sign))
}

/// Whether the output says that a name could not be resolved or a host not be reached.
pub(super) fn wants_network(output: &str) -> bool {
    [
        "ENOTFOUND",
        "EAI_AGAIN",
        "ENETUNREACH",
        "ENOTCACHED",
        "ERR_PNPM_NO_OFFLINE",
        "ECONNREFUSED",
        "Temporary failure in name resolution",
        "Could not resolve host",
    ]
    .iter()
    .any(|sign| output.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_program_that_gave_up_and_says_so_ran_out_of_memory() {
        let v8 = "# Fatal JavaScript out of memory: Reached heap limit";
        for status in [Status::Signalled(5), Status::Signalled(6), Status::Exited(134)] {
            assert!(ran_out_of_memory(status, v8));
            assert!(!ran_out_of_memory(status, "assertion failed"));
        }
        assert!(!ran_out_of_memory(Status::Exited(1), v8));
    }
}
