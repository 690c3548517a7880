use std::ops::Range;

use super::calendar::{is_near, near_days};
use super::javascript::{SourceKind, read_one};
use super::literal::is_literal;
use super::{Passed, Sides};

/// The forms of a day, in the order of [`near_days`].
const DAYS: [&str; 3] = ["yyyy-mm-dd", "dd mmm yyyy", "mmm dd yyyy"];
/// Names that say of a number that it is a time of the build; compared without `_`, `-` and case.
const LABELS: [&str; 15] = [
    "buildat",
    "builddate",
    "buildon",
    "buildtime",
    "buildtimestamp",
    "builtat",
    "builton",
    "bundledat",
    "compiledat",
    "compiletime",
    "generatedat",
    "generatedon",
    "packedat",
    "releasedate",
    "timestamp",
];

/// Replaces times of the build by a placeholder for each form; text only.
///
/// Recognised are dates with or without a time of day (`2025-09-08T13:16:11.123Z`, `Mon, 08 Sep 2025 13:16:11 GMT`,
/// `Mon Sep 08 2025 13:16:11 GMT+0000 (…)`), and seconds or milliseconds since 1970 behind a name that says so
/// (`buildTime: 1757337371000`). All of them only within two days before and one day after the publish time, on both
/// sides, and only in the same form: a date that a program waits for can be moved by these days and no further. In a
/// program a date must lie in a comment or in a string that is not given to something that loads code.
pub(super) fn stabilize(sides: &Sides<'_>) -> Option<Passed> {
    let published_at = sides.context.published_at?;
    let days = near_days(published_at);
    let pass = |content: &[u8]| {
        let text = std::str::from_utf8(content).ok()?;
        let mut times = times(text, &days, published_at);
        if let Some(kind) = SourceKind::of(sides.path) {
            keep_literals(kind, text, &mut times);
        }
        Some(replaced(text, &times).into_bytes())
    };
    Some((pass(sides.published)?, pass(sides.candidate)?))
}

/// A time in a text.
#[derive(Debug)]
struct Time {
    place: Range<usize>,
    form: String,
    /// Whether it is a number, which a program may write without quotes.
    is_number: bool,
}

/// Leaves out dates that are code.
fn keep_literals(kind: SourceKind, text: &str, times: &mut Vec<Time>) {
    if times.iter().all(|time| time.is_number) {
        return;
    }
    let are_text = read_one(kind, text.as_bytes(), |parsed| {
        Some(times.iter().map(|time| time.is_number || is_literal(parsed, &time.place)).collect::<Vec<_>>())
    });
    let mut are_text = are_text.unwrap_or_else(|| times.iter().map(|time| time.is_number).collect()).into_iter();
    times.retain(|_| are_text.next().unwrap_or(false));
}

fn times(text: &str, days: &[String], published_at: i64) -> Vec<Time> {
    let mut times = Vec::new();
    let mut at = 0;
    let bytes = text.as_bytes();
    while at < bytes.len() {
        let begins = bytes[at].is_ascii_alphanumeric() && (at == 0 || !continues(bytes[at - 1]));
        // ASCII begins a character, so these are boundaries.
        let found = if begins {
            let number = || labelled(text, at, published_at).map(|(length, form)| (length, form.to_owned(), true));
            date(&text[at..], days).map(|(length, form)| (length, form, false)).or_else(number)
        } else {
            None
        };
        let Some((length, form, is_number)) = found else {
            at += 1;
            continue;
        };
        // What goes on is something else, as a whole.
        if !bytes.get(at + length).is_some_and(|byte| continues(*byte)) {
            times.push(Time { place: at..at + length, form, is_number });
        }
        at += length;
    }
    times
}

fn replaced(text: &str, times: &[Time]) -> String {
    let mut result = String::with_capacity(text.len());
    let mut kept = 0;
    for time in times {
        result.push_str(&text[kept..time.place.start]);
        result.push('<');
        result.push_str(&time.form);
        result.push('>');
        kept = time.place.end;
    }
    result.push_str(&text[kept..]);
    result
}

/// Whether a byte next to a number or date makes it a part of something else.
fn continues(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'\\' | b'/' | b'-' | b'+' | b'.') || byte >= 0x80
}

/// The length of a near date at the text's beginning, and its form; the zone and parts of a second are none of the form.
fn date(text: &str, days: &[String]) -> Option<(usize, String)> {
    let weekday = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].into_iter().find(|day| text.starts_with(day));
    let mut length = 0;
    if weekday.is_some() {
        length = 3;
        length += usize::from(text[length..].starts_with(','));
        length += skip(&text[length..], " ")?;
    }
    let rest = &text[length..];
    let index = days.iter().position(|day| rest.starts_with(day.as_str()))?;
    let mut form = format!("{}{}", if length > 0 { &text[3..length] } else { "" }, DAYS[index % DAYS.len()]);
    length += days[index].len();
    let rest = &text[length..];
    let separator = rest.bytes().next().filter(|byte| matches!(byte, b'T' | b't' | b' '));
    let Some((separator, clock)) = separator.zip(rest.get(1..).and_then(time_of_day)) else {
        return Some((length, form));
    };
    form.push(char::from(separator));
    form.push_str(if clock > 5 { "hh:mm:ss" } else { "hh:mm" });
    length += 1 + clock;
    Some((length + zone(&text[length..]), form))
}

fn skip(text: &str, prefix: &str) -> Option<usize> {
    text.starts_with(prefix).then_some(prefix.len())
}

/// The length of `13:16`, `13:16:11` or `13:16:11.123`.
fn time_of_day(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let two = |at: usize| bytes.get(at..at + 2).is_some_and(|pair| pair.iter().all(u8::is_ascii_digit));
    if !(two(0) && bytes.get(2) == Some(&b':') && two(3)) {
        return None;
    }
    if !(bytes.get(5) == Some(&b':') && two(6)) {
        return Some(5);
    }
    let digits = |from: usize| bytes[from..].iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
    match bytes.get(8) {
        Some(b'.') if digits(9) > 0 => Some(9 + digits(9)),
        _ => Some(8),
    }
}

/// The length of `Z`, `+02:00`, ` GMT`, ` GMT+0200 (Central European Summer Time)`; 0 where there is none.
fn zone(text: &str) -> usize {
    let bytes = text.as_bytes();
    if matches!(bytes.first(), Some(b'Z' | b'z')) {
        return 1;
    }
    let name = ["GMT", "UTC"].into_iter().find(|name| text.get(1..4) == Some(*name) && bytes[0] == b' ');
    let mut length = if name.is_some() { 4 } else { 0 };
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    if matches!(bytes.get(length), Some(b'+' | b'-')) && digit(length + 1) && digit(length + 2) {
        let minutes = length + 3 + usize::from(bytes.get(length + 3) == Some(&b':'));
        if digit(minutes) && digit(minutes + 1) {
            length = minutes + 2;
        }
    }
    let is_named = |character: char| character.is_ascii_alphabetic() || character == ' ';
    if name.is_some()
        && let Some(rest) = text[length..].strip_prefix(" (")
        && let Some((zone, _)) = rest.split_once(')')
        && zone.len() < 60
        && zone.chars().all(is_named)
    {
        length += zone.len() + 3;
    }
    length
}

/// The length of a near time in seconds or milliseconds, and which it is, if its name says that it is the build's.
fn labelled(text: &str, at: usize, published_at: i64) -> Option<(usize, &'static str)> {
    let length = text[at..].bytes().take_while(u8::is_ascii_digit).count();
    let number: i64 = text[at..at + length].parse().ok()?;
    let (seconds, form) = match length {
        10 => (number, "seconds"),
        13 => (number / 1_000, "milliseconds"),
        _ => return None,
    };
    if !is_near(seconds, published_at) {
        return None;
    }
    let before = text[..at].trim_end_matches(['"', '\'']).trim_end_matches(' ');
    let before = before.strip_suffix([':', '='])?.trim_end_matches(' ').trim_end_matches(['"', '\'']);
    let start = before.rfind(|character: char| !character.is_ascii_alphanumeric() && !"_-".contains(character));
    let label = before[start.map_or(0, |start| start + before[start..].chars().next().map_or(1, char::len_utf8))..]
        .replace(['_', '-'], "")
        .to_ascii_lowercase();
    LABELS.contains(&label.as_str()).then_some((length, form))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stabilize::RebuildContext;

    /// 2025-09-08T13:16:11Z
    const PUBLISHED_AT: i64 = 1_757_337_371;

    fn equal(left: &str, right: &str) -> bool {
        equal_at("a.txt", left, right)
    }

    fn equal_at(path: &str, left: &str, right: &str) -> bool {
        let context = RebuildContext { build_directory: "/build".to_owned(), published_at: Some(PUBLISHED_AT) };
        let sides = Sides { path, published: left.as_bytes(), candidate: right.as_bytes(), context: &context };
        let (left, right) = stabilize(&sides).unwrap();
        left == right
    }

    #[test]
    fn times_of_the_build_do_not_count() {
        for (left, right) in [
            ("t='2025-09-08T13:16:11.123Z'", "t='2025-09-07T03:16:11Z'"),
            ("// @generated on 2025-09-08", "// @generated on 2025-09-09"),
            ("// 2025-09-08 13:16:11", "// 2025-09-08 13:16:11.5+02:00"),
            ("Built: Mon, 08 Sep 2025 13:16:11 GMT", "Built: Sun, 07 Sep 2025 23:16:11 GMT"),
            (
                "Mon Sep 08 2025 13:16:11 GMT+0200 (Central European Summer Time)",
                "Mon Sep 08 2025 11:16:11 GMT+0000 (Coordinated Universal Time)",
            ),
            ("BUILD_TIME=1757337371000;", "BUILD_TIME=1757330000000;"),
            ("{\"build-timestamp\": 1757337371}", "{\"build-timestamp\": 1757337370}"),
            ("{builtAt:\"1757337371000\"}", "{builtAt:\"1757337371001\"}"),
        ] {
            assert!(equal(left, right), "{left} | {right}");
        }
    }

    #[test]
    fn what_may_mean_something_else_is_kept() {
        for (left, right) in [
            // A program that waits for another day.
            (
                "if (Date.now() > Date.parse('2026-01-01T00:00:00Z')) run()",
                "if (Date.now() > Date.parse('2027-01-01T00:00:00Z')) run()",
            ),
            ("t='2025-09-08T13:16:11Z'", "t='2025-12-08T13:16:11Z'"),
            ("expires = 1757337371", "expires = 1757337370"),
            ("buildTime = 1757337371", "buildTime = 1000000000"),
            ("a-2025-09-08", "a-2025-09-07"),
            ("v2025-09-08", "v2025-09-07"),
            ("2025-09-08.js", "2025-09-07.js"),
            ("2025-09-08T13:16:11Z; run()", "2025-09-08T13:16:11Z; walk()"),
            ("2025-09-08T13:16:11 GMT (run())", "2025-09-08T13:16:11 GMT (a)"),
            ("2025-09-08T13:16:11$x", "2025-09-08T13:16:12$x"),
            ("buildTime=1757337371e9", "buildTime=1757337372e9"),
            ("2025-09-08T13:16:2025-09-06", "2025-09-08T13:16:2025-09-07"),
        ] {
            assert!(!equal(left, right), "{left} | {right}");
        }
    }

    #[test]
    fn the_same_time_in_another_form_is_another_value() {
        for (left, right) in [
            ("timestamp: 1757337371", "timestamp: 1757337371000"),
            ("timestamp: 1757337371", "timestamp: 2025-09-08"),
            ("'2025-09-08'", "'08 Sep 2025'"),
            ("'2025-09-08'", "'2025-09-08T13:16:11Z'"),
            ("'2025-09-08 13:16:11'", "'2025-09-08T13:16:11'"),
            ("'2025-09-08 13:16'", "'2025-09-08 13:16:11'"),
            ("'Mon, 08 Sep 2025'", "'08 Sep 2025'"),
        ] {
            assert!(!equal(left, right), "{left} | {right}");
        }
    }

    #[test]
    fn in_a_program_a_date_is_text_that_loads_nothing() {
        for (left, right) in [
            ("a = 2025-09-08", "a = 2025-09-07"),
            ("require('2025-09-08')", "require('2025-09-07')"),
            ("read('./2025-09-08/a')", "read('./2025-09-07/a')"),
            ("a = /2025-09-08/", "a = /2025-09-07/"),
            ("'2025-09-08' (", "'2025-09-07' ("),
        ] {
            assert!(!equal_at("a.js", left, right), "{left} | {right}");
        }
        for (left, right) in [
            ("a = '2025-09-08'", "a = '2025-09-07'"),
            ("a = `at ${b} 2025-09-08`", "a = `at ${b} 2025-09-07`"),
            ("a() // on 2025-09-08", "a() // on 2025-09-07"),
            ("a = { buildTime: 1757337371, b: '2025-09-08' }", "a = { buildTime: 1757337372, b: '2025-09-07' }"),
        ] {
            assert!(equal_at("a.js", left, right), "{left} | {right}");
        }
    }

    #[test]
    fn without_a_publish_time_nothing_is_recognised() {
        let context = RebuildContext::default();
        let sides = Sides { path: "a.js", published: b"2025-09-08", candidate: b"2025-09-08", context: &context };
        assert!(stabilize(&sides).is_none());
    }

    proptest::proptest! {
        #[test]
        fn a_pass_takes_away_nothing_but_times(text in "[ -~\n]{0,60}", time in "2025-09-0[6-9](T1[0-9]:2[0-9]:33Z)?") {
            let days = near_days(PUBLISHED_AT);
            let with = format!("{text}\n{time}\n{text}");
            let pass = |text: &str| replaced(text, &times(text, &days, PUBLISHED_AT));
            let once = pass(&with);
            proptest::prop_assert_eq!(&pass(&once), &once);
            let form = if time.contains('T') { "yyyy-mm-ddThh:mm:ss" } else { "yyyy-mm-dd" };
            proptest::prop_assert_eq!(once, format!("{0}\n<{form}>\n{0}", pass(&text)));
        }
    }
}
