//! What a watch shows while it goes on.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use super::arguments::Format;
use super::error::CliError;
use super::output;
use crate::count::counted;
use crate::report::printable::printable;
use crate::store::Record;
use crate::sweep::watch::{Latencies, News, Round, Unseen};
use crate::sweep::with_causes;
use crate::verdict::exit;

/// Tells what a watch sees: verdicts to standard output, the rest to standard error.
#[derive(Debug)]
pub(super) struct WatchReport {
    format: Format,
    once: bool,
    /// What cannot be looked at and was told, by name, so that it is told once and not in every round.
    unseen: RefCell<BTreeMap<String, String>>,
    troubled: Cell<bool>,
    codes: RefCell<BTreeSet<u8>>,
}

/// One line of the JSON form.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Line<'a> {
    Verdict(VerdictLine<'a>),
    Failed { schema: &'static str, purl: String, error: String, again: bool },
    End { schema: &'static str, releases: usize, median_seconds: Option<u64>, worst_seconds: Option<u64> },
}

#[derive(Debug, Serialize)]
struct VerdictLine<'a> {
    schema: &'static str,
    purl: &'a str,
    verdict: &'a str,
    inconclusive: Option<&'a str>,
    exit_code: u8,
    /// Seconds since 1970.
    published_at: Option<i64>,
    /// Seconds from the publication on.
    seen_after: Option<u64>,
    verdict_after: Option<u64>,
    findings: usize,
    /// SHA-256 of the report, an object of the store.
    report: &'a str,
}

const SCHEMA: &str = "tarproof-watch/v1";

impl WatchReport {
    pub(super) fn new(format: Format, once: bool) -> Self {
        let (unseen, codes, troubled) = (RefCell::default(), RefCell::default(), Cell::default());
        Self { format, once, unseen, troubled, codes }
    }

    /// The exit codes of what was told.
    pub(super) fn codes(&self) -> Vec<u8> {
        self.codes.borrow().iter().copied().collect()
    }

    pub(super) fn begin(&self, packages: usize, interval: Duration) {
        if !self.once {
            let packages = counted(packages, "package");
            output::note(&format!("watching {packages}, every {} s\n", interval.as_secs()));
        }
    }

    pub(super) fn tell(&self, news: &News<'_>) {
        match news {
            News::Looked(round) => {
                self.troubled.set(false);
                self.looked(round);
            }
            News::Known(found, settled) => {
                self.codes.borrow_mut().insert(settled.exit_code);
                let release = printable(&found.selected.release.to_string());
                output::note(&format!("{release} was verified before: {}\n", printable(&settled.verdict)));
            }
            News::GivenUp(found) => {
                self.codes.borrow_mut().insert(exit::FAILURE);
                let release = printable(&found.selected.release.to_string());
                output::note(&format!("{release} could not be verified before; `tarproof sweep failed` says why\n"));
            }
            News::Verified { record, seen_at, seconds } => self.verified(record, *seen_at, *seconds),
            News::Failed { job, error, again } => {
                if !again {
                    self.codes.borrow_mut().insert(exit::FAILURE);
                } else if self.once {
                    self.codes.borrow_mut().insert(exit::INCONCLUSIVE);
                }
                let error = printable(error);
                if self.format == Format::Json {
                    self.line(&Line::Failed { schema: SCHEMA, purl: job.release.purl(), error, again: *again });
                } else {
                    let again = if *again { "; it is tried again" } else { "" };
                    output::note(&format!("failed  {}  {error}{again}\n", printable(&job.release.to_string())));
                }
            }
            News::Trouble(error) => {
                // Once: it is asked again many times.
                if !self.troubled.replace(true) {
                    output::note(&format!("{}; it is asked again\n", printable(&with_causes(*error))));
                }
            }
        }
    }

    /// Tells what cannot be looked at any more, and what can be again.
    fn looked(&self, round: &Round) {
        let mut now = BTreeMap::new();
        for unseen in &round.unseen {
            let (name, error) = match unseen {
                Unseen::Package(name, error) => (format!("npm:{name}"), with_causes(error)),
                Unseen::Feed(error) => ("the change feed".to_owned(), with_causes(error)),
            };
            now.insert(printable(&name), printable(&error));
        }
        let mut told = self.unseen.borrow_mut();
        for (name, error) in &now {
            if !told.contains_key(name) {
                output::note(&format!("{name} cannot be looked at: {error}\n"));
            }
        }
        for name in told.keys().filter(|name| !now.contains_key(*name)) {
            output::note(&format!("{name} can be looked at again\n"));
        }
        if self.once && !now.is_empty() {
            self.codes.borrow_mut().insert(exit::FAILURE);
        }
        *told = now;
    }

    fn verified(&self, record: &Record, seen_at: Option<i64>, seconds: Option<u64>) {
        self.codes.borrow_mut().insert(record.exit_code);
        let published_at = record.published_at;
        let since_published = |at: i64| published_at.map(|time| u64::try_from(at - time).unwrap_or_default());
        let seen_after = seen_at.and_then(since_published);
        if self.format == Format::Json {
            return self.line(&Line::Verdict(VerdictLine {
                schema: SCHEMA,
                purl: &record.purl,
                verdict: &record.verdict,
                inconclusive: record.inconclusive.as_deref(),
                exit_code: record.exit_code,
                published_at,
                seen_after,
                verdict_after: seconds,
                findings: record.findings.len(),
                report: &record.report,
            }));
        }
        let mut line = format!(
            "{:<12} {}@{}",
            printable(&record.verdict_text()),
            printable(&record.package),
            printable(&record.version)
        );
        if let Some(seconds) = seconds {
            line.push_str(&format!("  {seconds} s after it was published"));
            if let Some(seen_after) = seen_after {
                line.push_str(&format!(", seen after {seen_after} s"));
            }
        }
        if !record.findings.is_empty() {
            line.push_str(&format!("  {}", counted(record.findings.len(), "finding")));
        }
        line.push('\n');
        self.write(&line);
    }

    /// How long it took from publications to verdicts.
    pub(super) fn end(&self, latencies: &Latencies) -> Result<(), CliError> {
        let (releases, median_seconds, worst_seconds) = (latencies.len(), latencies.median(), latencies.worst());
        if self.format == Format::Json {
            let line = Line::End { schema: SCHEMA, releases, median_seconds, worst_seconds };
            return output::write(None, &output::json_line(&line)?);
        }
        let (Some(median), Some(worst)) = (median_seconds, worst_seconds) else { return Ok(()) };
        let releases = counted(releases, "new release");
        output::write(
            None,
            &format!("{releases}: from publication to verdict {median} s (median), {worst} s (worst)\n"),
        )
    }

    fn line(&self, line: &Line<'_>) {
        match output::json_line(line) {
            Ok(text) => self.write(&text),
            Err(error) => output::error(None, &error),
        }
    }

    /// A standard output that cannot be written to ends no watch: the store has everything.
    fn write(&self, text: &str) {
        if let Err(error) = output::write(None, text)
            && !self.troubled.replace(true)
        {
            output::error(None, &error);
        }
    }
}
