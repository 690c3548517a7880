//! Exceptions that people state for findings they have looked at: exact, with a reason, and with an end.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;

use crate::finding::{Finding, Rule};
use crate::package::{PackageName, Release, Sha256Digest, Version, line_of};
use crate::registry::parse_rfc3339;

/// A policy file's exceptions, and which of them this run has used.
#[derive(Debug, Default)]
pub struct Policy {
    exceptions: Vec<Exception>,
    /// The SHA-256 of the file; `None` without one.
    digest: Option<Sha256Digest>,
    /// The time by which exceptions expire, seconds since the epoch.
    now: i64,
}

/// One exception: these findings of this package are known, and why that is all right.
#[derive(Debug)]
struct Exception {
    package: PackageName,
    rule: Rule,
    path: Option<String>,
    /// For findings about a key of the manifest.
    key: Option<String>,
    versions: Option<(String, nodejs_semver::Range)>,
    sha256: Option<Sha256Digest>,
    reason: String,
    /// The end of its last day, seconds since the epoch, and that day as it is written.
    expires: Option<(i64, String)>,
    used: AtomicBool,
    /// Whether a release was verified that it could have been used for.
    concerned: AtomicBool,
}

/// Why a policy file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// It cannot be read.
    #[error("cannot read the policy `{}`", path.display())]
    Read {
        /// Where it is.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// It is not TOML of the documented form.
    #[error("the policy `{}` is not valid: line {line}: {reason}", path.display())]
    Parse {
        /// Where it is.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The parser's reason, with the key.
        reason: String,
    },
    /// An exception says something that no exception can.
    #[error("the policy `{}` is not valid: exception {number}: {reason}", path.display())]
    Exception {
        /// Where it is.
        path: PathBuf,
        /// Which exception, counted from 1.
        number: usize,
        /// What is wrong with it.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    exception: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    package: String,
    rule: String,
    path: Option<String>,
    key: Option<String>,
    versions: Option<String>,
    sha256: Option<String>,
    reason: String,
    expires: Option<String>,
}

/// An exception that did nothing in this run, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idle {
    /// `policy-expired` or `policy-unused`.
    pub rule: Rule,
    /// The package that it is for.
    pub package: PackageName,
    /// What it is and why it did nothing.
    pub message: String,
}

impl Policy {
    /// Reads the file at `path`; `now` is the time by which exceptions expire, seconds since the epoch.
    pub fn read(path: &Path, now: i64) -> Result<Self, PolicyError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| PolicyError::Read { path: path.to_owned(), source })?;
        Self::parse(path, &text, now)
    }

    fn parse(path: &Path, text: &str, now: i64) -> Result<Self, PolicyError> {
        let file: File = toml::from_str(text).map_err(|error: toml::de::Error| {
            let line = line_of(text, error.span().map_or(0, |span| span.start));
            PolicyError::Parse { path: path.to_owned(), line, reason: error.message().to_owned() }
        })?;
        let numbered = file.exception.into_iter().enumerate();
        let exceptions = numbered.map(|(index, written)| {
            Exception::parse(written).map_err(|reason| PolicyError::Exception {
                path: path.to_owned(),
                number: index + 1,
                reason,
            })
        });
        let digest = Some(Sha256Digest::of(text.as_bytes()));
        Ok(Self { exceptions: exceptions.collect::<Result<_, _>>()?, digest, now })
    }

    /// The SHA-256 of the file that it was read from; `None` where there was none.
    pub fn digest(&self) -> Option<Sha256Digest> {
        self.digest
    }

    /// Whether it states nothing.
    pub fn is_empty(&self) -> bool {
        self.exceptions.is_empty()
    }

    /// Marks the findings that an exception covers with its reason; `digest` gives the SHA-256 of a published file.
    pub fn apply(&self, findings: &mut [Finding], release: &Release, digest: impl Fn(&str) -> Option<Sha256Digest>) {
        for exception in self.exceptions.iter().filter(|exception| exception.concerns(release)) {
            exception.concerned.store(true, Ordering::Relaxed);
            if exception.is_expired(self.now) {
                continue;
            }
            for finding in findings.iter_mut().filter(|finding| finding.excepted.is_none()) {
                if exception.covers(finding, &digest) {
                    finding.excepted = Some(exception.reason.clone());
                    exception.used.store(true, Ordering::Relaxed);
                }
            }
        }
    }

    /// The exceptions for verified packages that did nothing, in the file's order.
    pub fn idle(&self) -> Vec<Idle> {
        let idle = |(index, exception): (usize, &Exception)| {
            if !exception.concerned.load(Ordering::Relaxed) || exception.used.load(Ordering::Relaxed) {
                return None;
            }
            let what = format!("exception {} ({})", index + 1, exception.describe());
            let (rule, message) = match &exception.expires {
                Some((_, day)) if exception.is_expired(self.now) => {
                    (Rule::PolicyExpired, format!("{what} expired on {day}"))
                }
                _ => (Rule::PolicyUnused, format!("{what} covers nothing any more")),
            };
            Some(Idle { rule, package: exception.package.clone(), message })
        };
        self.exceptions.iter().enumerate().filter_map(idle).collect()
    }
}

impl Exception {
    fn parse(written: Written) -> Result<Self, String> {
        let name = written.package.strip_prefix("npm:").unwrap_or(&written.package);
        let versions = written.versions.map(|text| match nodejs_semver::Range::parse(&text) {
            Ok(range) => Ok((text, range)),
            Err(_) => Err(format!("`versions`: `{text}` is not a range of versions")),
        });
        let exception = Self {
            package: PackageName::parse(name).map_err(|error| format!("`package`: {error}"))?,
            rule: Rule::parse(&written.rule).ok_or_else(|| format!("`rule`: there is no rule `{}`", written.rule))?,
            path: written.path,
            key: written.key,
            versions: versions.transpose()?,
            sha256: written
                .sha256
                .map(|text| Sha256Digest::parse(&text).map_err(|error| format!("`sha256`: {error}")))
                .transpose()?,
            reason: written.reason.trim().to_owned(),
            expires: written.expires.map(last_second).transpose()?,
            used: AtomicBool::new(false),
            concerned: AtomicBool::new(false),
        };
        if exception.package.as_str().contains('*') {
            return Err("`package`: there are no patterns".to_owned());
        }
        if exception.path.as_ref().is_some_and(|path| path.starts_with("./") || path.starts_with('/')) {
            return Err("`path` is the path inside the package, without `./` or `/` before it".to_owned());
        }
        if matches!(exception.rule, Rule::PolicyExpired | Rule::PolicyUnused) {
            return Err("`rule`: what a policy does is not excepted".to_owned());
        }
        // The digest would be that of the last copy alone.
        if exception.rule == Rule::DuplicateEntry && exception.sha256.is_some() {
            return Err("`sha256` cannot bind `duplicate-entry`, which is about several contents".to_owned());
        }
        if let Some((text, range)) = &exception.versions
            && Version::parse("999999.0.0").is_ok_and(|edge| edge.satisfies(range))
        {
            return Err(format!("`versions`: `{text}` holds for whatever is published next"));
        }
        if exception.reason.is_empty() {
            return Err("`reason` is empty".to_owned());
        }
        if exception.versions.is_none() && exception.sha256.is_none() {
            return Err("it needs `versions` or `sha256`: without either it would hold for ever".to_owned());
        }
        if exception.sha256.is_some() && exception.path.is_none() {
            return Err("`sha256` is the digest of a file, so it needs `path`".to_owned());
        }
        Ok(exception)
    }

    fn concerns(&self, release: &Release) -> bool {
        let within = |range: &nodejs_semver::Range, version: &Version| version.satisfies(range);
        self.package == release.name && self.versions.as_ref().is_none_or(|(_, range)| within(range, &release.version))
    }

    fn is_expired(&self, now: i64) -> bool {
        self.expires.as_ref().is_some_and(|(end, _)| *end < now)
    }

    fn covers(&self, finding: &Finding, digest: impl Fn(&str) -> Option<Sha256Digest>) -> bool {
        finding.rule == self.rule
            && finding.path == self.path
            && finding.key == self.key
            && self.sha256.is_none_or(|stated| self.path.as_deref().and_then(digest) == Some(stated))
    }

    fn describe(&self) -> String {
        let path = self.path.as_ref().map(|path| format!(" {path}")).unwrap_or_default();
        let versions = self.versions.as_ref().map(|(text, _)| format!(" {text}")).unwrap_or_default();
        let key = self.key.as_ref().map(|key| format!(" {key}")).unwrap_or_default();
        format!("{}{versions}: {}{path}{key}", self.package, self.rule)
    }
}

/// The end of a day such as `2027-01-31`, in UTC.
fn last_second(day: String) -> Result<(i64, String), String> {
    match parse_rfc3339(&format!("{day}T23:59:59Z")) {
        Some(end) => Ok((end, day)),
        None => Err(format!("`expires`: `{day}` is not a day such as 2027-01-31")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::Ecosystem;

    const NOW: i64 = 1_800_000_000;

    fn policy(text: &str) -> Result<Policy, String> {
        Policy::parse(Path::new("tarproof.toml"), text, NOW).map_err(|error| error.to_string())
    }

    fn release(version: &str) -> Release {
        Release {
            ecosystem: Ecosystem::Npm,
            name: PackageName::parse("left").unwrap(),
            version: Version::parse(version).unwrap(),
        }
    }

    fn excepted(policy: &Policy, version: &str, rule: Rule, path: &str) -> Option<String> {
        let mut findings = [Finding::new(rule, Some(path), "")];
        let digest = |path: &str| Some(Sha256Digest::of(path.as_bytes()));
        policy.apply(&mut findings, &release(version), digest);
        findings[0].excepted.clone()
    }

    #[test]
    fn an_exception_covers_exactly_what_it_names() {
        let policy = policy(
            "[[exception]]\npackage = 'npm:left'\nrule = 'file-modified'\npath = 'a.js'\nversions = '^1.2.0'\n\
             reason = 'stale build'\nexpires = '2099-01-31'\n",
        )
        .unwrap();
        let cover = |version, rule, path| excepted(&policy, version, rule, path);
        assert_eq!(cover("1.2.3", Rule::FileModified, "a.js").as_deref(), Some("stale build"));
        assert_eq!(cover("2.0.0", Rule::FileModified, "a.js"), None);
        assert_eq!(cover("1.2.3", Rule::FileNotInSource, "a.js"), None);
        assert_eq!(cover("1.2.3", Rule::FileModified, "A.js"), None);
        assert!(policy.idle().is_empty());
    }

    #[test]
    fn a_digest_binds_an_exception_to_one_content() {
        let text = |digest: &str| {
            format!(
                "[[exception]]\npackage = 'left'\nrule = 'file-modified'\npath = 'a.js'\nsha256 = '{digest}'\nreason = 'x'\n"
            )
        };
        let right = policy(&text(&Sha256Digest::of(b"a.js").to_string())).unwrap();
        assert!(excepted(&right, "1.0.0", Rule::FileModified, "a.js").is_some());
        let wrong = policy(&text(&Sha256Digest::of(b"b.js").to_string())).unwrap();
        assert_eq!(excepted(&wrong, "1.0.0", Rule::FileModified, "a.js"), None);
        assert_eq!(wrong.idle()[0].rule, Rule::PolicyUnused);
    }

    #[test]
    fn an_expired_exception_does_nothing_and_is_told() {
        let text = "[[exception]]\npackage = 'left'\nrule = 'file-modified'\npath = 'a.js'\nversions = '<9'\n\
                    reason = 'x'\nexpires = '2026-01-31'\n";
        let policy = policy(text).unwrap();
        assert_eq!(excepted(&policy, "1.0.0", Rule::FileModified, "a.js"), None);
        let idle = policy.idle();
        assert_eq!(idle[0].rule, Rule::PolicyExpired);
        assert_eq!(idle[0].message, "exception 1 (left <9: file-modified a.js) expired on 2026-01-31");
    }

    #[test]
    fn what_no_verified_package_concerns_is_not_told() {
        let text =
            "[[exception]]\npackage = 'right'\nrule = 'file-modified'\npath = 'a.js'\nversions = '<9'\nreason = 'x'\n";
        let policy = policy(text).unwrap();
        assert_eq!(excepted(&policy, "1.0.0", Rule::FileModified, "a.js"), None);
        assert!(policy.idle().is_empty());
    }

    #[test]
    fn what_is_not_exact_is_refused() {
        let base = "[[exception]]\npackage = 'left'\n";
        for (rest, expected) in [
            ("rule = 'no-such'\nversions = '1'\nreason = 'x'", "`rule`: there is no rule `no-such`"),
            ("rule = 'file-modified'\nversions = 'a b'\nreason = 'x'", "`versions`: `a b` is not a range of versions"),
            ("rule = 'file-modified'\nversions = '>=1'\nreason = 'x'", "holds for whatever is published next"),
            ("rule = 'file-modified'\npath = './a'\nversions = '1'\nreason = 'x'", "without `./`"),
            ("rule = 'file-modified'\nreason = 'x'", "it needs `versions` or `sha256`"),
            ("rule = 'file-modified'\nversions = '1'\nreason = ' '", "`reason` is empty"),
            (
                "rule = 'file-modified'\nversions = '1'\nreason = 'x'\nexpires = 'soon'",
                "`expires`: `soon` is not a day",
            ),
        ] {
            let error = policy(&format!("{base}{rest}\n")).unwrap_err();
            assert!(error.contains("exception 1") && error.contains(expected), "{error}");
        }
        let error = policy("[[exception]]\npackage = 'left'\npth = 'a'\n").unwrap_err();
        assert!(error.contains("line 3: unknown field `pth`"), "{error}");
    }
}
