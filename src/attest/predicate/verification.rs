//! A verification: the verdict, what it rests on, and the ledger in numbers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::attest::consistency::{self, Contradiction};
use crate::attest::statement::{DigestSet, Predicate, Resource};
use crate::attest::types;
use crate::verdict::Verdict;

/// What `tarproof` found out about an artifact. Readers ignore fields that they do not know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// The conclusion.
    pub verdict: VerdictName,
    /// Why nothing could be concluded, by id; only for `inconclusive`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inconclusive: Option<String>,
    /// Whether a policy excepts everything that speaks against the artifact.
    pub excepted: bool,
    /// What the artifact was compared with; absent where there is no commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// What the publisher's provenance names, where it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<ProvenanceNamed>,
    /// Every file of the artifact, in numbers; absent where nothing was compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<LedgerSummary>,
    /// Findings by rule, in the order of the rules' ids.
    pub findings: Vec<FindingCount>,
    /// The rebuild that explains most; absent where none was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuild: Option<RebuildSummary>,
    /// What was excepted, and by whom.
    pub policy: PolicyUsed,
    /// Bounds that were hit.
    pub limits_hit: Vec<String>,
    /// Who verified.
    pub verifier: Verifier,
    /// When, by the clock of whoever verified (RFC 3339); absent unless asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_verified: Option<String>,
}

impl Predicate for Verification {
    const TYPE: &'static str = types::VERIFICATION;
    const NAME: &'static str = "verification";

    fn check(&self, subject: &[Resource]) -> Result<(), Contradiction> {
        consistency::of_verification(self, subject)
    }
}

/// A verdict's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictName {
    /// Every file is a git blob of the commit or derived by a packer rule.
    Verbatim,
    /// The same, and the other files came byte for byte out of a rebuild.
    Reproduced,
    /// The rest is explained by named stabilizers or attribution.
    Equivalent,
    /// Something is not explained.
    Divergent,
    /// No commit is the release's.
    NoSource,
    /// It could not be told.
    Inconclusive,
}

impl VerdictName {
    /// Every verdict, the best first.
    pub const ALL: [Self; 6] =
        [Self::Verbatim, Self::Reproduced, Self::Equivalent, Self::Divergent, Self::NoSource, Self::Inconclusive];

    /// The verdict's id.
    pub fn id(self) -> &'static str {
        match self {
            Self::Verbatim => "verbatim",
            Self::Reproduced => "reproduced",
            Self::Equivalent => "equivalent",
            Self::Divergent => "divergent",
            Self::NoSource => "no-source",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// The verdict with this id.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.id() == id)
    }
}

impl From<&Verdict> for VerdictName {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Verbatim => Self::Verbatim,
            Verdict::Reproduced => Self::Reproduced,
            Verdict::Equivalent => Self::Equivalent,
            Verdict::Divergent => Self::Divergent,
            Verdict::NoSource => Self::NoSource,
            Verdict::Inconclusive(_) => Self::Inconclusive,
        }
    }
}

/// The commit that the artifact was compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// `git+` and the repository's address; absent for a local path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// The commit, as `gitCommit`.
    pub digest: DigestSet,
    /// The package's directory in it; empty for the root.
    pub directory: String,
    /// How firmly the commit is tied to the release.
    pub standing: Standing,
    /// What speaks for the commit, strongest first: `tag:v1.2.3`, `git-head`, `version-introduced`, `content`, ….
    pub evidence: Vec<String>,
}

/// What a publisher's provenance that holds names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProvenanceNamed {
    /// The repository, with `git+`.
    pub uri: String,
    /// The commit, as `gitCommit`.
    pub digest: DigestSet,
    /// The workflow that built the artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
}

/// How firmly a commit is tied to a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Something besides resemblance says so, or it holds every file.
    Established,
    /// It only resembles the artifact most.
    Nearest,
}

/// The ledger in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LedgerSummary {
    /// Of the ledger as JSON lines, one for each file.
    pub digest: DigestSet,
    /// Files of the artifact.
    pub files: u64,
    /// Of these, explained.
    pub explained: u64,
    /// Files of each class, empty ones left out.
    pub classes: BTreeMap<String, u64>,
    /// The weakest kind of explanation that was needed; absent where a file is not explained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// The manifest rules that were used.
    pub rules: Vec<String>,
    /// The stabilizers that were used.
    pub stabilizers: Vec<String>,
    /// Files that the packer would have included and the artifact lacks; absent where that could not be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_only: Option<u64>,
}

/// Kinds of explanation, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// The commit has the file at its place, stabilizers aside.
    Tree,
    /// A packer rule makes it from the commit.
    Pack,
    /// A rebuild makes it, stabilizers aside.
    Rebuild,
    /// It is traced to another place, another commit, or to equal code.
    Attribution,
}

impl Tier {
    /// Every tier, the strongest first.
    pub const ALL: [Self; 4] = [Self::Tree, Self::Pack, Self::Rebuild, Self::Attribution];

    /// The tier's id.
    pub fn id(self) -> &'static str {
        match self {
            Self::Tree => "tree",
            Self::Pack => "pack",
            Self::Rebuild => "rebuild",
            Self::Attribution => "attribution",
        }
    }

    /// What explains files of a class; `None` for the unexplained and for classes that are not known.
    pub fn of_class(class: &str) -> Option<Self> {
        match class {
            "git-blob" | "stabilized" => Some(Self::Tree),
            "derived" => Some(Self::Pack),
            "rebuilt" | "rebuilt-stabilized" => Some(Self::Rebuild),
            "git-blob-moved" | "history" | "attributed" => Some(Self::Attribution),
            _ => None,
        }
    }

    /// The weakest that files of these classes need; `None` where one of them is unexplained or not known.
    pub fn of_classes<'a>(classes: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        classes.into_iter().try_fold(Self::Tree, |weakest, class| Some(weakest.max(Self::of_class(class)?)))
    }
}

/// How often a rule spoke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindingCount {
    /// The rule's id.
    pub rule: String,
    /// Its severity.
    pub severity: String,
    /// How many findings.
    pub count: u64,
    /// How many of them a policy excepts.
    pub excepted: u64,
}

/// A rebuild in brief.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RebuildSummary {
    /// How the plan was found.
    pub strategy: String,
    /// Of the plan, as compact JSON.
    pub plan: DigestSet,
    /// The programs that were used, as package URLs with their digests.
    pub tools: Vec<Resource>,
    /// Whether an archive came out, and how it compares.
    pub outcome: RebuildOutcome,
}

/// What came out of a rebuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RebuildOutcome {
    /// The published archive, bit for bit.
    SameArchive,
    /// Its tar stream, bit for bit.
    SameTar,
    /// Another archive; the ledger says which files it explains.
    OtherArchive,
    /// None.
    Failed,
}

/// What was excepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyUsed {
    /// Which kind of policy.
    pub uri: String,
    /// Of the policy file; absent without one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub digest: DigestSet,
    /// The reasons of the exceptions that were used, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<String>,
}

/// Who verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verifier {
    /// The program.
    pub id: String,
    /// Versions by name.
    pub version: BTreeMap<String, String>,
}

impl Verifier {
    /// This program.
    pub fn this() -> Self {
        let version = BTreeMap::from([(env!("CARGO_PKG_NAME").to_owned(), env!("CARGO_PKG_VERSION").to_owned())]);
        Self { id: types::VERIFIER.to_owned(), version }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Explanation;

    #[test]
    fn every_class_has_a_tier_or_is_unexplained() {
        let without: Vec<&str> =
            Explanation::CLASSES.into_iter().filter(|class| Tier::of_class(class).is_none()).collect();
        assert_eq!(without, ["modified", "artifact-only"]);
        assert_eq!(Tier::of_classes(["git-blob", "derived"]), Some(Tier::Pack));
        assert_eq!(Tier::of_classes(["rebuilt", "modified"]), None);
        assert_eq!(Tier::of_classes([]), Some(Tier::Tree));
    }

    #[test]
    fn names_are_those_that_are_written() {
        for verdict in VerdictName::ALL {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.id());
            assert_eq!(VerdictName::from_id(verdict.id()), Some(verdict));
        }
        for tier in Tier::ALL {
            assert_eq!(serde_json::to_value(tier).unwrap(), tier.id());
        }
    }
}
