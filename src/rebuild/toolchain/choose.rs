//! Which of the available versions a request means.

use crate::package::Version;

/// How a version came to be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// It is the very version that was asked for.
    Exact,
    /// It is the highest of the range that existed at the time.
    Range,
    /// It is the highest of the range; when its releases came out is not known.
    RangeWithoutTime,
    /// Nothing that fits can be had, and this is the nearest.
    Near,
}

/// A version that can be had, and when it came out, in seconds since 1970.
pub(super) type Available = (Version, Option<i64>);

/// Node's names for its long-term lines, from the first one in the table.
const LONG_TERM: [(&str, u64); 9] = [
    ("carbon", 8),
    ("dubnium", 10),
    ("erbium", 12),
    ("fermium", 14),
    ("gallium", 16),
    ("hydrogen", 18),
    ("iron", 20),
    ("jod", 22),
    ("krypton", 24),
];
/// An even line becomes long-term about half a year after its first release.
const LONG_TERM_AFTER: i64 = 180 * 86_400;

/// Chooses from `available`, which ascends.
///
/// Times count only where `clock` is given and the caller believes them.
pub(super) fn choose(requested: &str, available: &[Available], clock: Option<i64>) -> Option<(Version, Choice)> {
    let text = requested.trim().trim_start_matches(['v', 'V', '=']).trim();
    if let Ok(version) = Version::parse(text) {
        let exact = available.iter().find(|(other, _)| *other == version);
        return match exact {
            Some((version, _)) => Some((version.clone(), Choice::Exact)),
            None => nearest(numbers(version.as_str()), available).map(|version| (version, Choice::Near)),
        };
    }
    let range = range(text, available, clock)?;
    let fitting = || available.iter().filter(|(version, _)| !version.is_prerelease() && satisfies(version, &range));
    let existed = |(_, time): &&Available| clock.is_some_and(|clock| time.is_some_and(|time| time <= clock));
    if let Some((version, _)) = fitting().rfind(existed) {
        return Some((version.clone(), Choice::Range));
    }
    if let Some((version, _)) = fitting().next_back() {
        return Some((version.clone(), Choice::RangeWithoutTime));
    }
    nearest(numbers(text), available).map(|version| (version, Choice::Near))
}

/// The range that a request means; npm's ranges, and the words that version managers use.
fn range(text: &str, available: &[Available], clock: Option<i64>) -> Option<nodejs_semver::Range> {
    let word = text.to_ascii_lowercase();
    let parse = |text: &str| nodejs_semver::Range::parse(text).ok();
    match word.strip_prefix("lts") {
        Some("") | Some("/*" | "/-1") => {
            let is_long_term = |version: &Version, time: Option<i64>| {
                numbers(version.as_str())[0].is_multiple_of(2)
                    && clock.is_none_or(|clock| time.is_some_and(|time| time + LONG_TERM_AFTER <= clock))
            };
            let (version, _) = available.iter().rfind(|(version, time)| is_long_term(version, *time))?;
            return parse(&numbers(version.as_str())[0].to_string());
        }
        Some(name) => {
            let name = name.trim_start_matches('/');
            return LONG_TERM.iter().find(|(known, _)| *known == name).and_then(|(_, line)| parse(&line.to_string()));
        }
        None => {}
    }
    match word.as_str() {
        "" | "*" | "node" | "latest" | "current" | "stable" => parse("*"),
        _ => parse(text),
    }
}

fn satisfies(version: &Version, range: &nodejs_semver::Range) -> bool {
    nodejs_semver::Version::parse(version.as_str()).is_ok_and(|version| range.satisfies(&version))
}

/// The first three numbers of a text; those that it does not have are 0.
fn numbers(text: &str) -> [u64; 3] {
    let mut numbers = [0; 3];
    let start = text.find(|character: char| character.is_ascii_digit()).unwrap_or(text.len());
    let end = text[start..].find(|character: char| !(character.is_ascii_digit() || character == '.'));
    let parts = text[start..].get(..end.unwrap_or(text.len() - start)).unwrap_or_default().split('.');
    for (number, part) in numbers.iter_mut().zip(parts) {
        *number = part.parse().unwrap_or(0);
    }
    numbers
}

/// The nearest version: of the same line if there is one, else of the nearest one; of two equally near the higher.
fn nearest(wanted: [u64; 3], available: &[Available]) -> Option<Version> {
    // Where a line differs, what stands behind it says nothing: the last release of a line is its best.
    let distance = |version: &Version| {
        let has = numbers(version.as_str());
        let mut same_line = true;
        let parts: [(u64, bool); 3] = std::array::from_fn(|part| {
            if !same_line {
                return (u64::MAX - has[part], false);
            }
            same_line = has[part] == wanted[part];
            (has[part].abs_diff(wanted[part]), has[part] < wanted[part])
        });
        parts
    };
    let stable = available.iter().map(|(version, _)| version).filter(|version| !version.is_prerelease());
    stable.min_by_key(|version| distance(version)).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(requested: &str, clock: Option<i64>) -> Option<(String, Choice)> {
        let available: Vec<Available> = [
            ("8.17.0", 1),
            ("16.20.2", 10),
            ("18.0.0", 20),
            ("18.20.3", 60),
            ("18.20.8", 90),
            ("20.0.0", 40),
            ("20.11.0", 70),
            ("20.11.1", 75),
            ("20.13.0-rc.1", 76),
            ("21.0.0", 80),
        ]
        .iter()
        .map(|(text, days)| (Version::parse(text).unwrap(), Some(days * 86_400 * 10)))
        .collect();
        choose(requested, &available, clock.map(|days| days * 86_400 * 10))
            .map(|(version, choice)| (version.to_string(), choice))
    }

    #[test]
    fn exact_versions_and_ranges_before_the_clock() {
        for (requested, clock, expected, choice) in [
            ("20.11.1", Some(1), "20.11.1", Choice::Exact),
            ("v20.11.1", None, "20.11.1", Choice::Exact),
            ("20", Some(74), "20.11.0", Choice::Range),
            (">=18 <21", Some(65), "20.0.0", Choice::Range),
            ("18.x", Some(65), "18.20.3", Choice::Range),
            ("^18 || ^20", None, "20.11.1", Choice::RangeWithoutTime),
            ("20", Some(2), "20.11.1", Choice::RangeWithoutTime),
            ("lts/*", Some(65), "20.0.0", Choice::Range),
            ("lts/*", Some(50), "18.0.0", Choice::Range),
            ("lts/hydrogen", Some(100), "18.20.8", Choice::Range),
            ("latest", Some(76), "20.11.1", Choice::Range),
            ("*", Some(1000), "21.0.0", Choice::Range),
        ] {
            assert_eq!(chosen(requested, clock), Some((expected.to_owned(), choice)), "{requested} at {clock:?}");
        }
    }

    #[test]
    fn what_cannot_be_had_gets_the_nearest() {
        for (requested, expected) in [
            ("20.11.2", "20.11.1"),
            ("20.12.0", "20.11.1"),
            ("18.20.5", "18.20.3"),
            ("19.5.0", "20.11.1"),
            ("0.10.1", "8.17.0"),
            ("24.1.0", "21.0.0"),
            ("17", "18.20.8"),
            ("^99.1.0", "21.0.0"),
        ] {
            assert_eq!(chosen(requested, None), Some((expected.to_owned(), Choice::Near)), "{requested}");
        }
    }

    #[test]
    fn what_is_no_version_gets_none() {
        for requested in ["lts/unheard-of", "../etc", "${{ matrix.node }}"] {
            assert_eq!(chosen(requested, None), None, "{requested}");
        }
        assert_eq!(choose("20", &[], None), None);
    }
}
