//! What a worker writes while it works: one line for each job that it is done with.

use std::cell::Cell;

use super::output;
use crate::report::printable::printable;
use crate::sweep::{Event, Finished, Outcome, with_causes};

/// Writes a line for each end of a job.
#[derive(Debug, Default)]
pub(super) struct Lines {
    quiet: bool,
    troubled: Cell<bool>,
}

impl Lines {
    pub(super) fn new(quiet: bool) -> Self {
        Self { quiet, troubled: Cell::new(false) }
    }

    pub(super) fn tell(&self, event: &Event<'_>) {
        match event {
            Event::Begun(_) | Event::Waiting(_) => {}
            Event::Ended(finished) => {
                self.troubled.set(false);
                if !self.quiet {
                    // Whoever does not read the lines any more does not end the worker.
                    let _ = output::write(None, &line(finished));
                }
            }
            Event::Trouble(error) => {
                // Once: it is asked again many times.
                if !self.troubled.replace(true) {
                    output::note(&format!("{}; it is asked again\n", printable(&with_causes(error))));
                }
            }
        }
    }
}

fn line(finished: &Finished) -> String {
    let release = printable(&finished.leased.job.release.to_string());
    match &finished.outcome {
        Outcome::Verified { record, .. } => {
            format!("{}  {release}  {} ms\n", printable(&record.verdict_text()), record.milliseconds)
        }
        Outcome::Retry { wait, error } => {
            format!("again  {release}  in {} s: {}\n", wait.as_secs(), printable(error))
        }
        Outcome::Failed { error, .. } => format!("failed  {release}  {}\n", printable(error)),
        Outcome::GivenBack => format!("given back  {release}\n"),
    }
}
