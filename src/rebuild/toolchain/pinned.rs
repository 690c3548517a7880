//! The bytes that count as Node: a table of digests that is part of this program.

use std::sync::OnceLock;

use super::ToolchainError;
use crate::package::{Integrity, Version};
use crate::registry::parse_rfc3339;

/// Made by `scripts/record-node-digests`.
const TABLE: &str = include_str!("node-digests.tsv");

/// A kind of machine that the registry has programs for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// Linux with glibc on x86-64.
    LinuxX64,
    /// Linux with glibc on 64-bit ARM.
    LinuxArm64,
}

impl Platform {
    /// The platform of this machine.
    pub fn current() -> Result<Self, ToolchainError> {
        match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", "x86_64") => Ok(Self::LinuxX64),
            ("linux", "aarch64") => Ok(Self::LinuxArm64),
            (system, architecture) => Err(ToolchainError::UnsupportedPlatform { system, architecture }),
        }
    }
}

/// A Node release that may be used.
#[derive(Debug, Clone)]
pub(super) struct Pinned {
    pub(super) version: Version,
    /// When it was released, or its line's first release was where that is not known, in seconds since 1970.
    pub(super) released_at: Option<i64>,
    digests: [Option<&'static str>; 2],
}

impl Pinned {
    /// The integrity of its package for `platform`.
    pub(super) fn integrity(&self, platform: Platform) -> Option<Integrity> {
        let digest = self.digests[platform as usize]?;
        Integrity::parse(&format!("sha512-{digest}")).ok()
    }
}

/// The table, ascending; parsed when it is first needed.
pub(super) fn table() -> &'static [Pinned] {
    static PARSED: OnceLock<Vec<Pinned>> = OnceLock::new();
    PARSED.get_or_init(|| parse(TABLE))
}

/// Parses a table; a line that is none is left out, which a test of the committed one excludes.
pub(super) fn parse(text: &'static str) -> Vec<Pinned> {
    let mut pinned: Vec<Pinned> = Vec::new();
    let mut first_of_line: Option<(String, i64)> = None;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.split('\t');
        let Some(version) = columns.next().and_then(|text| Version::parse(text).ok()) else { continue };
        let date = columns.next().unwrap_or_default();
        let stated = parse_rfc3339(&format!("{date}T00:00:00Z"));
        let minor = version.as_str().rsplit_once('.').map_or_else(String::new, |(minor, _)| minor.to_owned());
        let of_line = first_of_line.as_ref().filter(|(line, _)| *line == minor).map(|(_, time)| *time);
        if let (Some(stated), None) = (stated, of_line) {
            first_of_line = Some((minor, stated));
        }
        let mut digest = || columns.next().filter(|digest| !digest.is_empty());
        let digests = [digest(), digest()];
        pinned.push(Pinned { version, released_at: stated.or(of_line), digests });
    }
    pinned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_table_is_whole_and_ascends() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#')).count();
        let table = table();
        assert_eq!(table.len(), lines);
        assert!(table.windows(2).all(|pair| pair[0].version.compare_precedence(&pair[1].version).is_lt()));
        for release in table {
            let stated = release.digests.iter().flatten().count();
            let parsed =
                [Platform::LinuxX64, Platform::LinuxArm64].iter().filter_map(|p| release.integrity(*p)).count();
            assert!(stated == parsed && parsed > 0, "{}", release.version);
            assert!(!release.version.is_prerelease());
        }
        let on = |platform| table.iter().filter(|release| release.integrity(platform).is_some()).count();
        assert!(on(Platform::LinuxX64) > 400 && on(Platform::LinuxArm64) > 50);
        let dated = table.iter().filter(|release| release.released_at.is_some()).count();
        assert!(dated * 100 > table.len() * 95, "{dated} of {}", table.len());
    }

    #[test]
    fn a_patch_without_a_date_has_its_lines_first_one() {
        let table = parse("1.0.0\t1970-01-02\tA\t\n1.0.1\t\tA\tB\n1.1.0\t\tA\n2.0.0\t1970-01-03\tA\tB\n");
        let times: Vec<_> = table.iter().map(|release| release.released_at).collect();
        assert_eq!(times, [Some(86_400), Some(86_400), None, Some(172_800)]);
    }
}
