//! Outcomes of several subjects as one document: each is rendered when it is there, and nothing else is kept of it.

use serde_json::value::RawValue;

use crate::cli::arguments::ReportFormat;
use crate::cli::error::CliError;
use crate::cli::output;
use crate::report::json::v1::{Report, ResultEntry, Verified};
use crate::report::terminal::{self, Detail};
use crate::report::{html, sarif};
use crate::verdict::Verdict;
use crate::verify::Verification;

/// What one subject adds to the document.
#[derive(Debug)]
pub(super) enum Rendered {
    /// Lines for a terminal, or an entry of the JSON report.
    Text(String),
    /// The results of a SARIF log.
    Sarif(Box<sarif::Part>),
    /// A part of a page.
    Html(Box<html::Part>),
}

/// Renders one subject's outcome.
pub(super) fn render(
    format: ReportFormat,
    detail: Detail,
    subject: &str,
    done: &Result<Verification, CliError>,
) -> Result<Rendered, CliError> {
    Ok(match (format, done) {
        (ReportFormat::Terminal, Ok(verification)) => Rendered::Text(terminal::render(verification, detail)),
        // Errors go to standard error.
        (ReportFormat::Terminal, Err(_)) => Rendered::Text(String::new()),
        (ReportFormat::Json, Ok(verification)) => {
            Rendered::Text(output::json(&ResultEntry::Verified(Box::new(Verified::from(verification))))?)
        }
        (ReportFormat::Json, Err(error)) => Rendered::Text(output::json(&ResultEntry::Failed {
            subject: subject.to_owned(),
            error: error.message(),
            exit_code: error.exit_code(),
        })?),
        (ReportFormat::Sarif, Ok(verification)) => Rendered::Sarif(Box::new(verification.into())),
        (ReportFormat::Sarif, Err(error)) => {
            Rendered::Sarif(Box::new(sarif::Part::failed(subject, &error.message(), error.exit_code())))
        }
        (ReportFormat::Html, Ok(verification)) => Rendered::Html(Box::new(verification.into())),
        (ReportFormat::Html, Err(error)) => Rendered::Html(Box::new(html::Part::failed(subject, &error.message()))),
    })
}

/// The document, and what a terminal shows below it.
pub(super) fn whole(
    format: ReportFormat,
    parts: Vec<Rendered>,
    verdicts: &[Option<&Verdict>],
) -> Result<String, CliError> {
    let (mut texts, mut results, mut articles) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        match part {
            Rendered::Text(text) => texts.push(text),
            Rendered::Sarif(part) => results.push(*part),
            Rendered::Html(part) => articles.push(*part),
        }
    }
    match format {
        ReportFormat::Terminal => {
            let mut text = texts.concat();
            if verdicts.len() > 1 {
                text.push_str(&terminal::summary(verdicts));
            }
            Ok(text)
        }
        ReportFormat::Json => {
            // A line's end is none of a string's: those are escaped. So the entries can be moved in.
            let entry = |text: String| RawValue::from_string(text.trim_end().replace('\n', "\n    "));
            let entries: Result<Vec<_>, _> = texts.into_iter().map(entry).collect();
            output::json(&Report::new(entries.map_err(CliError::environment)?))
        }
        ReportFormat::Sarif => output::json(&sarif::Log::new(results)),
        ReportFormat::Html => Ok(html::page(articles)),
    }
}
