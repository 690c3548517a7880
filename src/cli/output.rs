//! Where text goes: reports to standard output or a file, everything else to standard error.

use std::fs::File;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::error::CliError;
use crate::policy::Policy;
use crate::report::printable::{is_hidden, printable};
use crate::verify::Progress;

/// Writes a report; a reader that closes the pipe early is no error.
pub(super) fn write(output: Option<&Path>, text: &str) -> Result<(), CliError> {
    let written = match output {
        Some(path) => {
            let plain = anstream::adapter::strip_str(text).to_string();
            File::create(path).and_then(|mut file| file.write_all(plain.as_bytes())).map_err(|error| {
                CliError::environment(anyhow::Error::new(error).context(format!("cannot write `{}`", path.display())))
            })?;
            return Ok(());
        }
        None => {
            let mut stdout = anstream::stdout().lock();
            stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
        }
    };
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(CliError::environment(error)),
        _ => Ok(()),
    }
}

/// Tells the user about an error.
pub(super) fn error(context: Option<&str>, error: &CliError) {
    let mut stderr = anstream::stderr().lock();
    let label = anstyle::AnsiColor::Red.on_default().bold();
    let context = context.map(|context| format!("{}: ", printable(context))).unwrap_or_default();
    // There is nowhere left to say that standard error is closed.
    let _ = writeln!(stderr, "{label}error{label:#}: {context}{}", error.message());
}

/// A progress line on a terminal; nothing elsewhere.
pub(super) fn progress(total: usize, quiet: bool) -> ProgressBar {
    progress_of(total, "verified", quiet)
}

/// The same for something else that is done `total` times.
pub(super) fn progress_of(total: usize, done: &str, quiet: bool) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total as u64);
    let template = format!("{{spinner}} {{pos}}/{{len}} {done}, {{elapsed}} {{wide_msg}}");
    bar.set_style(ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Shows on the progress line where a rebuild stands.
pub(super) fn stages(bar: &ProgressBar) -> Progress {
    if bar.is_hidden() {
        return Progress::default();
    }
    let bar = bar.clone();
    Progress::new(move |release, stage| {
        bar.set_message(format!("{} {}", stage.as_str(), printable(&release.to_string())));
    })
}

/// Tells the user something that is not part of the report.
pub(super) fn note(text: &str) {
    // There is nowhere left to say that standard error is closed.
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

/// Tells the user which exceptions were of no use.
pub(super) fn idle(policy: &Policy) {
    for idle in policy.idle() {
        note(&format!("{}: {}\n", idle.rule, printable(&idle.message)));
    }
}

/// A time in milliseconds since 1970, as people read it.
pub(super) fn time(milliseconds: i64) -> String {
    let time = jiff::Timestamp::from_second(milliseconds.div_euclid(1_000));
    time.map_or_else(|_| milliseconds.to_string(), |time| time.to_string())
}

/// Serialises a report so that it is safe on a terminal, too.
///
/// JSON escapes only the C0 controls; the other characters that a terminal obeys or that hide text
/// can only stand inside strings, where an escape means the same.
///
/// Text that is already JSON keeps its form.
pub(super) fn json(report: &impl serde::Serialize) -> Result<String, CliError> {
    serde_json::to_string_pretty(report).map(|text| safe_json(&text)).map_err(CliError::environment)
}

/// The same in one line.
pub(super) fn json_line(report: &impl serde::Serialize) -> Result<String, CliError> {
    serde_json::to_string(report).map(|text| safe_json(&text)).map_err(CliError::environment)
}

fn safe_json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 1);
    for character in text.chars() {
        if character != '\n' && is_hidden(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(character);
        }
    }
    safe.push('\n');
    safe
}
