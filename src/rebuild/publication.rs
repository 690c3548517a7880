//! Whether a registry's times of publication can be believed.
//!
//! A mirror may state when it first saw a version instead of when that was published. Such a time is never too
//! early, so what it places before an instant was there then; what it places after may have been, too.
//!
//! What tells the two apart: the npm registry, and whoever passes its documents on, also states when a package was
//! created. And a mirror's own times follow requests, not releases.

use crate::package::Version;

/// Whether the times of a package, ascending by version, can be those of publication.
///
/// They cannot if the registry does not state when the package was created, if nothing existed at `instant` although something then depended on the package, or if patches of
/// one line regularly precede their predecessors.
pub(super) fn times_are_believable<'a>(
    states_creation: bool,
    versions: impl Iterator<Item = (&'a Version, Option<i64>)>,
    instant: i64,
) -> bool {
    let (mut existed, mut pairs, mut inverted) = (false, 0_usize, 0_usize);
    let mut lower: Option<(&str, i64)> = None;
    for (version, time) in versions {
        let Some(time) = time else { continue };
        existed |= time <= instant;
        if version.is_prerelease() {
            continue;
        }
        let line = version.as_str().rsplit_once('.').map_or("", |(line, _)| line);
        if let Some((lower_line, lower_time)) = lower
            && lower_line == line
        {
            pairs += 1;
            inverted += usize::from(lower_time > time);
        }
        lower = Some((line, time));
    }
    states_creation && existed && inverted * 5 <= pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn believable(versions: &[(&str, i64)], instant: i64) -> bool {
        let versions: Vec<_> = versions.iter().map(|(text, time)| (Version::parse(text).unwrap(), *time)).collect();
        times_are_believable(true, versions.iter().map(|(version, time)| (version, Some(*time))), instant)
    }

    #[test]
    fn ordered_times_are_believed_and_backports_do_not_matter() {
        let versions = [("1.0.0", 10), ("1.0.1", 20), ("1.0.2", 90), ("1.1.0", 30), ("1.1.1", 40), ("2.0.0-rc.1", 5)];
        assert!(believable(&versions, 25));
        assert!(!believable(&versions, 4), "nothing existed then");
        let version = Version::parse("1.0.0").unwrap();
        assert!(!times_are_believable(false, [(&version, Some(10))].into_iter(), 25));
    }

    #[test]
    fn times_of_first_requests_are_not() {
        assert!(!believable(&[("1.0.0", 50), ("1.0.1", 10), ("1.0.2", 40), ("1.0.3", 20)], 60));
    }
}
