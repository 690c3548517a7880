use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::Format;
use super::store::WorkArguments;
use crate::registry::SearchTerm;

/// Under which the options stand that say what is meant.
const SELECTION: &str = "Which packages";

/// Which packages are meant; several options add up.
#[derive(Debug, Clone, Default, Args)]
#[group(id = "selection", required = true, multiple = true)]
pub(in crate::cli) struct SelectionArguments {
    /// Those in this file, a purl or `npm:name[@version]` a line, `#` for comments; `-` reads standard input
    #[arg(long, help_heading = SELECTION, value_name = "FILE")]
    pub(in crate::cli) list: Option<PathBuf>,
    /// The first N of `--ranking`
    #[arg(long, help_heading = SELECTION, value_name = "N", requires = "ranking")]
    pub(in crate::cli) top: Option<NonZeroUsize>,
    /// A ranked list: a purl or name a line, columns (CSV) with a count, or JSON; `-` reads standard input
    #[arg(long, help_heading = SELECTION, value_name = "FILE", requires = "top")]
    pub(in crate::cli) ranking: Option<PathBuf>,
    /// Everything that this lockfile names
    #[arg(long, help_heading = SELECTION, value_name = "FILE")]
    pub(in crate::cli) lockfile: Option<PathBuf>,
    /// The packages of this scope, such as `@babel`, by the registry's search; may be given several times
    #[arg(long, help_heading = SELECTION, value_name = "SCOPE", value_parser = scope)]
    pub(in crate::cli) scope: Vec<SearchTerm>,
    /// The packages that this account maintains, by the registry's search; may be given several times
    #[arg(long, help_heading = SELECTION, value_name = "NAME", value_parser = maintainer)]
    pub(in crate::cli) maintainer: Vec<SearchTerm>,
}

/// Which versions of the packages are meant.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(in crate::cli) struct VersionArguments {
    /// The N versions that were published last instead of the latest; prereleases only where the latest is one
    #[arg(long, help_heading = SELECTION, value_name = "N")]
    pub(in crate::cli) versions: Option<NonZeroUsize>,
    /// Every version published since: a date (`2026-11-28`), a time (`2026-11-28T10:00:00Z`) or an age (`24h`, `7d`)
    #[arg(long, help_heading = SELECTION, value_name = "DATE", value_parser = since)]
    pub(in crate::cli) since: Option<Since>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Watch {
    #[command(flatten)]
    pub(in crate::cli) selection: SelectionArguments,
    /// Look for new releases so often: `30s`, `5m`
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = super::duration)]
    pub(in crate::cli) interval: Duration,
    /// Follow this change feed, the address of a CouchDB database, instead of asking about every package each time
    // Parsed later: an error that quotes the argument would show credentials that do not belong there.
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) feed: Option<String>,
    /// Look once, verify what is new, and end
    #[arg(long)]
    pub(in crate::cli) once: bool,
    /// What was published since counts as new where a package is looked at for the first time: a date, a time or an age
    #[arg(long, value_name = "DATE", value_parser = since)]
    pub(in crate::cli) since: Option<Since>,
    #[command(flatten)]
    pub(in crate::cli) work: WorkArguments,
    /// How to report; JSON is one object a line
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    pub(in crate::cli) format: Format,
}

/// From when on something is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Since {
    /// From this time, seconds since 1970.
    At(i64),
    /// For so long.
    Ago(Duration),
}

impl Since {
    /// In seconds since 1970, as seen at `now`.
    pub(in crate::cli) fn seconds(self, now: i64) -> i64 {
        match self {
            Self::At(time) => time,
            Self::Ago(age) => now.saturating_sub_unsigned(age.as_secs()),
        }
    }
}

fn scope(text: &str) -> Result<SearchTerm, String> {
    SearchTerm::scope(text).map_err(|_| "expected a scope such as `@babel`".to_owned())
}

fn maintainer(text: &str) -> Result<SearchTerm, String> {
    SearchTerm::maintainer(text).map_err(|_| "expected the name of an account".to_owned())
}

/// Parses a date, which begins at midnight of UTC, a time or an age.
pub(in crate::cli) fn since(text: &str) -> Result<Since, String> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(Since::At(time.as_second()));
    }
    // The parser takes a date with a time and no zone, too, and would drop the time.
    let date = text.parse::<jiff::civil::Date>().ok().filter(|_| text.len() == "2026-11-28".len());
    if let Some(time) = date.and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok()) {
        return Ok(Since::At(time.timestamp().as_second()));
    }
    // A bare number could be a year or seconds.
    match super::age(text) {
        Ok(age) if !text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Since::Ago(age)),
        _ => {
            Err("expected a date such as `2026-11-28`, a time such as `2026-11-28T10:00:00Z`, or an age such as `24h` \
                  or `7d`"
                .to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_times_and_ages_are_told_apart() {
        assert_eq!(since("2026-11-28"), Ok(Since::At(1_795_824_000)));
        assert_eq!(since("2026-11-28T10:00:00Z"), Ok(Since::At(1_795_860_000)));
        assert_eq!(since("2026-11-28T10:00:00+01:00"), Ok(Since::At(1_795_856_400)));
        assert_eq!(since("24h"), Ok(Since::Ago(Duration::from_secs(86_400))));
        assert_eq!(since("7d").map(|since| since.seconds(700_000)), Ok(95_200));
        for text in ["", "yesterday", "2026", "2026-11", "2026-13-01", "2026-11-28T10:00", "1795824000", "-1d", "0d"] {
            assert!(since(text).is_err(), "{text}");
        }
    }
}
