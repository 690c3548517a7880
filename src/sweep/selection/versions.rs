use std::cmp::Reverse;
use std::num::NonZeroUsize;

use crate::package::Version;

/// Which versions of a package are swept where none is named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VersionChoice {
    /// So many, the last published first, prereleases left out unless the latest is one.
    pub newest: Option<NonZeroUsize>,
    /// Those that were published at this time or later, in seconds since 1970. Without `newest` all of them.
    pub since: Option<i64>,
}

/// The registry states no time of publication that would answer the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoTimes;

impl VersionChoice {
    /// Whether it is the version that the registry gives to whoever names none.
    pub(super) fn is_latest(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a release of this time is to be swept.
    pub(super) fn includes(&self, published_at: Option<i64>) -> Result<bool, NoTimes> {
        match (self.since, published_at) {
            (None, _) => Ok(true),
            (Some(since), Some(published_at)) => Ok(published_at >= since),
            (Some(_), None) => Err(NoTimes),
        }
    }

    /// The chosen versions with their times, the last published first.
    pub(super) fn choose(
        &self,
        mut versions: Vec<(Version, Option<i64>)>,
        latest: Option<&Version>,
    ) -> Result<Vec<(Version, Option<i64>)>, NoTimes> {
        // Single versions lack a time in old packuments; where all do, nothing can be told.
        if !versions.is_empty() && versions.iter().all(|(_, time)| time.is_none()) {
            return Err(NoTimes);
        }
        if let Some(since) = self.since {
            versions.retain(|(_, time)| time.is_some_and(|time| time >= since));
        }
        if self.newest.is_some() && !latest.is_some_and(Version::is_prerelease) {
            versions.retain(|(version, _)| !version.is_prerelease());
        }
        versions.sort_by(|(left, left_time), (right, right_time)| {
            let order = Reverse(left_time).cmp(&Reverse(right_time));
            order.then_with(|| right.compare_precedence(left))
        });
        versions.truncate(self.newest.map_or(usize::MAX, NonZeroUsize::get));
        Ok(versions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    fn chosen(choice: VersionChoice, latest: &str) -> Vec<String> {
        let versions = [
            ("0.9.0", None),
            ("1.0.0", Some(10)),
            ("1.0.1", Some(40)),
            ("2.0.0-rc.1", Some(20)),
            ("2.0.0", Some(30)),
            ("3.0.0-beta.1", Some(50)),
        ];
        let versions = versions.map(|(text, time)| (version(text), time)).to_vec();
        let chosen = choice.choose(versions, Some(&version(latest))).unwrap();
        chosen.iter().map(|(version, _)| version.to_string()).collect()
    }

    #[test]
    fn the_newest_are_those_published_last() {
        let newest = |count| VersionChoice { newest: NonZeroUsize::new(count), since: None };
        assert_eq!(chosen(newest(2), "2.0.0"), ["1.0.1", "2.0.0"]);
        assert_eq!(chosen(newest(9), "2.0.0"), ["1.0.1", "2.0.0", "1.0.0", "0.9.0"]);
        assert_eq!(chosen(newest(3), "3.0.0-beta.1"), ["3.0.0-beta.1", "1.0.1", "2.0.0"]);
    }

    #[test]
    fn since_takes_everything_from_there_on() {
        let since = |time| VersionChoice { newest: None, since: Some(time) };
        assert_eq!(chosen(since(30), "2.0.0"), ["3.0.0-beta.1", "1.0.1", "2.0.0"]);
        assert!(chosen(since(51), "2.0.0").is_empty());
        let both = VersionChoice { newest: NonZeroUsize::new(1), since: Some(30) };
        assert_eq!(chosen(both, "2.0.0"), ["1.0.1"]);
    }

    #[test]
    fn without_any_time_nothing_is_chosen_in_silence() {
        let versions = vec![(version("1.0.0"), None)];
        let choice = VersionChoice { newest: None, since: Some(0) };
        assert_eq!(choice.choose(versions, None), Err(NoTimes));
        assert_eq!(choice.includes(None), Err(NoTimes));
        assert_eq!(VersionChoice::default().includes(None), Ok(true));
    }
}
