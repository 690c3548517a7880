//! A plan: everything that one rebuild does, as a value that can be read, stored, edited and replayed.
//!
//! A plan is inferred from the commit or given by the user; the run follows it to the letter and infers
//! nothing. Paths are relative to the repository's root, with `/`, `.` being the root itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The writable directory that the commit's files are put into.
const WORK_AREA: &str = "/build";
/// The folder that clean-publish is told to fill with a copy of the one around it.
pub(crate) const CLEAN_PUBLISH_FOLDER: &str = "tmp-clean-publish";

/// Everything that one rebuild does, in the order of the fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Plan {
    /// The format's version: [`Plan::FORMAT`].
    pub format: u32,
    /// Stable id of the way it was inferred, such as `plain-pack`, `workflow` or `lifecycle`.
    pub strategy: String,
    /// One sentence for each choice: what was chosen, and which file of the commit or which claim says so.
    #[serde(default)]
    pub because: Vec<String>,
    /// The programs; `None` where the system's shell and its usual companions do.
    #[serde(default)]
    pub tools: Option<Tools>,
    /// What the directory of the commit's files is called, as a clone of the repository is; some builds look at it. `None`
    /// where the files lie in the work area itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkout: Option<String>,
    /// The instant that the build is shown as the present, seconds since the epoch.
    #[serde(default)]
    pub clock: Option<i64>,
    /// Whether it is only worth a try after a build that broke off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub if_broken: bool,
    /// Whether the commit's text files are written with CRLF, as git does on Windows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub crlf: bool,
    /// Files and directories of the commit that are build output, removed first.
    #[serde(default)]
    pub remove: Vec<String>,
    /// Versions written into manifests before anything runs.
    #[serde(default)]
    pub stamps: Vec<Stamp>,
    /// The installation of dependencies; `None` where nothing needs one.
    #[serde(default)]
    pub install: Option<Install>,
    /// What runs afterwards, without any network.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// What is packed.
    pub pack: Pack,
}

impl Plan {
    /// The version of the format that this program writes and reads.
    pub const FORMAT: u32 = 1;
    /// Times that a build can be shown, seconds since 1970: those that can be written with a year of four digits.
    pub const CLOCKS: std::ops::Range<i64> = 0..253_402_300_800;

    /// How the strategies of plans begin that the user gave, or a definition.
    pub const GIVEN: [&str; 2] = ["plan-file/", "definition/"];

    /// Whether anything runs besides packing itself.
    pub fn builds(&self) -> bool {
        !self.steps.is_empty() || self.pack.scripts || self.pack.prepublish_only
    }

    /// Whether it only copies what is packed, so that it makes no file that the commit does not have.
    pub fn only_copies(&self) -> bool {
        let copies =
            |step: &Step| step.run.starts_with("clean-publish ") && !step.run.contains([';', '&', '|', '`', '$']);
        self.pack.is_copy() && self.steps.iter().all(copies) && !self.pack.scripts && !self.pack.prepublish_only
    }

    /// Where the commit's files lie while it runs, absolute and inside.
    pub fn source_directory(&self) -> String {
        match &self.checkout {
            Some(name) => format!("{WORK_AREA}/{name}"),
            None => WORK_AREA.to_owned(),
        }
    }

    /// Whether nobody wrote it: one that was given is followed to the letter.
    pub fn is_inferred(&self) -> bool {
        !Self::GIVEN.iter().any(|origin| self.strategy.starts_with(origin))
    }

    /// What installs and runs scripts; npm where the plan needs no programs at all.
    pub fn manager(&self) -> &PackageManager {
        const NPM: PackageManager = PackageManager { name: PackageManagerName::Npm, version: None, path: None };
        self.tools.as_ref().map_or(&NPM, |tools| &tools.package_manager)
    }
}

/// The programs that a rebuild runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tools {
    /// Node.
    pub node: VersionRequest,
    /// npm, which packs in any case.
    pub npm: VersionRequest,
    /// What installs and runs scripts.
    pub package_manager: PackageManager,
}

impl Tools {
    /// Whether the registry's metadata of the release chose Node or npm.
    pub fn has_claimed(&self) -> bool {
        [&self.node, &self.npm].iter().any(|request| request.from == VersionRequest::CLAIMED)
    }
}

/// A version to look for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct VersionRequest {
    /// An exact version or an npm range, such as `20.11.1`, `20` or `>=18 <21`.
    pub version: String,
    /// Who says so: `registry`, a path of the commit, or `publish-time`.
    pub from: String,
}

impl VersionRequest {
    /// Who says so where the metadata of the release does.
    pub const CLAIMED: &str = "registry";
}

/// A package manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PackageManager {
    /// Which one.
    pub name: PackageManagerName,
    /// Its version; `None` for npm, whose version is [`Tools::npm`].
    #[serde(default)]
    pub version: Option<VersionRequest>,
    /// A program of the commit that is run instead of a fetched one: yarn's `yarnPath`.
    #[serde(default)]
    pub path: Option<String>,
}

/// The package managers that can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PackageManagerName {
    /// npm.
    Npm,
    /// Yarn 1.
    YarnClassic,
    /// Yarn 2 and later.
    YarnBerry,
    /// pnpm.
    Pnpm,
    /// Bun.
    Bun,
}

/// What writes the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Packer {
    /// npm.
    Npm,
    /// Yarn 1.
    YarnClassic,
    /// Yarn 2 and later.
    YarnBerry,
    /// pnpm.
    Pnpm,
    /// Bun.
    Bun,
    /// This program itself, outside, by npm's rules; no script runs.
    Native,
}

impl From<PackageManagerName> for Packer {
    fn from(name: PackageManagerName) -> Self {
        match name {
            PackageManagerName::Npm => Self::Npm,
            PackageManagerName::YarnClassic => Self::YarnClassic,
            PackageManagerName::YarnBerry => Self::YarnBerry,
            PackageManagerName::Pnpm => Self::Pnpm,
            PackageManagerName::Bun => Self::Bun,
        }
    }
}

/// A version that a manifest gets before the build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Stamp {
    /// The `package.json`.
    pub file: String,
    /// The value of its `version`.
    pub version: String,
}

/// The installation of dependencies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Install {
    /// The directory of the lockfile, or of the root manifest.
    pub directory: String,
    /// The lockfile, where there is one.
    #[serde(default)]
    pub lockfile: Option<String>,
    /// How strictly it is followed.
    pub mode: InstallMode,
    /// No version published later than this may be chosen, seconds since the epoch.
    #[serde(default)]
    pub cutoff: Option<i64>,
}

impl Install {
    /// Whether it may choose no other releases than a lockfile's.
    pub fn follows_lockfile(&self) -> bool {
        self.lockfile.is_some() && self.mode == InstallMode::Frozen
    }
}

/// How strictly a lockfile is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstallMode {
    /// The lockfile's versions or none.
    Frozen,
    /// Whatever fits the manifests before the cutoff; the lockfile is a preference.
    Loose,
}

/// One shell command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Step {
    /// Where it runs.
    #[serde(default = "root")]
    pub directory: String,
    /// What `sh -c` runs.
    pub run: String,
    /// Variables for this step alone.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Whether the rebuild goes on when it fails.
    #[serde(default)]
    pub may_fail: bool,
}

fn root() -> String {
    ".".to_owned()
}

/// What is packed, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Pack {
    /// The directory whose tarball is the result.
    pub directory: String,
    /// What packs; pnpm and yarn rewrite the manifest, npm does not.
    pub with: Packer,
    /// Whether `prepublishOnly` runs before, as it does on publishing and not on packing.
    #[serde(default)]
    pub prepublish_only: bool,
    /// Whether `prepack`, `prepare` and `postpack` run.
    #[serde(default)]
    pub scripts: bool,
}

impl Pack {
    /// The directory from the repository's root; empty for the root itself.
    pub fn place(&self) -> &str {
        place(&self.directory)
    }

    /// Whether other files may be packed than there are in the package's directory, which is `own`.
    pub fn is_elsewhere(&self, own: &str) -> bool {
        self.place() != place(own) && !self.is_copy()
    }

    /// Whether clean-publish's copy of a directory is packed: the same files, some with other content.
    fn is_copy(&self) -> bool {
        self.place().rsplit('/').next() == Some(CLEAN_PUBLISH_FOLDER)
    }
}

/// A path of a plan, from the repository's root without `./` and slashes around it; empty for the root itself.
pub(crate) fn place(path: &str) -> &str {
    match path.trim_start_matches("./").trim_matches('/') {
        "." => "",
        path => path,
    }
}
