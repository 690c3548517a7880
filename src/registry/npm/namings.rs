//! How the releases of a package name its repository.

use std::cmp::Ordering;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::packument::SETTLED;
use crate::package::Version;

/// Most different namings that are kept: those that matter most.
const MAX_NAMINGS: usize = 64;
/// Longest field that is looked at, bytes of JSON.
const MAX_FIELD: usize = 4096;

/// One way in which releases name the repository, and when they did.
#[derive(Debug, Clone, PartialEq)]
pub struct Naming {
    /// Their `repository`.
    pub repository: Option<Value>,
    /// Their `homepage`.
    pub homepage: Option<String>,
    /// Their `bugs`.
    pub bugs: Option<Value>,
    /// Of the releases with it that had been there for 30 days when this one was published, the highest version,
    /// pre-releases apart where there are others.
    pub settled: Option<Version>,
    /// Of the releases with it that came before this one, the first, and its time if that is known.
    pub first: Option<(Version, Option<i64>)>,
    /// Whether a higher version with it was published 30 days after this one or later, pre-releases apart.
    pub has_lasted: bool,
}

/// The fields as they stand in a version's metadata.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    repository: Option<&'a RawValue>,
    #[serde(borrow)]
    homepage: Option<&'a RawValue>,
    #[serde(borrow)]
    bugs: Option<&'a RawValue>,
}

/// Collects the namings of `others` as they stood when `version` was published at `at`.
pub(super) fn namings<'a>(
    version: &Version,
    at: Option<i64>,
    others: impl Iterator<Item = (Version, Option<i64>, &'a RawValue)>,
) -> Vec<Naming> {
    let mut kept: Vec<Kept<'a>> = Vec::new();
    let mut indexes: HashMap<[&'a str; 3], usize> = HashMap::new();
    for (other, time, raw) in others {
        let Ok(fields) = serde_json::from_str::<Fields<'_>>(raw.get()) else { continue };
        let text = |field: Option<&'a RawValue>| {
            field.map(RawValue::get).filter(|text| text.len() <= MAX_FIELD).unwrap_or("null")
        };
        let key = [text(fields.repository), text(fields.homepage), text(fields.bugs)];
        let index = *indexes.entry(key).or_insert_with(|| {
            kept.push(Kept { key, settled: None, first: None, has_lasted: false });
            kept.len() - 1
        });
        kept[index].note(&other, time, version, at);
    }
    // Whoever can publish can publish very many, and must not push out what counts.
    let is_first = |kept: &Kept<'_>| kept.first.as_ref().map(|(_, time)| time.unwrap_or(i64::MAX));
    if let Some(first) =
        (0..kept.len()).filter(|index| kept[*index].first.is_some()).min_by_key(|index| is_first(&kept[*index]))
    {
        kept.swap(0, first);
    }
    if let Some((_, rest)) = kept.split_first_mut() {
        rest.sort_by(|one, other| higher(other.settled.as_ref(), one.settled.as_ref()));
    }
    kept.truncate(MAX_NAMINGS);
    kept.into_iter().map(Kept::into_naming).collect()
}

/// Orders versions; releases come after pre-releases, and nothing before both.
fn higher(one: Option<&Version>, other: Option<&Version>) -> Ordering {
    match (one, other) {
        (Some(one), Some(other)) => {
            other.is_prerelease().cmp(&one.is_prerelease()).then_with(|| one.compare_precedence(other))
        }
        (one, other) => one.is_some().cmp(&other.is_some()),
    }
}

/// A naming in the packument's own text.
struct Kept<'a> {
    key: [&'a str; 3],
    settled: Option<Version>,
    first: Option<(Version, Option<i64>)>,
    has_lasted: bool,
}

impl Naming {
    /// Which of two namings had been settled by a higher version, releases before pre-releases.
    pub fn by_settled(&self, other: &Self) -> Ordering {
        higher(self.settled.as_ref(), other.settled.as_ref())
    }
}

impl Kept<'_> {
    fn into_naming(self) -> Naming {
        let [repository, homepage, bugs] =
            self.key.map(|text| serde_json::from_str::<Value>(text).ok().filter(|value| !value.is_null()));
        let homepage = homepage.as_ref().and_then(Value::as_str).map(str::to_owned);
        Naming { repository, homepage, bugs, settled: self.settled, first: self.first, has_lasted: self.has_lasted }
    }

    fn note(&mut self, other: &Version, time: Option<i64>, version: &Version, at: Option<i64>) {
        let (Some(time), Some(at)) = (time, at) else {
            // Registries list versions in the order of their publication.
            if self.first.is_none() {
                self.first = Some((other.clone(), None));
            }
            return;
        };
        if at - time >= SETTLED && higher(Some(other), self.settled.as_ref()).is_gt() {
            self.settled = Some(other.clone());
        }
        if time < at && self.first.as_ref().is_none_or(|(_, first)| first.is_none_or(|first| time < first)) {
            self.first = Some((other.clone(), Some(time)));
        }
        let is_higher = other.compare_precedence(version).is_gt() && !other.is_prerelease();
        self.has_lasted |= is_higher && time - at >= SETTLED;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3600;

    fn seen(others: &[(&str, Option<i64>, &str)], at: Option<i64>) -> Vec<Naming> {
        let version = |text: &str| Version::parse(text).unwrap();
        let raw: Vec<Box<RawValue>> =
            others.iter().map(|(_, _, text)| RawValue::from_string((*text).to_owned()).unwrap()).collect();
        let others =
            others.iter().zip(&raw).map(|((text, day, _), raw)| (version(text), day.map(|day| day * DAY), &**raw));
        namings(&version("2.0.0"), at.map(|day| day * DAY), others)
    }

    #[test]
    fn releases_that_name_the_same_are_one_naming() {
        let (ours, theirs) = (r#"{"repository":"a/b","name":"x"}"#, r#"{"repository":"c/b"}"#);
        let namings = seen(
            &[
                ("1.0.0", Some(10), ours),
                ("1.1.0", Some(20), ours),
                ("1.2.0", Some(90), ours),
                ("0.0.0-x", Some(200), theirs),
                ("1.9.9", Some(201), theirs),
            ],
            Some(100),
        );
        assert_eq!(namings.len(), 2);
        let version = |text: &str| Version::parse(text).unwrap();
        assert_eq!(namings[0].settled, Some(version("1.1.0")));
        assert_eq!(namings[0].first, Some((version("1.0.0"), Some(10 * DAY))));
        assert!(namings[1].first.is_none() && namings[1].settled.is_none());
        assert!(!namings[1].has_lasted, "what is no higher version is no later one");
        assert!(seen(&[("2.0.1", Some(130), ours)], Some(100))[0].has_lasted);
        assert!(!seen(&[("2.0.1", Some(129), ours)], Some(100))[0].has_lasted);
    }

    #[test]
    fn without_times_the_order_of_the_list_counts() {
        let namings = seen(&[("1.0.0", None, r#"{"homepage":"h"}"#), ("1.1.0", None, r#"{"homepage":"h"}"#)], None);
        assert_eq!(namings[0].first.as_ref().map(|(version, _)| version.as_str()), Some("1.0.0"));
        assert_eq!(namings[0].homepage.as_deref(), Some("h"));
    }

    #[test]
    fn their_number_and_their_size_are_bounded() {
        let others: Vec<String> = (0..100).map(|index| format!(r#"{{"repository":"a/b{index}"}}"#)).collect();
        let others: Vec<(&str, Option<i64>, &str)> = others.iter().map(|text| ("1.0.0", None, text.as_str())).collect();
        assert_eq!(seen(&others, None).len(), MAX_NAMINGS);
        // However many come first, what counts is kept.
        let many = others.iter().map(|(_, _, text)| ("0.0.0-a", Some(95), *text));
        let ours = [("1.0.0", Some(50), r#"{"repository":"ours/a"}"#), ("0.1.0", Some(1), r#"{"repository":"old/a"}"#)];
        let namings = seen(&many.chain(ours).collect::<Vec<_>>(), Some(100));
        let named: Vec<_> = namings.iter().take(2).map(|naming| naming.repository.clone().unwrap()).collect();
        assert_eq!(named, ["old/a", "ours/a"]);
        let long = format!(r#"{{"repository":"{}"}}"#, "a".repeat(MAX_FIELD));
        assert_eq!(seen(&[("1.0.0", None, &long)], None)[0].repository, None);
    }
}
