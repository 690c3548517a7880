//! One case of the fixture world as its description states it, parsed and checked.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::ledger::Explanation;

/// What a described release may be expected to be called.
const VERDICTS: [&str; 6] = ["verbatim", "reproduced", "equivalent", "divergent", "no-source", "inconclusive"];

/// Which side of the verifier a case is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseKind {
    /// Something was planted that the repository does not say.
    Attack,
    /// The release is what the repository says, in one of the ways real packages are.
    Honest,
    /// The registry itself misbehaves; for tests only.
    BadRegistry,
}

/// How much a registry says about a release beyond its manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MetadataKind {
    /// Everything the origin says.
    #[default]
    Full,
    /// A mirror's poorer answer: no gitHead, no tool versions, no maintainers, and its own dates.
    Sparse,
}

/// A registry's misbehaviour for one release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quirk {
    /// The packument states digests of other bytes.
    DigestMismatch,
    /// The tarball's address answers 404.
    TarballMissing,
    /// The transfer breaks off before the stated length.
    TarballCutOff,
    /// The archive ends in the middle although its digests are right.
    ArchiveTruncated,
    /// The tarball is text, not gzip, although its digests are right.
    ArchiveNotGzip,
    /// A small tarball inflates to gigabytes.
    TarballBomb,
    /// The packument is not JSON.
    PackumentNotJson,
    /// The packument's address answers 404.
    PackumentMissing,
}

/// A case: a package, its repositories, its releases and what each should lead to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique, and the file's name.
    pub id: String,
    /// A few words for a table.
    pub title: String,
    /// Which side of the verifier it is meant for.
    pub kind: CaseKind,
    /// The npm name of what is published.
    pub package: String,
    /// What the case stands for.
    pub description: String,
    /// What was planted; empty for honest cases.
    #[serde(default)]
    pub planted: String,
    /// How much the registry says.
    #[serde(default)]
    pub metadata: MetadataKind,
    /// The repositories that exist around this package.
    #[serde(default)]
    pub repositories: Vec<RepositoryDescription>,
    /// What was published, oldest first.
    pub releases: Vec<ReleaseDescription>,
}

/// A repository as a list of commits.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepositoryDescription {
    /// `owner/name` at `https://git.example/`.
    pub name: String,
    /// Other `owner/name` that lead here, as after a rename.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Complete addresses on other hosts that lead here too.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Whether nothing is left at the address.
    #[serde(default)]
    pub gone: bool,
    /// The last commit that the reachable copy has; all of them unless stated.
    pub copy_ends: Option<String>,
    /// Oldest first.
    pub commits: Vec<CommitDescription>,
}

/// A commit as the difference to its parent.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitDescription {
    /// Unique within the case; releases and other commits refer to it.
    pub label: String,
    /// The commit message; the label unless stated.
    pub message: Option<String>,
    /// The reference it advances; `refs/heads/main` unless stated, none if empty.
    pub on: Option<String>,
    /// The parent's label; the tip of its reference unless stated.
    pub parent: Option<String>,
    /// Days after the world's first; its position unless stated.
    pub day: Option<u32>,
    /// Lightweight tags that point here.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Annotated tags that point here.
    #[serde(default)]
    pub annotated_tags: Vec<String>,
    /// What changed, by path.
    #[serde(default)]
    pub files: BTreeMap<String, Edit>,
}

/// A published version: a commit's files plus what changed on the way.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseDescription {
    /// The version the registry lists.
    pub version: String,
    /// The label of the commit the files come from.
    pub from: String,
    /// The package's folder in the repository.
    #[serde(default)]
    pub root: String,
    /// Paths that are not published; one that ends in `/` stands for the folder.
    #[serde(default)]
    pub without: Vec<String>,
    /// Whether every file is published with CRLF line ends.
    #[serde(default)]
    pub crlf: bool,
    /// What changed between the commit and the tarball, by path.
    #[serde(default)]
    pub files: BTreeMap<String, Edit>,
    /// Members appended to the archive as they stand, after all files.
    #[serde(default)]
    pub entries: Vec<ArchiveEntry>,
    /// The label (or full id) that the registry reports as gitHead; none unless stated.
    pub git_head: Option<String>,
    /// Days after the world's first; the day of its commit unless stated.
    pub day: Option<u32>,
    /// Set in the registry's version document over what the manifest says.
    #[serde(default)]
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// The registry's misbehaviour for this release.
    pub quirk: Option<Quirk>,
    /// What verifying this release should lead to; none for releases that are only background.
    pub expect: Option<Expectation>,
    /// What verifying this release should fail with, where the registry misbehaves.
    pub expect_failure: Option<ExpectedFailure>,
}

/// A change of one path.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Edit {
    /// The whole new text.
    Text(String),
    /// Anything else.
    Change(Change),
}

/// The ways a path can change, applied in the order of the fields.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Change {
    /// Removes the file.
    pub remove: bool,
    /// Takes the content of another path of the commit (from the repository's root).
    pub copy: Option<String>,
    /// Puts the contents of these paths of the commit one after the other, as a publisher's build did.
    pub concatenate: Vec<String>,
    /// The label of the commit that `copy` and `concatenate` look into, where it is another one.
    pub of: Option<String>,
    /// The whole new text.
    pub text: Option<String>,
    /// The whole new content in hexadecimal.
    pub hex: Option<String>,
    /// Makes it a symbolic link to this target.
    pub link: Option<String>,
    /// Replaces the first place where the first text occurs by the second; it must occur.
    pub replace: Vec<(String, String)>,
    /// Adds text at the end.
    pub append: Option<String>,
    /// Sets or clears the executable bit.
    pub executable: Option<bool>,
}

/// An archive member written as it stands, whatever a packer would do.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveEntry {
    /// The member's whole name, root folder included.
    pub path: String,
    /// Its text.
    #[serde(default)]
    pub text: String,
    /// Makes it a symbolic link to this target.
    pub link: Option<String>,
}

/// What verifying a release should lead to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The verdict's name, with the reason in brackets where it is inconclusive.
    pub verdict: String,
    /// The path (without the root folder) that decides it.
    pub file: Option<String>,
    /// The explanation class expected for `file`.
    pub class: Option<String>,
    /// Rule ids that must be among the findings; others may be.
    #[serde(default)]
    pub findings: Vec<String>,
    /// Whether the verdict takes a rebuild in the sandbox.
    #[serde(default)]
    pub needs_rebuild: bool,
    /// One sentence.
    pub why: String,
}

/// What verifying a release of a misbehaving registry should end with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedFailure {
    /// Kebab-case name of what goes wrong.
    pub kind: String,
    /// The exit code.
    pub exit: u8,
    /// One sentence.
    pub why: String,
}

/// Why a description cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// Not TOML of this shape.
    #[error("cannot read the description `{id}`")]
    Syntax {
        /// The description's name.
        id: String,
        /// What the parser says.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// Well-formed, but it contradicts itself.
    #[error("the description `{id}` is not usable: {problem}")]
    Unusable {
        /// The description's name.
        id: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl Case {
    /// Parses the description named `id` and checks that it is consistent in itself.
    pub fn parse(id: &str, text: &str) -> Result<Self, CaseError> {
        let case: Self =
            toml::from_str(text).map_err(|source| CaseError::Syntax { id: id.to_owned(), source: Box::new(source) })?;
        match case.problem(id) {
            Some(problem) => Err(CaseError::Unusable { id: id.to_owned(), problem }),
            None => Ok(case),
        }
    }

    fn problem(&self, id: &str) -> Option<String> {
        if self.id != id {
            return Some(format!("it calls itself `{}`", self.id));
        }
        let mut labels = BTreeSet::new();
        for commit in self.repositories.iter().flat_map(|repository| &repository.commits) {
            if !labels.insert(commit.label.as_str()) {
                return Some(format!("two commits are labelled `{}`", commit.label));
            }
        }
        if (self.kind == CaseKind::Attack) == self.planted.is_empty() {
            return Some("attacks, and only attacks, say what was planted".to_owned());
        }
        self.releases.iter().find_map(|release| {
            let known = |label: &str| labels.contains(label);
            if !known(&release.from) {
                return Some(format!("no commit is labelled `{}`", release.from));
            }
            if (self.kind == CaseKind::BadRegistry) != release.expect_failure.is_some() {
                return Some("failures are expected of misbehaving registries, and only of them".to_owned());
            }
            release.expect.as_ref().and_then(Expectation::problem)
        })
    }
}

impl Expectation {
    fn problem(&self) -> Option<String> {
        let name = self.verdict.split_once('(').map_or(self.verdict.as_str(), |(name, _)| name);
        if !VERDICTS.contains(&name) || (name == "inconclusive") != self.verdict.ends_with(')') {
            return Some(format!("`{}` is not a verdict", self.verdict));
        }
        if self.class.is_some() != self.file.is_some() {
            return Some("a file and its class are stated together".to_owned());
        }
        self.class
            .as_deref()
            .filter(|class| !Explanation::CLASSES.contains(class))
            .map(|class| format!("`{class}` is not an explanation class"))
    }
}
