//! A packument as it would have been at the cutoff.
//!
//! Times of publication may be a mirror's own: when it first saw a version. Such a time is never too early, so
//! a version that has one before the cutoff existed then. The others are hidden, unless the times of the package
//! contradict what is known: then the cutoff cannot be applied to it, which the log says.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};

use nodejs_semver::Range;
use serde_json::value::RawValue;

use super::members::{Members, text};
use crate::package::{PackageName, Version};
use crate::rebuild::lockfile::{Closure, split_descriptor};
use crate::registry::parse_rfc3339;

/// The members of a version that the short form has.
const SHORT_FORM: [&str; 20] = [
    "name",
    "version",
    "deprecated",
    "dependencies",
    "optionalDependencies",
    "devDependencies",
    "bundleDependencies",
    "bundledDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "acceptDependencies",
    "bin",
    "directories",
    "dist",
    "engines",
    "cpu",
    "os",
    "libc",
    "hasInstallScript",
    "_hasShrinkwrap",
];
const INSTALL_SCRIPTS: [&str; 3] = ["preinstall", "install", "postinstall"];

/// Which of the two forms of a packument is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Full,
    Short,
}

/// What of a packument may be seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window<'a> {
    pub(super) cutoff: Option<i64>,
    pub(super) closure: Option<&'a Closure>,
    /// Whether versions outside the lockfile may be chosen.
    pub(super) open: bool,
    /// Whether versions that the lockfile does not name need to be some time old at the cutoff.
    pub(super) settled: bool,
    /// The release that is being verified: it must not take part in its own rebuild.
    pub(super) verified: Option<&'a crate::package::Release>,
    /// The view's own address, without a slash at its end.
    pub(super) origin: &'a str,
}

/// A packument as it is shown.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) body: Vec<u8>,
    pub(super) versions: HashSet<String>,
    /// Whether the package's times contradict what is known and were not applied.
    pub(super) without_cutoff: bool,
    /// Whether a version was hidden because it was not old enough.
    pub(super) has_recent: bool,
    /// What the visible versions depend on.
    pub(super) dependencies: HashSet<PackageName>,
    /// The visible versions whose tarballs hold a shrinkwrap, so that npm installs what that names.
    pub(super) shrinkwrapped: HashSet<String>,
}

/// How old at the cutoff a version has to be that a lockfile does not name, seconds: whoever put it there to explain a
/// release would have had to wait that long, in sight of everybody.
const SETTLED: i64 = 30 * 86_400;

struct Release<'a> {
    version: Version,
    raw: &'a RawValue,
    time: Option<i64>,
    time_text: Option<String>,
}

/// Rewrites the packument of `name`.
pub(super) fn shown(
    bytes: &[u8],
    name: &PackageName,
    form: Form,
    window: Window<'_>,
) -> Result<Shown, serde_json::Error> {
    let top: Members<'_> = serde_json::from_slice(bytes)?;
    let releases = releases(&top);
    // The npm registry, and whoever passes its documents on, also states when a package was created; a mirror that has
    // times of its own does not. Nothing that a publisher can arrange may count here.
    let believed = Members::of(top.get("time")).get("created").is_some() || window.cutoff.is_none();
    let is_locked = |version: &str| window.closure.is_some_and(|closure| closure.locked(name, version).is_some());
    let is_verified = |release: &Release<'_>| {
        let own = window.verified.filter(|verified| verified.name == *name);
        own.is_some_and(|verified| match release.version.compare_precedence(&verified.version) {
            Ordering::Less => false,
            Ordering::Equal => true,
            // Where the times tell nothing, the order of versions does.
            Ordering::Greater => !believed && !is_locked(release.version.as_str()),
        })
    };
    // What cannot do without the release was published after it, whatever a mirror's times say.
    let came_after =
        |release: &Release<'_>| window.verified.is_some_and(|verified| requires_at_least(release, verified));
    let was_there = |release: &Release<'_>| {
        let before = |cutoff| release.time.is_some_and(|time| time <= cutoff);
        is_locked(release.version.as_str())
            || window.cutoff.is_none_or(|cutoff| before(cutoff) || (!believed && window.open))
    };
    // When a mirror first saw a version says nothing of its age.
    let is_recent = |release: &Release<'_>| {
        let is_held = window.settled || window.verified.is_some_and(|verified| verified.name == *name);
        let settled = window.cutoff.filter(|_| is_held && believed).map(|cutoff| cutoff - SETTLED);
        settled.is_some_and(|settled| release.time.is_none_or(|time| time > settled))
            && !is_locked(release.version.as_str())
    };
    let known = if believed { None } else { newest_known(&top, &releases, window.cutoff) };
    let (recent, visible): (Vec<_>, Vec<_>) = releases
        .into_iter()
        .filter(|release| was_there(release) && !is_verified(release) && !came_after(release))
        .partition(is_recent);
    let dependencies = visible.iter().flat_map(dependencies).collect();
    let versions = visible.iter().map(|release| release.version.to_string()).collect();
    let has_shrinkwrap = |release: &&Release<'_>| {
        Members::of(Some(release.raw)).get("_hasShrinkwrap").is_some_and(|raw| raw.get() == "true")
    };
    let shrinkwrapped = visible.iter().filter(has_shrinkwrap).map(|release| release.version.to_string()).collect();

    let mut writer = Writer { body: Vec::with_capacity(bytes.len()), first: true };
    writer.open("");
    writer.text("name", name.as_str());
    writer.open("dist-tags");
    for (tag, version) in tags(&top, &visible, known) {
        writer.text(&tag, &version);
    }
    writer.close();
    writer.open("versions");
    for release in &visible {
        writer.version(name, release, form, window.origin);
    }
    writer.close();
    let times = visible.iter().filter_map(|release| Some((release, stated_time(release, window.cutoff)?)));
    if form == Form::Full {
        writer.open("time");
        for (release, time) in times {
            writer.text(release.version.as_str(), &time);
        }
        writer.close();
    } else if let Some(modified) = times.map(|(_, time)| time).max() {
        writer.text("modified", &modified);
    }
    writer.close();
    let (body, has_recent) = (writer.body, !recent.is_empty());
    Ok(Shown { body, versions, without_cutoff: !believed, has_recent, dependencies, shrinkwrapped })
}

/// Whether no earlier version of `verified` is enough for a release's dependencies.
fn requires_at_least(release: &Release<'_>, verified: &crate::package::Release) -> bool {
    let members = Members::of(Some(release.raw));
    let ranges = Members::of(members.get("dependencies"));
    let least =
        ranges.get(verified.name.as_str()).and_then(text).and_then(|range| Range::parse(range).ok()?.min_version());
    let own = nodejs_semver::Version::parse(verified.version.as_str()).ok();
    least.zip(own).is_some_and(|(least, own)| least >= own)
}

/// The packages that a release's lists of dependencies name, by their own names or behind another.
fn dependencies(release: &Release<'_>) -> Vec<PackageName> {
    let members = Members::of(Some(release.raw));
    let lists =
        ["dependencies", "optionalDependencies", "peerDependencies"].map(|list| Members::of(members.get(list)).0);
    let named = lists.into_iter().flatten().flat_map(|(name, range)| {
        let range = text(range).unwrap_or_default();
        let target = range.strip_prefix("npm:").map(|target| split_descriptor(target).map_or(target, |(name, _)| name));
        [Some(name), target.map(str::to_owned)]
    });
    named.flatten().filter_map(|name| PackageName::parse(&name).ok()).collect()
}

fn releases<'a>(top: &Members<'a>) -> Vec<Release<'a>> {
    let times: HashMap<String, &RawValue> = Members::of(top.get("time")).0.into_iter().collect();
    // Of two entries with one key the last counts, as in every client.
    let raw: BTreeMap<String, &RawValue> = Members::of(top.get("versions")).0.into_iter().collect();
    let mut releases: Vec<_> = raw
        .into_iter()
        .filter_map(|(key, raw)| {
            let version = Version::parse(&key).ok()?;
            let time_text = times.get(&key).and_then(|raw| text(raw));
            let time = time_text.as_deref().and_then(parse_rfc3339);
            Some(Release { version, raw, time, time_text })
        })
        .collect();
    releases.sort_by(|left, right| left.version.compare_precedence(&right.version));
    releases
}

/// The newest version that certainly existed at the cutoff, where the times are a mirror's own.
///
/// A mirror's time is never too early. npm, pnpm and yarn 1 take `latest` where it fits a range, so this one as `latest`
/// keeps them from what came years later, and hides nothing that a range may need.
fn newest_known(top: &Members<'_>, releases: &[Release<'_>], cutoff: Option<i64>) -> Option<String> {
    let cutoff = cutoff?;
    let stated = Members::of(top.get("dist-tags")).get("latest").and_then(text);
    let stated = stated.and_then(|text| Version::parse(&text).ok());
    let is_later = |version: &Version| {
        stated.as_ref().is_some_and(|latest| version.compare_precedence(latest) == Ordering::Greater)
    };
    // They ascend.
    let known = releases.iter().rev().find(|release| {
        let version = &release.version;
        release.time.is_some_and(|time| time <= cutoff) && !version.is_prerelease() && !is_later(version)
    });
    known.map(|release| release.version.to_string())
}

/// The tags whose versions are visible, and a `latest` in any case: `known`, if there is one.
fn tags(top: &Members<'_>, visible: &[Release<'_>], known: Option<String>) -> BTreeMap<String, String> {
    let is_visible = |version: &str| visible.iter().any(|release| release.version.as_str() == version);
    let mut tags: BTreeMap<String, String> = Members::of(top.get("dist-tags"))
        .0
        .into_iter()
        .filter_map(|(tag, raw)| Some((tag, text(raw)?)))
        .filter(|(_, version)| is_visible(version))
        .collect();
    if let Some(known) = known.filter(|version| is_visible(version)) {
        tags.insert("latest".to_owned(), known);
    }
    // `visible` ascends.
    let highest = visible.iter().rev().find(|release| !release.version.is_prerelease()).or(visible.last());
    if let Some(highest) = highest {
        tags.entry("latest".to_owned()).or_insert_with(|| highest.version.to_string());
    }
    tags
}

/// The time to state: a mirror's own one may lie in what is the future inside the sandbox.
fn stated_time(release: &Release<'_>, cutoff: Option<i64>) -> Option<String> {
    match (release.time, cutoff) {
        (Some(time), Some(cutoff)) if time > cutoff => Some(rfc3339(cutoff)),
        (Some(_), _) => release.time_text.clone(),
        (None, cutoff) => cutoff.map(rfc3339),
    }
}

/// The time in the form of packuments.
fn rfc3339(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Counting years from March puts the leap day last; 719468 days lie between 1 March of year 0 and 1970.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.000Z")
}

/// Writes JSON objects.
struct Writer {
    body: Vec<u8>,
    first: bool,
}

impl Writer {
    fn key(&mut self, key: &str) {
        if !std::mem::replace(&mut self.first, false) {
            self.body.push(b',');
        }
        self.quoted(key);
        self.body.push(b':');
    }

    fn quoted(&mut self, text: &str) {
        serde_json::to_writer(&mut self.body, text).expect("text can be written into memory");
    }

    /// Opens an object under `key`, or the outermost one under an empty key.
    fn open(&mut self, key: &str) {
        if !key.is_empty() {
            self.key(key);
        }
        self.body.push(b'{');
        self.first = true;
    }

    fn close(&mut self) {
        self.body.push(b'}');
        self.first = false;
    }

    fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        self.quoted(value);
    }

    fn raw(&mut self, key: &str, value: &RawValue) {
        self.key(key);
        self.body.extend_from_slice(value.get().as_bytes());
    }

    fn version(&mut self, name: &PackageName, release: &Release<'_>, form: Form, origin: &str) {
        let members = Members::of(Some(release.raw));
        let version = &release.version;
        self.open(version.as_str());
        for (key, value) in &members.0 {
            match key.as_str() {
                "dist" => {
                    self.open(key);
                    for (key, value) in Members::of(Some(value)).0.iter().filter(|(key, _)| key != "tarball") {
                        self.raw(key, value);
                    }
                    self.text("tarball", &format!("{origin}/{name}/-/{}-{version}.tgz", name.unscoped()));
                    self.close();
                }
                short if form == Form::Full || SHORT_FORM.contains(&short) => self.raw(key, value),
                _ => {}
            }
        }
        let has_scripts =
            || Members::of(members.get("scripts")).0.iter().any(|(key, _)| INSTALL_SCRIPTS.contains(&key.as_str()));
        if form == Form::Short && members.get("hasInstallScript").is_none() && has_scripts() {
            self.key("hasInstallScript");
            self.body.extend_from_slice(b"true");
        }
        self.close();
    }
}

#[cfg(test)]
#[path = "packument_tests.rs"]
mod tests;
