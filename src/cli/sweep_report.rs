//! What a sweep shows while it runs and when it has ended.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::arguments::Format;
use super::error::CliError;
use super::output;
use crate::count::counted;
use crate::package::Subject;
use crate::report::printable::printable;
use crate::sweep::{Change, Counts, Enqueued, Event, FailedJob, Outcome, Pass, Status, Summary, with_causes};

/// Hosts whose packages take less on the mean are not told as slow, milliseconds.
const SLOW: u64 = 2_000;

/// A package of the list that the registry does not have.
#[derive(Debug)]
pub(super) struct Unresolved {
    pub(super) subject: Subject,
    pub(super) error: CliError,
}

/// A line on a terminal; nothing elsewhere.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    seen: RefCell<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    verdicts: BTreeMap<String, u64>,
    /// Packages and milliseconds by host.
    hosts: BTreeMap<String, (u64, u64)>,
    troubled: bool,
}

impl Progress {
    /// Shows nothing until the sweep has begun.
    pub(super) fn new() -> Self {
        Self { bar: ProgressBar::hidden(), seen: RefCell::default() }
    }

    pub(super) fn begun(&self, pass: &Pass, quiet: bool) {
        if quiet || !std::io::stderr().is_terminal() {
            return;
        }
        let open = |answer: &Enqueued| matches!(answer, Enqueued::New | Enqueued::Open);
        let total = pass.answers.iter().filter(|answer| open(answer)).count();
        let template = "{spinner} {pos}/{len} verified, {per_sec}, {eta} left  {wide_msg}";
        self.bar.set_length(total as u64);
        self.bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        self.bar.set_draw_target(ProgressDrawTarget::stderr());
        self.bar.reset();
        self.bar.enable_steady_tick(Duration::from_millis(120));
    }

    /// Who is told of the stages of long verifications.
    pub(super) fn stages(&self) -> crate::verify::Progress {
        output::stages(&self.bar)
    }

    pub(super) fn tell(&self, event: &Event<'_>) {
        match event {
            Event::Begun(_) => {}
            Event::Ended(finished) => match &finished.outcome {
                Outcome::Verified { record, .. } => {
                    let mut seen = self.seen.borrow_mut();
                    *seen.verdicts.entry(record.verdict.clone()).or_default() += 1;
                    if let Some(host) = &record.host {
                        let times = seen.hosts.entry(host.clone()).or_default();
                        *times = (times.0 + 1, times.1 + record.milliseconds);
                    }
                    self.bar.inc(1);
                    self.bar.set_message(seen.message());
                }
                Outcome::Failed { .. } => self.bar.inc(1),
                Outcome::Retry { .. } | Outcome::GivenBack => {}
            },
            Event::Waiting(open) => {
                self.bar.set_position(self.bar.length().unwrap_or_default().saturating_sub(*open));
                self.bar
                    .set_message(format!("waiting for {}: their next try, or another process", counted(*open, "job")));
            }
            Event::Trouble(error) => {
                // Once: it is asked again many times.
                if !std::mem::replace(&mut self.seen.borrow_mut().troubled, true) {
                    let text = printable(&with_causes(error));
                    self.bar.suspend(|| output::note(&format!("{text}; it is asked again\n")));
                }
            }
        }
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Seen {
    fn message(&self) -> String {
        let verdicts: Vec<_> = self.verdicts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
        let mean = |(packages, milliseconds): &(u64, u64)| milliseconds / (*packages).max(1);
        let slowest = self.hosts.iter().max_by_key(|(_, times)| mean(times)).filter(|(_, times)| mean(times) >= SLOW);
        let slow = slowest.map(|(host, times)| format!("; slow: {} ({} s)", printable(host), mean(times) / 1_000));
        verdicts.join(", ") + &slow.unwrap_or_default()
    }
}

#[derive(Serialize)]
struct SummaryJson<'a> {
    schema: &'static str,
    releases: usize,
    settled_before: usize,
    verdicts: &'a BTreeMap<String, u64>,
    changes: Vec<ChangeJson<'a>>,
    failed: Vec<FailedJson<'a>>,
    unresolved: Vec<UnresolvedJson>,
    open: u64,
    stopped: bool,
}

#[derive(Serialize)]
struct ChangeJson<'a> {
    purl: &'a str,
    verdict: &'a str,
    before: Option<BeforeJson<'a>>,
    other_content: bool,
}

#[derive(Serialize)]
struct BeforeJson<'a> {
    version: &'a str,
    verdict: &'a str,
}

#[derive(Serialize)]
struct FailedJson<'a> {
    purl: &'a str,
    error: String,
    attempts: u32,
    r#final: bool,
}

#[derive(Serialize)]
struct UnresolvedJson {
    subject: String,
    error: String,
}

/// What came out of a sweep.
pub(super) fn summary(
    summary: &Summary,
    unresolved: &[Unresolved],
    stopped: bool,
    format: Format,
) -> Result<String, CliError> {
    if format == Format::Json {
        return output::json(&SummaryJson {
            schema: "tarproof-sweep/v1",
            releases: summary.subjects,
            settled_before: summary.settled,
            verdicts: &summary.verdicts,
            changes: summary.changes.iter().map(change_json).collect(),
            failed: summary.failed.iter().map(failed_json).collect(),
            unresolved: unresolved
                .iter()
                .map(|one| UnresolvedJson { subject: one.subject.to_string(), error: one.error.message() })
                .collect(),
            open: summary.open,
            stopped,
        });
    }
    let mut text = String::new();
    let width = summary.changes.iter().map(|change| change.verdict.len()).max().unwrap_or_default();
    for change in &summary.changes {
        let before = change.before.as_ref().map_or_else(
            || "first result".to_owned(),
            |before| format!("was {} at {}", printable(&before.verdict), printable(&before.version)),
        );
        let before = if change.is_other_content { format!("{before}, with other content") } else { before };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:width$}  {}  {before}", printable(&change.verdict), shown(&change.purl));
    }
    for failed in &summary.failed {
        text.push_str(&failed_line(failed));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let width = summary.verdicts.keys().map(String::len).max().unwrap_or_default();
    for (verdict, number) in &summary.verdicts {
        let _ = writeln!(text, "{:width$}  {number:>6}", printable(verdict));
    }
    let _ = write!(
        text,
        "{}: {} settled before, {} changed",
        counted(summary.subjects, "release"),
        summary.settled,
        summary.changes.len()
    );
    for (number, what) in [(summary.failed.len() as u64, "failed"), (summary.open, "not verified yet")] {
        if number > 0 {
            let _ = write!(text, ", {number} {what}");
        }
    }
    text.push('\n');
    Ok(text)
}

fn change_json(change: &Change) -> ChangeJson<'_> {
    let before = change.before.as_ref();
    let before = before.map(|before| BeforeJson { version: &before.version, verdict: &before.verdict });
    ChangeJson { purl: &change.purl, verdict: &change.verdict, before, other_content: change.is_other_content }
}

fn failed_json(failed: &FailedJob) -> FailedJson<'_> {
    let FailedJob { purl, error, attempts, is_final, .. } = failed;
    FailedJson { purl, error: printable(error), attempts: *attempts, r#final: *is_final }
}

fn failed_line(failed: &FailedJob) -> String {
    let again = if failed.is_final { "final" } else { "the next sweep tries again" };
    let (attempts, error) = (counted(failed.attempts, "attempt"), printable(&failed.error));
    format!("failed  {}  {error} ({attempts}, {again})\n", shown(&failed.purl))
}

/// A release as people name it.
pub(super) fn shown(purl: &str) -> String {
    purl.parse::<Subject>().map_or_else(|_| printable(purl), |subject| printable(&subject.to_string()))
}

/// The jobs that failed.
pub(super) fn failed(failed: &[FailedJob], format: Format) -> Result<String, CliError> {
    match format {
        Format::Json => {
            let failed: Vec<_> = failed.iter().map(failed_json).collect();
            output::json(&serde_json::json!({ "schema": "tarproof-sweep-failed/v1", "failed": failed }))
        }
        Format::Terminal if failed.is_empty() => Ok("no job has failed\n".to_owned()),
        Format::Terminal => Ok(failed.iter().map(failed_line).collect()),
    }
}

/// Where a sweep stands.
pub(super) fn status(status: &Status, format: Format) -> Result<String, CliError> {
    let Counts { waiting, leased, done, failed } = status.counts;
    if format == Format::Json {
        let verdicts: BTreeMap<_, _> = status.verdicts.iter().map(|one| (&one.verdict, one.count)).collect();
        let hosts: Vec<_> = status
            .hosts
            .iter()
            .map(|one| serde_json::json!({ "host": one.host, "packages": one.packages, "milliseconds": one.milliseconds }))
            .collect();
        let sweep = status.sweep.map(|sweep| {
            serde_json::json!({
                "started_at": sweep.started_at,
                "finished_at": sweep.finished_at,
                "releases": sweep.subjects,
                "settled_before": sweep.settled,
            })
        });
        return output::json(&serde_json::json!({
            "schema": "tarproof-sweep-status/v1",
            "sweep": sweep,
            "jobs": { "waiting": waiting, "leased": leased, "done": done, "failed": failed },
            "verdicts": verdicts,
            "last_minute": status.last_minute,
            "remaining_seconds": status.remaining_seconds(),
            "hosts": hosts,
        }));
    }
    let mut text = String::new();
    let Some(sweep) = status.sweep else { return Ok("nothing was swept yet\n".to_owned()) };
    let (releases, settled) = (counted(sweep.subjects, "release"), sweep.settled);
    // Writing to a String cannot fail.
    let _ = write!(text, "begun {}, {releases}, {settled} settled before", output::time(sweep.started_at));
    if let Some(finished_at) = sweep.finished_at {
        let _ = write!(text, "; finished {}", output::time(finished_at));
    }
    let _ = writeln!(text, "\n{waiting} waiting, {leased} under way, {failed} failed");
    if waiting + leased > 0 {
        let left = status
            .remaining_seconds()
            .map(|left| format!(", about {} left", indicatif::HumanDuration(Duration::from_secs(left))));
        let _ =
            writeln!(text, "{} in the last minute{}", counted(status.last_minute, "result"), left.unwrap_or_default());
    }
    for one in &status.verdicts {
        let _ = writeln!(text, "{:>6}  {}", one.count, printable(&one.verdict));
    }
    for one in status.hosts.iter().filter(|one| one.milliseconds >= SLOW) {
        let seconds = one.milliseconds / 1_000;
        let _ = writeln!(text, "slow: {}, {seconds} s a package on the mean", printable(&one.host));
    }
    Ok(text)
}
