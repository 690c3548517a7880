//! The calendar of the fixture world: days counted from its first, so that descriptions need no dates.

/// Midnight before the world's first working day, 2025-09-01, in seconds of the Unix epoch.
const FIRST_MIDNIGHT: i64 = 1_756_684_800;
const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;

/// The moment a commit of `day` is made, in seconds of the Unix epoch.
pub(crate) fn commit_time(day: u32) -> i64 {
    FIRST_MIDNIGHT + i64::from(day) * DAY + 8 * HOUR
}

/// The moment a release of `day` is published: two hours after that day's commits.
pub(crate) fn publish_time(day: u32) -> i64 {
    commit_time(day) + 2 * HOUR
}

/// Writes seconds of the Unix epoch the way the npm registry does (`2025-09-01T10:00:00.000Z`).
pub(crate) fn registry_time(seconds: i64) -> String {
    let (year, month, day) = civil_date(seconds.div_euclid(DAY));
    let within = seconds.rem_euclid(DAY);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.000Z", within / HOUR, within / 60 % 60, within % 60)
}

/// Walks years and months from 1970: the world spans a few months, so no closed formula is worth its opacity.
fn civil_date(mut days: i64) -> (i64, usize, i64) {
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut year = 1970;
    loop {
        let length = if leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_registry_writes_them() {
        assert_eq!(registry_time(publish_time(0)), "2025-09-01T10:00:00.000Z");
        assert_eq!(registry_time(commit_time(30)), "2025-10-01T08:00:00.000Z");
        assert_eq!(registry_time(499_162_500), "1985-10-26T08:15:00.000Z");
        assert_eq!(registry_time(951_782_400), "2000-02-29T00:00:00.000Z");
    }
}
