//! Decides, by evidence, which commit the artifact is compared with.
//!
//! No single signal is always right: tags are moved or put on the wrong commit, `gitHead` is stale,
//! releases are made from untagged commits. So every candidate is scored by how many of the artifact's
//! files its tree holds, and names only break ties. Phases: the commits that somebody names (user,
//! gitHead, tags); if those leave files unmatched that the repository holds elsewhere, the whole history.
//! Only commits that a branch or tag reaches may win: anyone can attach a commit to a repository by
//! opening a pull request.

use std::collections::{BTreeMap, HashMap};

use git2::Oid;

use crate::artifact::ArtifactContents;
use crate::package::{CommitId, PackageName, Version};
use crate::source::directory::{self, DirectoryOrigin, DirectoryQuery, PackageDirectory, usual_directories};
use crate::source::git::repository::{commit_id, oid};
use crate::source::git::{Completeness, SourceError, SourceRepository};
use crate::source::history::{HistoryWalk, is_reachable};
use crate::source::scoring::{Score, Scorer, WantedFiles};
use crate::source::tags::{TagForm, likely_tags, tag_form};
use crate::source::tree::{CommitTree, join};

/// How many commits of equal score are kept apart.
const MAX_TIES: usize = 4_096;
/// How many commits are walked after the best possible score was seen, in search of the version's own commit.
const GRACE_COMMITS: usize = 3_000;

/// How far around a settled tag's commit time a better commit is looked for, seconds.
const HORIZON_SECONDS: i64 = 45 * 24 * 3600;
/// How many commits such a look may pass.
const HORIZON_COMMITS: usize = 2_000;

/// Why a commit is a candidate. The order is the order of trust.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// `--commit`
    Override,
    /// A tag of the version.
    Tag {
        /// How closely the name fits.
        form: TagForm,
        /// The tag.
        name: String,
    },
    /// The registry's `gitHead`.
    GitHead,
    /// Its manifest has the version and no parent's manifest has it.
    VersionIntroduced,
    /// Its tree holds more of the artifact's files than any other's.
    Content,
}

/// A commit that may be the release's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The commit.
    pub commit: CommitId,
    /// Everything that speaks for it, strongest first.
    pub evidence: Vec<Evidence>,
    /// Where the package lies in its tree.
    pub directory: PackageDirectory,
    /// How many of the artifact's files its tree holds at their paths.
    pub matched: u32,
    /// How many it holds at their paths with other contents, prose and the manifest apart.
    pub conflicting: u32,
    /// How much prose it holds at its path with other content.
    pub differing_prose: u32,
    /// Whether its manifest has the release's version or leaves it to the release tool; `None` if unknown.
    pub version_agrees: Option<bool>,
    /// Committer time, seconds since the epoch.
    pub time: i64,
}

/// How firmly the winner is tied to the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchStanding {
    /// Something besides resemblance says that the release was made from it, or it holds every file.
    Established,
    /// It only resembles the artifact most.
    Nearest,
}

/// The chosen commit and what was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitMatch {
    /// The commit that the artifact is compared with.
    pub winner: Candidate,
    /// How firmly.
    pub standing: MatchStanding,
    /// The other candidates, best first.
    pub others: Vec<Candidate>,
    /// Commits that metadata names but no branch or tag reaches.
    pub unreachable: Vec<Candidate>,
    /// Commits that metadata names and the repository does not hold.
    pub missing: Vec<CommitId>,
    /// Whether the whole history was searched.
    pub history_searched: bool,
    /// Commit time of the newest branch or tag, seconds since the epoch.
    pub newest_commit: Option<i64>,
}

/// What a match goes by.
#[derive(Debug, Clone, Copy)]
pub struct MatchQuery<'a> {
    /// The package.
    pub name: &'a PackageName,
    /// The version.
    pub version: &'a Version,
    /// The artifact's contents.
    pub artifact: &'a ArtifactContents,
    /// The claimed directory.
    pub directory: Option<&'a str>,
    /// The registry's `gitHead`.
    pub git_head: Option<CommitId>,
    /// `--commit`
    pub revision: Option<&'a str>,
    /// When the release was published, seconds since the epoch.
    pub published_at: Option<i64>,
}

impl<'a> MatchQuery<'a> {
    fn directory_query(&self) -> DirectoryQuery<'a> {
        let manifest = self.artifact.entry("package.json").and_then(|entry| entry.blob);
        DirectoryQuery { claimed: self.directory, name: self.name, manifest }
    }
}

/// The commit that the release's most usual tag names, before anything is known of the artifact.
pub fn likely_commit(source: &SourceRepository, name: &PackageName, version: &Version) -> Option<CommitId> {
    likely_tags(name, version).iter().find_map(|tag| source.tag(tag)).map(commit_id)
}

/// Chooses the commit; `None` where the repository has no commit at all that could be looked at.
pub fn match_commit(source: &mut SourceRepository, query: &MatchQuery<'_>) -> Result<Option<CommitMatch>, SourceError> {
    let files = query.artifact.files().filter_map(|entry| Some((&*entry.path, entry.blob?)));
    let wanted = WantedFiles::new(files);
    if source.completeness() == Completeness::Trees {
        let mut search = Search::new(source, query, &wanted);
        search.named_candidates();
        let tags = search.tags_with_missing_trees();
        let settled = search.settled().is_some();
        let missing_claims = !search.missing.is_empty();
        if settled && tags.is_empty() && !missing_claims {
            return Ok(search.conclude());
        }
        drop(search);
        if settled && source.complete_trees(&tags)? {
            let mut search = Search::new(source, query, &wanted);
            search.named_candidates();
            if search.settled().is_some() && !missing_claims {
                return Ok(search.conclude());
            }
        }
        source.deepen()?;
    }
    let mut search = Search::new(source, query, &wanted);
    search.named_candidates();
    search.history();
    Ok(search.conclude())
}

struct Search<'s> {
    source: &'s SourceRepository,
    query: &'s MatchQuery<'s>,
    wanted: &'s WantedFiles,
    scorer: Scorer<'s>,
    candidates: BTreeMap<Oid, Candidate>,
    missing: Vec<CommitId>,
    versions: HashMap<Oid, Option<bool>>,
    tips: Option<Vec<Oid>>,
    history_searched: bool,
}

impl<'s> Search<'s> {
    fn new(source: &'s SourceRepository, query: &'s MatchQuery<'s>, wanted: &'s WantedFiles) -> Self {
        Self {
            source,
            query,
            wanted,
            scorer: Scorer::new(source.repository(), wanted),
            candidates: BTreeMap::new(),
            missing: Vec::new(),
            versions: HashMap::new(),
            tips: None,
            history_searched: false,
        }
    }

    /// The commits that somebody names.
    fn named_candidates(&mut self) {
        if let Some(revision) = self.query.revision {
            let object = self.source.repository().revparse_single(revision).ok();
            if let Some(commit) = object.and_then(|object| object.peel_to_commit().ok()) {
                self.add(commit.id(), Evidence::Override);
            }
            return;
        }
        if let Some(id) = self.query.git_head {
            match oid(&id.0).filter(|_| self.source.commit_exists(&id)) {
                Some(commit) => self.add(commit, Evidence::GitHead),
                None => self.missing.push(id),
            }
        }
        for tag in likely_tags(self.query.name, self.query.version) {
            self.add_tag(&tag);
        }
        if self.candidates.values().any(|candidate| candidate.matched == self.wanted.count()) {
            return;
        }
        for tag in self.source.tag_names() {
            self.add_tag(&tag);
        }
    }

    fn add_tag(&mut self, name: &str) {
        if let Some(form) = tag_form(name, self.query.name, self.query.version)
            && let Some(commit) = self.source.tag(name)
        {
            self.add(commit, Evidence::Tag { form, name: name.to_owned() });
        }
    }

    fn add(&mut self, id: Oid, evidence: Evidence) {
        if let Some(known) = self.candidates.get_mut(&id) {
            if !known.evidence.contains(&evidence) {
                known.evidence.push(evidence);
                known.evidence.sort();
            }
            return;
        }
        let Ok(commit) = self.source.repository().find_commit(id) else { return };
        let tree = CommitTree::of_tree(self.source, commit.tree_id());
        let directory = directory::find(self.source, &tree, &self.query.directory_query(), self.query.artifact);
        let Score { matched, conflicting, differing_prose } = self.score(commit.tree_id(), &directory.path);
        let version_agrees = self.version_agrees(&tree, &directory.path);
        let time = commit.time().seconds();
        let candidate = Candidate {
            commit: commit_id(id),
            evidence: vec![evidence],
            directory,
            matched,
            conflicting,
            differing_prose,
            version_agrees,
            time,
        };
        self.candidates.insert(id, candidate);
    }

    fn score(&mut self, root: Oid, directory: &str) -> Score {
        match subtree(self.source.repository(), root, directory) {
            Some(tree) => self.scorer.score(tree),
            None => Score::default(),
        }
    }

    fn version_agrees(&mut self, tree: &CommitTree<'_>, directory: &str) -> Option<bool> {
        let file = tree.file(&join(directory, "package.json"))?;
        self.manifest_agrees(oid(&file.blob.0)?)
    }

    /// Whether the manifest with that blob id has the release's version, or a placeholder for it.
    fn manifest_agrees(&mut self, blob: Oid) -> Option<bool> {
        if let Some(known) = self.versions.get(&blob) {
            return *known;
        }
        let published = self.query.directory_query().manifest.and_then(|manifest| oid(&manifest.0));
        let agrees = if published == Some(blob) {
            Some(true)
        } else {
            let content = self.source.repository().find_blob(blob).ok();
            content.map(|content| {
                let version = manifest_version(content.content());
                version.is_some_and(|version| version == self.query.version.as_str() || is_placeholder(&version))
            })
        };
        self.versions.insert(blob, agrees);
        agrees
    }

    /// Names of tags whose trees were fetched too shallow to be judged.
    fn tags_with_missing_trees(&self) -> Vec<String> {
        let mut tags = Vec::new();
        for candidate in self.candidates.values() {
            let Some(tree) = CommitTree::of_commit(self.source, &candidate.commit) else { continue };
            for entry in self.query.artifact.files() {
                let _ = tree.file(&join(&candidate.directory.path, &entry.path));
            }
            if tree.is_incomplete() {
                tags.extend(candidate.evidence.iter().filter_map(|evidence| match evidence {
                    Evidence::Tag { name, .. } => Some(name.clone()),
                    _ => None,
                }));
            }
        }
        tags
    }

    /// Whether a tag's commit leaves nothing that another commit could explain better.
    ///
    /// Files that its tree does not have at all are build output as a rule; a file that it has with
    /// other content is not, the manifest apart, and asks for a look at the history.
    fn settled(&self) -> Option<&Candidate> {
        self.candidates.values().find(|candidate| {
            let only_claimed = candidate.evidence.iter().all(|evidence| *evidence == Evidence::GitHead);
            if candidate.matched == self.wanted.count() {
                // Whoever publishes writes the claim, so a branch or tag must confirm it.
                return !only_claimed || self.confirms(&candidate.commit);
            }
            let named = |evidence: &Evidence| match evidence {
                Evidence::Tag { form, .. } => *form <= TagForm::Version,
                other => *other == Evidence::Override,
            };
            candidate.evidence.iter().any(named) && candidate.matched > 0 && candidate.conflicting == 0
        })
    }

    /// Whether a branch or tag is known to reach the commit.
    fn confirms(&self, commit: &CommitId) -> bool {
        self.source.completeness() != Completeness::Trees
            && oid(&commit.0).is_some_and(|id| is_reachable(self.source.repository(), &self.source.tips(), id))
    }

    /// Walks the whole history where a named commit is not already as good as any commit can be.
    fn history(&mut self) {
        if self.query.revision.is_some() {
            return;
        }
        let settled = self.settled();
        let horizon = match settled {
            Some(candidate) if candidate.differing_prose == 0 => return,
            // Only prose differs: a release made a little before or after its tag is looked for, no more.
            Some(candidate) => Some(candidate.time),
            None => None,
        };
        let attainable = match self.source.completeness() {
            Completeness::Full => self.wanted.attainable(self.source.repository()),
            Completeness::Trees | Completeness::History => self.wanted.count(),
        };
        let trusted = self.candidates.values().any(|candidate| {
            candidate.matched >= attainable && candidate.evidence.iter().any(|evidence| *evidence != Evidence::GitHead)
        });
        if trusted && attainable > 0 {
            return;
        }
        self.history_searched = true;
        let tips = self.source.tips();
        let walked = self.walk(&tips, attainable, horizon);
        for id in walked.introducers {
            self.add(id, Evidence::VersionIntroduced);
        }
        if horizon.is_some() && walked.ties.is_empty() {
            self.tips = Some(tips);
            return;
        }
        let nearest = choose_tie(&walked.ties, &tips, self.query.published_at)
            .or_else(|| last_before(self.source.repository(), &tips, self.query.published_at));
        if let Some(id) = nearest {
            self.add(id, Evidence::Content);
        }
        self.tips = Some(tips);
    }

    /// Scores the commits that `tips` reach; with a `horizon` only those committed about that time.
    fn walk(&mut self, tips: &[Oid], attainable: u32, horizon: Option<i64>) -> Walked {
        let mut directories = usual_directories(&self.query.directory_query());
        for candidate in self.candidates.values() {
            if !directories.contains(&candidate.directory.path) {
                directories.push(candidate.directory.path.clone());
            }
        }
        if let Some(found) = self.directory_at_tips(tips).filter(|found| !directories.contains(found)) {
            directories.push(found);
        }
        let mut walked = Walked::default();
        let mut roots: HashMap<Oid, RootScore> = HashMap::new();
        let mut since_best = 0;
        for (index, commit) in HistoryWalk::new(self.source.repository(), tips).enumerate() {
            if let Some(horizon) = horizon {
                let distance = commit.time().seconds() - horizon;
                if index > HORIZON_COMMITS || distance < -HORIZON_SECONDS {
                    break;
                }
                if distance > HORIZON_SECONDS {
                    continue;
                }
            }
            let root = self.root_score(commit.tree_id(), &directories, &mut roots);
            if root.agrees {
                let introduces = commit
                    .parents()
                    .all(|parent| !self.root_score(parent.tree_id(), &directories, &mut roots).agrees_exactly)
                    && root.agrees_exactly;
                if introduces && walked.introducers.len() < 16 {
                    walked.introducers.push(commit.id());
                    if root.score >= attainable {
                        break;
                    }
                }
            }
            if root.score > walked.best {
                walked.best = root.score;
                walked.ties.clear();
                since_best = 0;
            }
            if root.score == walked.best && root.score > 0 && walked.ties.len() < MAX_TIES {
                walked.ties.push((commit.id(), commit.time().seconds()));
            }
            since_best += 1;
            if walked.best >= attainable && attainable > 0 && since_best > GRACE_COMMITS {
                break;
            }
        }
        walked
    }

    /// Where the package lies in the newest branch, if the usual places do not hold it.
    fn directory_at_tips(&self, tips: &[Oid]) -> Option<String> {
        let repository = self.source.repository();
        let head = repository.head().ok().and_then(|head| head.peel_to_commit().ok());
        let commit = head.or_else(|| {
            let commits = tips.iter().filter_map(|tip| repository.find_commit(*tip).ok());
            commits.max_by_key(|commit| commit.time().seconds())
        })?;
        let tree = CommitTree::of_tree(self.source, commit.tree_id());
        let found = directory::find(self.source, &tree, &self.query.directory_query(), self.query.artifact);
        (found.origin != DirectoryOrigin::Fallback).then_some(found.path)
    }

    fn root_score(&mut self, root: Oid, directories: &[String], roots: &mut HashMap<Oid, RootScore>) -> RootScore {
        if let Some(known) = roots.get(&root) {
            return *known;
        }
        let mut result = RootScore::default();
        for directory in directories {
            let Some(tree) = subtree(self.source.repository(), root, directory) else { continue };
            result.score = result.score.max(self.scorer.score(tree).matched);
            let manifest = self.source.repository().find_tree(tree).ok().and_then(|tree| {
                let entry = tree.get_name("package.json")?;
                Some(entry.id())
            });
            if let Some(manifest) = manifest
                && self.manifest_agrees(manifest) == Some(true)
            {
                result.agrees = true;
                result.agrees_exactly |= self.states_version(manifest);
            }
        }
        roots.insert(root, result);
        result
    }

    fn states_version(&self, manifest: Oid) -> bool {
        let published = self.query.directory_query().manifest.and_then(|manifest| oid(&manifest.0));
        published == Some(manifest)
            || self.source.repository().find_blob(manifest).is_ok_and(|content| {
                let stated = serde_json::from_slice::<Stated>(content.content()).ok();
                stated.is_some_and(|stated| {
                    stated.version.as_deref() == Some(self.query.version.as_str())
                        && stated.name.is_none_or(|name| name == self.query.name.as_str())
                })
            })
    }

    fn holds_all(&self, candidate: &Candidate) -> bool {
        self.wanted.count() > 0 && candidate.matched == self.wanted.count()
    }

    fn conclude(mut self) -> Option<CommitMatch> {
        let repository = self.source.repository();
        let depth_known = self.source.completeness() != Completeness::Trees;
        let newest_commit = self.tips.as_ref().and_then(|tips| {
            tips.iter().filter_map(|tip| repository.find_commit(*tip).ok()).map(|commit| commit.time().seconds()).max()
        });
        let (mut unreachable, mut undecided) = (Vec::new(), Vec::new());
        let mut candidates: Vec<Candidate> = Vec::new();
        for (id, candidate) in std::mem::take(&mut self.candidates) {
            let only_claimed = candidate.evidence.iter().all(|evidence| *evidence == Evidence::GitHead);
            if !only_claimed {
                candidates.push(candidate);
            } else if !depth_known {
                // With single commits at hand nobody can tell what reaches it, so it cannot win either.
                undecided.push(candidate);
            } else {
                let tips = self.tips.clone().unwrap_or_else(|| self.source.tips());
                let reachable = is_reachable(repository, &tips, id);
                if reachable { candidates.push(candidate) } else { unreachable.push(candidate) }
            }
        }
        candidates.sort_by_cached_key(|candidate| std::cmp::Reverse(rank(candidate, self.query.published_at)));
        let best = candidates.first()?.matched;
        // A commit that merely resembles the artifact more does not displace one that is the version's own.
        let index = candidates
            .iter()
            .position(|candidate| is_supported(candidate, self.wanted.count()) || self.holds_all(candidate));
        let index = index.filter(|index| candidates[*index].matched > 0 || best == 0).unwrap_or(0);
        let winner = candidates.remove(index);
        candidates.append(&mut undecided);
        let standing = if is_supported(&winner, self.wanted.count()) || self.holds_all(&winner) {
            MatchStanding::Established
        } else {
            MatchStanding::Nearest
        };
        Some(CommitMatch {
            winner,
            standing,
            others: candidates,
            unreachable,
            missing: self.missing,
            history_searched: self.history_searched,
            newest_commit,
        })
    }
}

#[derive(Debug, Default)]
struct Walked {
    best: u32,
    ties: Vec<(Oid, i64)>,
    introducers: Vec<Oid>,
}

#[derive(Debug, Clone, Copy, Default)]
struct RootScore {
    score: u32,
    agrees: bool,
    agrees_exactly: bool,
}

#[derive(serde::Deserialize)]
struct Stated {
    name: Option<String>,
    version: Option<String>,
}

fn manifest_version(content: &[u8]) -> Option<String> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    serde_json::from_slice::<Stated>(content).ok()?.version
}

/// Versions that a release tool replaces at publish time.
fn is_placeholder(version: &str) -> bool {
    version.starts_with("0.0.0")
}

fn subtree(repository: &git2::Repository, root: Oid, directory: &str) -> Option<Oid> {
    let mut id = root;
    for part in directory.split('/').filter(|part| !part.is_empty()) {
        let tree = repository.find_tree(id).ok()?;
        let entry = tree.get_name(part)?;
        if entry.kind() != Some(git2::ObjectType::Tree) {
            return None;
        }
        id = entry.id();
    }
    Some(id)
}

/// Whether anything besides its contents ties the commit to the version.
///
/// A tag `v1.0.0` of a repository that does not hold the package says nothing about it.
fn is_supported(candidate: &Candidate, files: u32) -> bool {
    let holds_package = matches!(candidate.directory.origin, DirectoryOrigin::Claimed | DirectoryOrigin::Name)
        || candidate.matched * 2 >= files;
    candidate.evidence.iter().any(|evidence| match evidence {
        Evidence::Override => true,
        Evidence::GitHead | Evidence::VersionIntroduced => holds_package,
        Evidence::Tag { form, .. } => {
            holds_package && (*form != TagForm::Foreign || candidate.version_agrees == Some(true))
        }
        Evidence::Content => holds_package && candidate.version_agrees == Some(true),
    })
}

type Rank = (bool, u32, bool, std::cmp::Reverse<Evidence>, std::cmp::Reverse<u64>, CommitId);

/// Contents first; version, evidence and closeness to the publish time break ties, the id makes it total.
fn rank(candidate: &Candidate, published_at: Option<i64>) -> Rank {
    let distance = published_at.map_or(0, |time| time.abs_diff(candidate.time));
    let strongest = candidate.evidence.first().cloned().unwrap_or(Evidence::Content);
    (
        strongest == Evidence::Override,
        candidate.matched,
        candidate.version_agrees == Some(true),
        std::cmp::Reverse(strongest),
        std::cmp::Reverse(distance),
        candidate.commit,
    )
}

/// Among commits of equal content: a tagged one or branch head first, then the last before the publish time.
fn choose_tie(ties: &[(Oid, i64)], tips: &[Oid], published_at: Option<i64>) -> Option<Oid> {
    let before = |time: i64| published_at.is_none_or(|published| time <= published + 24 * 3600);
    let key = |(id, time): &(Oid, i64)| {
        (before(*time), tips.binary_search(id).is_ok(), if before(*time) { *time } else { -*time })
    };
    ties.iter().max_by_key(|tie| key(tie)).map(|(id, _)| *id)
}

/// The newest branch or tag before the publish time, to have something to compare with where nothing matches.
fn last_before(repository: &git2::Repository, tips: &[Oid], published_at: Option<i64>) -> Option<Oid> {
    let commits = tips.iter().filter_map(|tip| repository.find_commit(*tip).ok());
    let key = |time: i64| (published_at.is_none_or(|published| time <= published), time);
    commits.max_by_key(|commit| key(commit.time().seconds())).map(|commit| commit.id())
}
