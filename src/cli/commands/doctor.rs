use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use tarproof_sandbox::{Offer, Sandbox, Support, probe};

use crate::cli::arguments::{Doctor, Format};
use crate::cli::error::CliError;
use crate::cli::output;
use crate::report::printable::printable;
use crate::verdict::exit;

const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();

/// What the machine offers, for programs.
#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    sandbox: bool,
    obstacle: Option<String>,
    mechanisms: Vec<Entry>,
    /// Why the registry has no programs for this machine, if so.
    toolchains_unavailable: Option<String>,
    git: Option<String>,
}

#[derive(Debug, Serialize)]
struct Entry {
    mechanism: String,
    optional: bool,
    offered: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

/// Says what this machine offers; the exit code is 4 where no sandbox can be started.
pub(super) fn run(command: &Doctor) -> Result<u8, CliError> {
    let support = probe(&Sandbox::default());
    let report = Report {
        schema: "tarproof-doctor/1",
        sandbox: support.can_start(),
        obstacle: support.obstacle.clone(),
        mechanisms: entries(&support),
        toolchains_unavailable: crate::rebuild::toolchain::Platform::current().err().map(|error| error.to_string()),
        git: git_version(),
    };
    let text = match command.format {
        Format::Terminal => render(&report),
        Format::Json => output::json(&report)?,
    };
    output::write(None, &text)?;
    Ok(if report.sandbox { exit::EXPLAINED } else { exit::FAILURE })
}

fn entries(support: &Support) -> Vec<Entry> {
    let entries = support.mechanisms.iter().map(|(mechanism, offer)| {
        let (offered, reason, remedy) = match offer {
            Offer::Offered => (true, None, None),
            Offer::Missing { reason, remedy } => (false, Some(reason.clone()), remedy.clone()),
            Offer::Untried => (false, Some("not reached".to_owned()), None),
        };
        Entry { mechanism: mechanism.to_string(), optional: mechanism.is_optional(), offered, reason, remedy }
    });
    entries.collect()
}

/// Asked by `source::git` in the same way: whatever `git` is found first.
fn git_version() -> Option<String> {
    crate::source::git::GitClient::default().version()
}

fn render(report: &Report) -> String {
    let mut out = String::new();
    let mut line = |text: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{text}");
    };
    match &report.obstacle {
        None => line(&format!("{GREEN}rebuilds are possible{GREEN:#}: a sandbox can be started on this machine")),
        Some(obstacle) => line(&format!("{RED}no rebuilds{RED:#}: {}", printable(obstacle))),
    }
    for entry in &report.mechanisms {
        let (style, state) = match (entry.offered, entry.optional) {
            (true, _) => (GREEN, "offered"),
            (false, true) => (YELLOW, "missing, does without"),
            (false, false) => (RED, "missing"),
        };
        line(&format!("  {:<24} {style}{state}{style:#}", entry.mechanism));
        if let Some(reason) = &entry.reason {
            line(&format!("  {:<24}   {}", "", printable(reason)));
        }
        if let Some(remedy) = &entry.remedy {
            line(&format!("  {:<24}   to mend it: {}", "", printable(remedy)));
        }
    }
    match &report.toolchains_unavailable {
        None => line(&format!("  {:<24} {GREEN}from the registry{GREEN:#}", "toolchains")),
        Some(reason) => line(&format!("  {:<24} {RED}none{RED:#}: {}", "toolchains", printable(reason))),
    }
    match &report.git {
        Some(version) => line(&format!("  {:<24} {GREEN}{}{GREEN:#}", "git", printable(version))),
        None => line(&format!(
            "  {:<24} {YELLOW}missing{YELLOW:#}: repositories are fetched by the built-in client, whole",
            "git"
        )),
    }
    out
}
