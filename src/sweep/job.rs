use std::fmt;

use sha2::Digest as _;

use crate::package::{Release, Sha256Digest, Subject};
use crate::store::Inputs;

/// How long a release counts as new, seconds.
const NEW_FOR: i64 = 7 * 24 * 3600;

/// One release to verify: the unit that is queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The release.
    pub release: Release,
    /// The digest of the artifact that the registry stated, `sha512-…` or a weaker one; empty where it stated none.
    pub stated: String,
    /// The digest of everything that the user set and that a verdict depends on.
    pub policy: Sha256Digest,
    /// The program's version.
    pub tool: String,
    /// When the registry says it was published, seconds since 1970.
    pub published_at: Option<i64>,
    /// Whether it goes before others.
    pub priority: Priority,
}

/// What a job is known by: the same release, artifact, policy and program are the same job.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobKey(pub Sha256Digest);

/// Which jobs go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// The release is new.
    New,
    /// It has been there for a while.
    Backlog,
}

impl Job {
    /// What the job is known by.
    pub fn key(&self) -> JobKey {
        let mut hash = sha2::Sha256::new();
        for part in [&self.release.purl(), &self.stated, &self.policy.to_string(), &self.tool] {
            // The length first, so that no two lists of parts are one text.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        JobKey(Sha256Digest(hash.finalize().into()))
    }

    /// What its verification starts from.
    pub(crate) fn inputs(&self) -> Inputs<'_> {
        Inputs { release: &self.release, stated: Some(&self.stated), policy: self.policy, tool: &self.tool }
    }

    /// The release as a verification is asked for it.
    pub fn subject(&self) -> Subject {
        let Release { ecosystem, name, version } = self.release.clone();
        Subject { ecosystem, name, version: Some(version) }
    }
}

impl Priority {
    /// The priority of a release that was published then, seconds since 1970.
    pub fn of(published_at: Option<i64>, now: i64) -> Self {
        match published_at {
            Some(published_at) if now.saturating_sub(published_at) < NEW_FOR => Self::New,
            _ => Self::Backlog,
        }
    }

    pub(super) fn number(self) -> i64 {
        match self {
            Self::New => 0,
            Self::Backlog => 1,
        }
    }

    pub(super) fn from_number(number: i64) -> Self {
        if number == 0 { Self::New } else { Self::Backlog }
    }
}

impl fmt::Display for JobKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Debug for JobKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "JobKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> Job {
        let subject: Subject = "npm:@studio/lamp@2.0.0".parse().unwrap();
        let release = Release { ecosystem: subject.ecosystem, name: subject.name, version: subject.version.unwrap() };
        let (stated, tool) = ("sha512-x".to_owned(), "1.0.0".to_owned());
        let policy = Sha256Digest::of(b"policy");
        Job { release, stated, policy, tool, published_at: None, priority: Priority::Backlog }
    }

    #[test]
    fn only_what_a_verdict_depends_on_makes_another_job() {
        let key = job().key();
        let with = |change: &dyn Fn(&mut Job)| {
            let mut job = job();
            change(&mut job);
            job.key()
        };
        assert_eq!(with(&|job| job.published_at = Some(1)), key);
        assert_eq!(with(&|job| job.priority = Priority::New), key);
        assert_ne!(with(&|job| job.stated = "sha512-y".to_owned()), key);
        assert_ne!(with(&|job| job.tool = "1.0.1".to_owned()), key);
        assert_ne!(with(&|job| job.policy = Sha256Digest::of(b"other")), key);
        assert_ne!(with(&|job| job.release.version = crate::package::Version::parse("2.0.1").unwrap()), key);
    }

    #[test]
    fn a_release_is_new_for_a_week() {
        let now = 1_800_000_000;
        assert_eq!(Priority::of(Some(now - 3600), now), Priority::New);
        // Clocks differ.
        assert_eq!(Priority::of(Some(now + 3600), now), Priority::New);
        assert_eq!(Priority::of(Some(now - 8 * 24 * 3600), now), Priority::Backlog);
        assert_eq!(Priority::of(None, now), Priority::Backlog);
    }
}
