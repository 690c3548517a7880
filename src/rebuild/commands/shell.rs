//! Plans that need no programs besides the system's own: the steps, and nothing of Node or a package manager.

use std::collections::BTreeMap;

use super::phases::{Command, PhaseError, Phases, check, inside, stamped};
use super::{HOME, OUTPUT};
use crate::rebuild::plan::Plan;

/// Turns a plan that names no programs into command lines.
pub fn shell_phases(plan: &Plan, read: &dyn Fn(&str) -> Option<String>) -> Result<Phases, PhaseError> {
    check(plan)?;
    let build = plan.steps.iter().map(|step| {
        let mut environment = environment(plan);
        for (name, value) in &step.environment {
            if !matches!(name.as_str(), "PATH" | "HOME" | "SOURCE_DATE_EPOCH" | "TZ") {
                environment.insert(name.clone(), value.clone());
            }
        }
        Command {
            directory: inside(plan, &step.directory),
            program: vec!["/bin/sh".to_owned(), "-c".to_owned(), step.run.clone()],
            environment,
            may_fail: step.may_fail,
        }
    });
    Ok(Phases {
        left_out: Vec::new(),
        remove: plan.remove.clone(),
        edits: stamped(plan, read)?,
        files: Vec::new(),
        directories: vec![HOME.to_owned(), OUTPUT.to_owned()],
        install: Vec::new(),
        build: build.collect(),
        pack: None,
    })
}

fn environment(plan: &Plan) -> BTreeMap<String, String> {
    let fixed = [
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("HOME", HOME),
        ("USER", "builder"),
        ("LOGNAME", "builder"),
        ("SHELL", "/bin/sh"),
        ("TMPDIR", "/tmp"),
        ("LANG", "C.UTF-8"),
        ("LC_ALL", "C.UTF-8"),
        ("TZ", "UTC"),
        ("TERM", "dumb"),
        ("CI", "true"),
        ("NO_COLOR", "1"),
    ];
    let clock = plan.clock.map(|clock| ("SOURCE_DATE_EPOCH", clock.to_string()));
    let fixed = fixed.map(|(name, value)| (name, value.to_owned()));
    fixed.into_iter().chain(clock).map(|(name, value)| (name.to_owned(), value)).collect()
}
