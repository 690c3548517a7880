//! Which Node was the one to use at a time, and which npm came with it.

/// Majors with long-term support: number, the day it began in seconds since 1970, code name, bundled npm.
const LONG_TERM: [(u32, i64, &str, &str); 12] = [
    (4, 1_444_608_000, "argon", "2"),
    (6, 1_476_748_800, "boron", "3"),
    (8, 1_509_408_000, "carbon", "6"),
    (10, 1_540_857_600, "dubnium", "6"),
    (12, 1_571_616_000, "erbium", "6"),
    (14, 1_603_756_800, "fermium", "6"),
    (16, 1_635_206_400, "gallium", "8"),
    (18, 1_666_656_000, "hydrogen", "9 || 10"),
    (20, 1_698_105_600, "iron", "10"),
    (22, 1_730_160_000, "jod", "10"),
    (24, 1_761_609_600, "krypton", "11"),
    (26, 1_793_145_600, "", "11"),
];

/// The first day of majors that became current before the long-term one of their time, in seconds since 1970.
const CURRENT: [(u32, i64); 18] = [
    (4, 1_441_670_400),
    (6, 1_461_628_800),
    (8, 1_496_102_400),
    (10, 1_524_528_000),
    (12, 1_555_977_600),
    (14, 1_587_427_200),
    (15, 1_603_152_000),
    (16, 1_618_876_800),
    (17, 1_634_601_600),
    (18, 1_650_326_400),
    (19, 1_666_051_200),
    (20, 1_681_776_000),
    (21, 1_697_500_800),
    (22, 1_713_916_800),
    (23, 1_729_036_800),
    (24, 1_746_489_600),
    (25, 1_760_486_400),
    (26, 1_776_816_000),
];

/// The major with long-term support at an instant; the newest where no instant is known.
pub(super) fn long_term_at(instant: Option<i64>) -> u32 {
    let begun = LONG_TERM.iter().rev().find(|(_, begin, ..)| instant.is_none_or(|instant| *begin <= instant));
    begun.map_or(4, |(major, ..)| *major)
}

/// The newest major at an instant.
pub(super) fn current_at(instant: Option<i64>) -> u32 {
    let begun = CURRENT.iter().rev().find(|(_, begin)| instant.is_none_or(|instant| *begin <= instant));
    begun.map_or(4, |(major, _)| *major)
}

/// The majors with long-term support, the one of an instant first, then later ones, then earlier ones.
pub(super) fn candidates_at(instant: Option<i64>) -> Vec<u32> {
    let chosen = long_term_at(instant);
    let later = LONG_TERM.iter().map(|(major, ..)| *major).filter(|major| *major > chosen);
    let earlier = LONG_TERM.iter().rev().map(|(major, ..)| *major).filter(|major| *major < chosen);
    std::iter::once(chosen).chain(later).chain(earlier).collect()
}

/// The major of a code name.
pub(super) fn named(code_name: &str) -> Option<u32> {
    let lower = code_name.to_ascii_lowercase();
    LONG_TERM.iter().find(|(_, _, name, _)| !name.is_empty() && *name == lower).map(|(major, ..)| *major)
}

/// The range of npm versions that were bundled with a major.
pub(super) fn bundled_npm(major: u32) -> &'static str {
    let at_most = LONG_TERM.iter().rev().find(|(known, ..)| *known <= major);
    match (major, at_most) {
        (15, _) => "7",
        (17, _) => "8",
        (19, _) => "9",
        (_, Some((_, _, _, npm))) => npm,
        (_, None) => "2",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_in_order() {
        assert!(LONG_TERM.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1));
        assert!(CURRENT.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1));
    }

    #[test]
    fn a_time_chooses_a_major() {
        // 1 January 2024, 1 May 2021, 1 January 2013.
        assert_eq!(long_term_at(Some(1_704_067_200)), 20);
        assert_eq!(current_at(Some(1_704_067_200)), 21);
        assert_eq!(long_term_at(Some(1_619_827_200)), 14);
        assert_eq!(long_term_at(Some(1_356_998_400)), 4);
        assert_eq!(candidates_at(Some(1_704_067_200))[..3], [20, 22, 24]);
        assert_eq!(named("Iron"), Some(20));
        assert_eq!((bundled_npm(20), bundled_npm(15), bundled_npm(0), bundled_npm(99)), ("10", "7", "2", "11"));
    }
}
