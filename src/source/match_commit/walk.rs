//! The search through the whole history.

use std::collections::{HashMap, HashSet};

use git2::Oid;

use crate::artifact::ArtifactEntry;
use crate::package::BlobId;
use crate::source::directory::{self, DirectoryOrigin, usual_directories};
use crate::source::git::Completeness;
use crate::source::git::repository::{blob_id, holds};
use crate::source::history::HistoryWalk;
use crate::source::match_commit::manifest::StatedVersion;
use crate::source::match_commit::rank::{choose_tie, is_supported, last_before};
use crate::source::match_commit::search::{Search, subtree};
use crate::source::match_commit::{Candidate, Evidence};
use crate::source::tree::{CommitTree, join};

/// How many commits of equal score are kept apart.
const MAX_TIES: usize = 4_096;
/// How many commits are walked after the best possible score was seen, in search of the version's own commit.
const GRACE_COMMITS: usize = 3_000;

/// How far around a settled tag's commit time a better commit is looked for, seconds.
const HORIZON_SECONDS: i64 = 45 * 24 * 3600;
/// How many commits such a look may pass.
const HORIZON_COMMITS: usize = 2_000;
/// How many files that a settled commit lacks are looked for elsewhere.
const MAX_PROBED: usize = 400;
/// How many manifests are fetched for a search of the history.
const MAX_MANIFESTS: usize = 4_000;
/// How many commits that introduce the version become candidates; merges and reverts make several.
const MAX_INTRODUCERS: usize = 16;

#[derive(Debug, Default)]
struct Walked {
    best: u32,
    ties: Vec<(Oid, i64)>,
    introducers: Vec<Oid>,
}

#[derive(Debug, Clone, Copy, Default)]
struct RootScore {
    score: u32,
    /// Whether a manifest of this package there has the release's version.
    states_version: bool,
}

impl Search<'_> {
    /// Walks the whole history where a named commit is not already as good as any commit can be.
    pub(super) fn history(&mut self) {
        if self.query.revision.is_some() {
            return;
        }
        let settled = self.settled();
        let horizon = match settled {
            Some(candidate) if !self.may_be_surpassed(candidate) => return,
            // A release made a little before or after its tag is looked for, no more.
            Some(candidate) => Some(candidate.time),
            None => None,
        };
        let attainable = match self.source.completeness() {
            Completeness::Full => self.wanted.attainable(self.source.repository()),
            Completeness::Trees | Completeness::History => self.wanted.count(),
        };
        let trusted = self.candidates.values().any(|candidate| {
            candidate.matched >= attainable
                && candidate.evidence.iter().any(|evidence| *evidence != Evidence::GitHead)
                && is_supported(candidate, self.wanted.count())
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

    /// Whether another commit may hold more: a file that the candidate lacks is somewhere in the repository.
    fn may_be_surpassed(&self, candidate: &Candidate) -> bool {
        if candidate.matched == self.wanted.count() {
            return false;
        }
        if self.source.completeness() != Completeness::Full {
            return candidate.differing_prose > 0;
        }
        let (Some(tree), Ok(odb)) =
            (CommitTree::of_commit(self.source, &candidate.commit), self.source.repository().odb())
        else {
            return true;
        };
        let absent = |entry: &&ArtifactEntry| {
            let file = tree.file(&join(&candidate.directory.path, &entry.path));
            file.is_none_or(|file| Some(file.blob) != entry.blob)
        };
        // Build output comes by the thousand; a part of it tells as much as all of it.
        let files = self.query.artifact.files().filter(|entry| entry.size > 0).filter(absent).take(MAX_PROBED);
        let mut elsewhere: HashSet<BlobId> =
            files.filter_map(|entry| entry.blob).filter(|blob| holds(&odb, blob)).collect();
        if !elsewhere.is_empty() {
            // What the candidate itself holds at another path is no reason to look further.
            tree.for_each_file(|_, file| {
                elsewhere.remove(&file.blob);
                !elsewhere.is_empty()
            });
        }
        !elsewhere.is_empty()
    }

    /// Scores the commits that `tips` reach; with a `horizon` only those committed about that time.
    fn walk(&mut self, tips: &[Oid], attainable: u32, horizon: Option<i64>) -> Walked {
        let mut directories = usual_directories(&self.query.directory_query());
        for candidate in self.candidates.values() {
            if !directories.contains(&candidate.directory.path) {
                directories.push(candidate.directory.path.clone());
            }
        }
        let without_contents = self.source.completeness() == Completeness::History;
        if without_contents {
            self.fetch_manifests(tips, &directories, horizon);
        }
        if let Some(found) = self.directory_at_tips(tips).filter(|found| !directories.contains(found)) {
            if without_contents {
                self.fetch_manifests(tips, std::slice::from_ref(&found), horizon);
            }
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
            if root.states_version && walked.introducers.len() < MAX_INTRODUCERS {
                let stated_before = |parent: git2::Commit<'_>| {
                    self.root_score(parent.tree_id(), &directories, &mut roots).states_version
                };
                if !commit.parents().any(stated_before) {
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

    /// Fetches the manifests of a history without contents, all at once: only they tell which commits state the version.
    fn fetch_manifests(&mut self, tips: &[Oid], directories: &[String], horizon: Option<i64>) {
        let repository = self.source.repository();
        let around = horizon.or(self.query.published_at);
        let mut roots: HashSet<Oid> = HashSet::new();
        // Each manifest with how far from the release it was current.
        let mut manifests: HashMap<Oid, u64> = HashMap::new();
        for commit in HistoryWalk::new(repository, tips) {
            let distance = around.map_or(0, |around| around.abs_diff(commit.time().seconds()));
            if !roots.insert(commit.tree_id()) || (horizon.is_some() && distance > HORIZON_SECONDS.unsigned_abs()) {
                continue;
            }
            for directory in directories {
                let package = subtree(repository, commit.tree_id(), directory);
                let package = package.and_then(|package| repository.find_tree(package).ok());
                let manifest = package.as_ref().and_then(|package| package.get_name("package.json"));
                if let Some(manifest) = manifest.map(|entry| entry.id()) {
                    let nearest = manifests.entry(manifest).or_insert(distance);
                    *nearest = distance.min(*nearest);
                }
            }
        }
        let mut manifests: Vec<(u64, Oid)> = manifests.into_iter().map(|(id, distance)| (distance, id)).collect();
        manifests.sort_unstable();
        manifests.truncate(MAX_MANIFESTS);
        let manifests: Vec<_> = manifests.into_iter().map(|(_, id)| blob_id(id)).collect();
        self.source.fetch_blobs(&manifests);
        // What could not be read before may be at hand now.
        self.versions.clear();
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
            let stated = manifest.and_then(|manifest| self.manifest_version(manifest));
            result.states_version |= stated == Some(StatedVersion::Exact);
        }
        roots.insert(root, result);
        result
    }
}
