use super::javascript::SourceKind;
use super::{Passed, Sides};

/// What stands for a date, a year or a time of day.
const DATE: &str = "<date>";
/// What stands for a version.
const VERSION: &str = "<version>";
/// Longest word that is taken for a version, bytes.
const VERSION_LENGTH: usize = 64;
/// Comments with one of these are orders to a tool, in small letters.
const ORDERS: [&str; 10] =
    ["@cc_on", "sourcemappingurl", "sourceurl", "@jsx", "@bun", "#__", "@__", "<reference", "@deno", "webpack"];
/// Names of months and weekdays, in small letters.
const NAMES: [&str; 19] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mon", "tue", "wed", "thu",
    "fri", "sat", "sun",
];

/// Replaces dates, years and versions in the comments that a script or style sheet begins with.
///
/// Only the comments before the first token, and only these words of them: every other word must still be equal, and
/// so must everything behind. Comments that give an order to a tool are left alone.
pub(super) fn stabilize(sides: &Sides<'_>) -> Option<Passed> {
    let has_line_comments = match sides.path.rsplit('.').next() {
        Some("css") => false,
        _ => SourceKind::of(sides.path).map(|_| true)?,
    };
    let pass = |content: &[u8]| Some(replaced(std::str::from_utf8(content).ok()?, has_line_comments).into_bytes());
    Some((pass(sides.published)?, pass(sides.candidate)?))
}

fn replaced(text: &str, has_line_comments: bool) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    if has_line_comments && text.starts_with("#!") {
        rest = text.find('\n').map_or("", |end| &text[end..]);
        result.push_str(&text[..text.len() - rest.len()]);
    }
    loop {
        let comment = rest.trim_start_matches([' ', '\t', '\r', '\n', '\u{feff}']);
        result.push_str(&rest[..rest.len() - comment.len()]);
        let end = if let Some(body) = comment.strip_prefix("/*") {
            body.find("*/").map(|end| end + 4)
        } else if has_line_comments && comment.starts_with("//") {
            // Each of these ends a line for JavaScript.
            Some(comment.find(['\n', '\r', '\u{2028}', '\u{2029}']).unwrap_or(comment.len()))
        } else {
            None
        };
        let Some(end) = end else {
            result.push_str(comment);
            return result;
        };
        let lower = comment[..end].to_ascii_lowercase();
        if ORDERS.iter().any(|order| lower.contains(order)) {
            result.push_str(&comment[..end]);
        } else {
            replace_words(&comment[..end], &mut result);
        }
        rest = &comment[end..];
    }
}

fn replace_words(comment: &str, result: &mut String) {
    let in_word = |character: char| character.is_ascii_alphanumeric() || ".+-:/".contains(character);
    let mut rest = comment;
    while let Some(start) = rest.find(|character: char| character.is_ascii_alphanumeric()) {
        result.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(|character: char| !in_word(character)).unwrap_or(rest.len());
        // What ends a sentence belongs to no word, and `*/` to none either.
        let word = rest[..end].trim_end_matches(['.', '+', '-', ':', '/']);
        let is_day = || is_day_of_month(word) && is_beside_month(result, &rest[word.len()..]);
        let shown = if is_date(word) || is_day() {
            DATE
        } else if is_version(word) {
            VERSION
        } else {
            word
        };
        result.push_str(shown);
        rest = &rest[word.len()..];
    }
    result.push_str(rest);
}

fn is_number(text: &str, digits: std::ops::RangeInclusive<usize>) -> bool {
    digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_year(word: &str) -> bool {
    is_number(word, 4..=4) && (word.starts_with("19") || word.starts_with("20"))
}

/// Whether the word is a year, a span of years, a date, a time of day, a month or a weekday.
fn is_date(word: &str) -> bool {
    let is_name = || {
        let lower = word.to_ascii_lowercase();
        let full = [
            "january",
            "february",
            "march",
            "april",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
            "monday",
            "tuesday",
            "wednesday",
            "thursday",
            "friday",
            "saturday",
            "sunday",
        ];
        NAMES.contains(&lower.as_str()) || full.contains(&lower.as_str())
    };
    let is_zone = || word.strip_prefix("GMT").is_some_and(|rest| rest.is_empty() || is_offset(rest));
    let is_span = || word.split_once('-').is_some_and(|(from, to)| is_year(from) && is_year(to));
    let is_slashed = || {
        let parts: Vec<&str> = word.split('/').collect();
        parts.len() == 3 && parts.iter().all(|part| is_number(part, 1..=2) || is_year(part)) && word.len() >= 8
    };
    is_year(word) || is_span() || is_name() || is_zone() || is_slashed() || is_clock(word) || is_numeric_date(word)
}

fn is_offset(text: &str) -> bool {
    text.strip_prefix(['+', '-']).is_some_and(|digits| is_number(&digits.replace(':', ""), 4..=4))
}

/// `13:16`, `13:16:11`, `13:16:11.123Z`.
fn is_clock(word: &str) -> bool {
    let word = word.strip_suffix('Z').unwrap_or(word);
    let (clock, fraction) = word.split_once('.').unwrap_or((word, "0"));
    let parts: Vec<&str> = clock.split(':').collect();
    (2..=3).contains(&parts.len()) && parts.iter().all(|part| is_number(part, 1..=2)) && is_number(fraction, 1..=9)
}

/// `2025-09-08`, `2025-09-08T13:16:11.123Z`.
fn is_numeric_date(word: &str) -> bool {
    let (day, clock) = word.split_once('T').map_or((word, None), |(day, clock)| (day, Some(clock)));
    let parts: Vec<&str> = day.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    is_year(year) && is_number(month, 1..=2) && is_number(day, 1..=2) && clock.is_none_or(is_clock)
}

fn is_day_of_month(word: &str) -> bool {
    is_number(word.trim_end_matches(|character: char| "stndrh".contains(character)), 1..=2)
}

/// Whether the text on either side ends or begins with the name of a month.
fn is_beside_month(before: &str, after: &str) -> bool {
    let next = after.trim_start_matches([' ', '.', ',']);
    let end = next.find(|character: char| !character.is_ascii_alphabetic()).unwrap_or(next.len());
    before.trim_end_matches([' ', '.', ',']).ends_with(DATE) || end > 2 && is_date(&next[..end])
}

/// `1.2.3`, `v1.2.3-beta.1`.
fn is_version(word: &str) -> bool {
    let word = word.strip_prefix('v').unwrap_or(word);
    let core_end = word.find(['-', '+']).unwrap_or(word.len());
    let (core, rest) = word.split_at(core_end);
    let parts: Vec<&str> = core.split('.').collect();
    let in_rest = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+');
    word.len() <= VERSION_LENGTH
        && parts.len() == 3
        && parts.iter().all(|part| is_number(part, 1..=10))
        && rest.bytes().all(in_rest)
}

#[cfg(test)]
mod tests {
    use super::replaced;

    fn equal(left: &str, right: &str) -> bool {
        replaced(left, true) == replaced(right, true)
    }

    #[test]
    fn dates_years_and_versions_of_a_banner_do_not_count() {
        for (left, right) in [
            ("/*! a v1.2.3 | (c) 2010-2025 */ a()", "/*! a v1.2.4-beta.1+5 | (c) 2010-2024 */ a()"),
            ("// a 1.2.3\n// 2025.\na()", "// a 0.0.0\n// 2024.\na()"),
            ("/* Mon Sep 8 2025 13:16:11 GMT+0200 */", "/* Tue Oct 18 2024 03:00:00 GMT */"),
            ("/* September 8th, 2025 */", "/* May 18th, 2025 */"),
            ("/* 9/8/2025 */", "/* 10/18/2025 */"),
            ("#!/usr/bin/env node\n/* 2025-09-08T13:16:11.1Z */", "#!/usr/bin/env node\n/* 2024-09-08 */"),
        ] {
            assert!(equal(left, right), "{left} | {right}\n{}\n{}", replaced(left, true), replaced(right, true));
        }
    }

    #[test]
    fn everything_else_still_counts() {
        for (left, right) in [
            ("/* 2025 */ a(2025)", "/* 2025 */ a(2024)"),
            ("/* 2025 */ a()", "/* 2025 */ b()"),
            ("/* 2025 */ run() /* */", "/* 2024 run() */ /* */"),
            ("// 2025\rrun()", "// 2024 run()"),
            ("// 2025\u{2028}run()", "// 2025 run()"),
            ("/* by me 2025 */", "/* by you 2025 */"),
            ("a() /* 2025 */", "a() /* 2024 */"),
            ("'2025'", "'2024'"),
            ("/* 12 3 */", "/* 12 4 */"),
            ("/** @jsxImportSource a@1.2.3 */", "/** @jsxImportSource a@1.2.4 */"),
            ("/*@cc_on x=2025 @*/", "/*@cc_on x=2024 @*/"),
            ("/* 2025", "/* 2024"),
            ("#!/bin/2025\na", "#!/bin/2024\na"),
            ("<!-- 2025 -->", "<!-- 2024 -->"),
        ] {
            assert!(!equal(left, right), "{left} | {right}");
        }
        // A style sheet has no line comments.
        assert_ne!(replaced("// 2025 \n a{}", false), replaced("// 2024 \n a{}", false));
        assert_eq!(replaced("/* 2025 */ a{}", false), replaced("/* 2024 */ a{}", false));
    }

    proptest::proptest! {
        #[test]
        fn what_follows_the_banner_is_untouched(banner in "[a-z0-9:./ -]{0,30}", code in "[a-z][ -~]{0,30}") {
            let text = format!("/*{banner}*/{code}");
            let once = replaced(&text, true);
            proptest::prop_assert!(once.ends_with(&code), "{}", once);
            proptest::prop_assert_eq!(replaced(&once, true), once);
        }
    }
}
