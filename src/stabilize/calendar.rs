//! Days around a time, in the forms that builds write them.

/// Seconds of a day.
const DAY: i64 = 86_400;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Whether a time could be that of the build of something published at `published_at`, seconds since 1970.
///
/// Two days before at most, because publishing follows building, and a day after, because clocks and zones differ.
pub(super) fn is_near(time: i64, published_at: i64) -> bool {
    (published_at - 2 * DAY..=published_at + DAY).contains(&time)
}

/// The near days as `2025-09-08`, `08 Sep 2025` and `Sep 08 2025`.
pub(super) fn near_days(published_at: i64) -> Vec<String> {
    let mut days = Vec::new();
    for offset in -2..=1 {
        let Some((year, month, day)) = published_at.checked_add(offset * DAY).and_then(date) else { continue };
        let name = MONTHS[month - 1];
        days.push(format!("{year:04}-{month:02}-{day:02}"));
        days.push(format!("{day:02} {name} {year:04}"));
        days.push(format!("{name} {day:02} {year:04}"));
    }
    days
}

/// Year, month and day of a time between the years 0 and 9999.
fn date(time: i64) -> Option<(i64, usize, i64)> {
    // Days since 1 March of year 0; years are counted from March, so that the leap day is the last.
    let days = time.div_euclid(DAY) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (0..=9_999).contains(&year).then_some((year, usize::try_from(month).ok()?, day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(date(0), Some((1970, 1, 1)));
        assert_eq!(date(1_757_337_371), Some((2025, 9, 8)));
        assert_eq!(date(951_782_400), Some((2000, 2, 29)));
        assert_eq!(date(-1), Some((1969, 12, 31)));
        assert_eq!(date(i64::MAX), None);
        let days = near_days(1_757_337_371);
        assert_eq!(days.len(), 12);
        assert_eq!(days[..3], ["2025-09-06", "06 Sep 2025", "Sep 06 2025"]);
        assert_eq!(days[9], "2025-09-09");
    }
}
