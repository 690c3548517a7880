//! The commits that somebody names, and the order of the phases.

use std::collections::{BTreeMap, HashMap};

use git2::Oid;

use crate::package::{CommitId, PackageName, Version};
use crate::source::directory::{self, DirectoryOrigin};
use crate::source::git::repository::{blob_id, commit_id, oid};
use crate::source::git::{Completeness, SourceError, SourceRepository};
use crate::source::history::is_reachable;
use crate::source::match_commit::manifest::StatedVersion;
use crate::source::match_commit::rank::{is_supported, rank, rests_on_claim};
use crate::source::match_commit::{Candidate, CommitMatch, Evidence, MatchQuery, MatchStanding};
use crate::source::scoring::{Score, Scorer, WantedFiles};
use crate::source::tags::{TagForm, likely_tags, tag_form, tagged_version};
use crate::source::tree::{CommitTree, join};

/// The commit that the release's most usual tag names, before anything is known of the artifact.
pub fn likely_commit(source: &SourceRepository, name: &PackageName, version: &Version) -> Option<CommitId> {
    likely_tags(name, version).iter().find_map(|tag| source.tag(tag)).map(commit_id)
}

/// Chooses the commit; `None` where the repository has no commit at all that could be looked at.
pub fn match_commit(source: &mut SourceRepository, query: &MatchQuery<'_>) -> Result<Option<CommitMatch>, SourceError> {
    let files = query.artifact.files().filter_map(|entry| Some((&*entry.path, entry.blob?, entry.blob_with_lf)));
    let wanted = WantedFiles::new(files);
    if source.completeness() == Completeness::Trees {
        let mut search = Search::new(source, query, &wanted);
        search.named_candidates();
        let missing_trees = search.missing_trees();
        if !missing_trees.is_empty() {
            drop(search);
            source.complete_trees(&missing_trees)?;
            search = Search::new(source, query, &wanted);
            search.named_candidates();
        }
        if search.settled().is_some_and(|settled| !search.history_may_explain(settled)) && search.missing.is_empty() {
            return Ok(search.conclude());
        }
        drop(search);
        source.deepen()?;
        // Branches and tags do not reach it, but the host may still have it: somebody proposed it, or made a fork.
        for (claimed, _) in query.claims() {
            if !source.commit_exists(&claimed) {
                source.fetch_commit(&claimed);
            }
        }
    }
    let mut search = Search::new(source, query, &wanted);
    search.named_candidates();
    search.history();
    Ok(search.conclude())
}

pub(super) struct Search<'s> {
    pub(super) source: &'s SourceRepository,
    pub(super) query: &'s MatchQuery<'s>,
    pub(super) wanted: &'s WantedFiles,
    pub(super) scorer: Scorer<'s>,
    pub(super) candidates: BTreeMap<Oid, Candidate>,
    missing: Vec<CommitId>,
    pub(super) versions: HashMap<Oid, Option<StatedVersion>>,
    pub(super) tips: Option<Vec<Oid>>,
    pub(super) history_searched: bool,
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
        for (id, evidence) in self.query.claims() {
            match oid(&id.0).filter(|_| self.source.commit_exists(&id)) {
                Some(commit) => self.add(commit, evidence),
                None if self.missing.contains(&id) => {}
                None => self.missing.push(id),
            }
        }
        for tag in likely_tags(self.query.name, self.query.version) {
            self.add_tag(&tag);
        }
        let whole = |candidate: &Candidate| {
            candidate.matched == self.wanted.count() && candidate.evidence.iter().any(|other| !other.is_claim())
        };
        if self.candidates.values().any(whole) {
            return;
        }
        for tag in self.source.tag_names() {
            self.add_tag(tag);
        }
    }

    fn add_tag(&mut self, name: &str) {
        if let Some(form) = tag_form(name, self.query.name, self.query.version)
            && let Some(commit) = self.source.tag(name)
        {
            self.add(commit, Evidence::Tag { form, name: name.to_owned() });
        }
    }

    pub(super) fn add(&mut self, id: Oid, evidence: Evidence) {
        if let Some(known) = self.candidates.get_mut(&id) {
            if !known.evidence.contains(&evidence) && evidence.holds(known.matched) {
                known.evidence.push(evidence);
                known.evidence.sort();
            }
            return;
        }
        let Ok(commit) = self.source.repository().find_commit(id) else { return };
        let tree = CommitTree::of_tree(self.source, commit.tree_id());
        let directory = directory::find(self.source, &tree, &self.query.directory_query(), self.query.artifact);
        let Score { matched, conflicting, differing_prose } = self.score(commit.tree_id(), &directory.path);
        let stated = self.stated_version(&tree, &directory.path);
        let time = commit.time().seconds();
        let candidate = Candidate {
            commit: commit_id(id),
            evidence: Some(evidence).filter(|evidence| evidence.holds(matched)).into_iter().collect(),
            directory,
            matched,
            conflicting,
            differing_prose,
            version_agrees: stated.map(|stated| stated != StatedVersion::Other),
            states_version: stated == Some(StatedVersion::Exact),
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

    fn stated_version(&mut self, tree: &CommitTree<'_>, directory: &str) -> Option<StatedVersion> {
        let file = tree.file(&join(directory, "package.json"))?;
        self.manifest_version(oid(&file.blob.0)?)
    }

    /// How the manifest with that blob id relates to the release's version.
    pub(super) fn manifest_version(&mut self, blob: Oid) -> Option<StatedVersion> {
        if let Some(known) = self.versions.get(&blob) {
            return *known;
        }
        let published = self.query.directory_query().manifest.and_then(|manifest| oid(&manifest.0));
        let stated = if published == Some(blob) {
            Some(StatedVersion::Exact)
        } else {
            let content = self.source.local_blob(blob_id(blob));
            content.map(|content| StatedVersion::read(&content, self.query.name, self.query.version))
        };
        self.versions.insert(blob, stated);
        stated
    }

    /// Trees on the artifact's paths that the first fetch left out.
    fn missing_trees(&self) -> Vec<Oid> {
        let mut missing = Vec::new();
        for candidate in self.candidates.values() {
            let Some(tree) = CommitTree::of_commit(self.source, &candidate.commit) else { continue };
            for entry in self.query.artifact.files() {
                let _ = tree.file(&join(&candidate.directory.path, &entry.path));
            }
            missing.extend(tree.missing_trees());
        }
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// Whether a tag's commit leaves nothing that another commit could explain better.
    ///
    /// Files that its tree does not have at all are build output as a rule; a file that it has with
    /// other content is not, the manifest apart, and asks for a look at the history.
    pub(super) fn settled(&self) -> Option<&Candidate> {
        let best = self.candidates.values().map(|candidate| candidate.matched).max();
        self.candidates.values().filter(|candidate| Some(candidate.matched) == best).find(|candidate| {
            let only_claimed = candidate.evidence.iter().all(Evidence::is_claim);
            if candidate.matched == self.wanted.count() {
                // Whoever publishes writes the claim, so a branch or tag must confirm it.
                return !only_claimed || self.confirms(&candidate.commit);
            }
            let named = |evidence: &Evidence| match evidence {
                Evidence::Tag { form, .. } => *form <= TagForm::Version,
                other => *other == Evidence::Override,
            };
            let by_name = matches!(candidate.directory.origin, DirectoryOrigin::Claimed | DirectoryOrigin::Name);
            candidate.evidence.iter().any(named)
                && by_name
                && candidate.matched > 0
                && candidate.conflicting == 0
                && is_supported(candidate, self.wanted.count())
        })
    }

    /// Whether prose that differs from a settled tag's is all that keeps the artifact from being explained.
    ///
    /// Then the commit before or after the tag often has it, which is worth fetching the history.
    fn history_may_explain(&self, settled: &Candidate) -> bool {
        let manifest = 1;
        settled.differing_prose > 0 && settled.matched + settled.differing_prose + manifest >= self.wanted.count()
    }

    /// Whether a branch or tag is known to reach the commit.
    fn confirms(&self, commit: &CommitId) -> bool {
        self.source.completeness() != Completeness::Trees
            && oid(&commit.0).is_some_and(|id| is_reachable(self.source.repository(), &self.source.tips(), id))
    }

    /// Whether a lower version had the commit already: one of its tags, made before the release, reaches it.
    fn is_of_lower_version(&self, candidate: &Candidate) -> bool {
        let repository = self.source.repository();
        let made = |commit: &Oid| repository.find_commit(*commit).ok().map(|commit| commit.time().seconds());
        let is_before = |time: i64| self.query.published_at.is_none_or(|published| time <= published);
        let is_lower = |tag: &str| {
            tagged_version(tag, self.query.name)
                .is_some_and(|tagged| tagged.compare_precedence(self.query.version).is_lt())
        };
        let tags = self.source.tag_names().iter().filter(|tag| is_lower(tag));
        let tips: Vec<Oid> =
            tags.filter_map(|tag| self.source.tag(tag)).filter(|commit| made(commit).is_some_and(is_before)).collect();
        oid(&candidate.commit.0).is_some_and(|id| is_reachable(repository, &tips, id))
    }

    fn holds_all(&self, candidate: &Candidate) -> bool {
        self.wanted.count() > 0 && candidate.matched == self.wanted.count()
    }

    fn conclude(mut self) -> Option<CommitMatch> {
        let repository = self.source.repository();
        let depth_known = self.source.completeness() != Completeness::Trees;
        let (mut unreachable, mut undecided) = (Vec::new(), Vec::new());
        let mut candidates: Vec<Candidate> = Vec::new();
        for (id, candidate) in std::mem::take(&mut self.candidates) {
            let only_claimed = !candidate.evidence.is_empty() && candidate.evidence.iter().all(Evidence::is_claim);
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
        let is_own = |candidate: &Candidate| {
            let files = self.wanted.count();
            let is_old = || rests_on_claim(candidate, files) && self.is_of_lower_version(candidate);
            is_supported(candidate, files) && !is_old() || self.holds_all(candidate)
        };
        let index = candidates.iter().position(is_own);
        let index = index.filter(|index| candidates[*index].matched > 0 || best == 0).unwrap_or(0);
        let winner = candidates.remove(index);
        // The user may choose any commit, but hears of one that anybody could have proposed.
        if winner.evidence.contains(&Evidence::Override)
            && depth_known
            && let Some(id) = oid(&winner.commit.0)
            && !is_reachable(repository, &self.source.tips(), id)
        {
            unreachable.push(winner.clone());
        }
        candidates.append(&mut undecided);
        let standing = if is_own(&winner) { MatchStanding::Established } else { MatchStanding::Nearest };
        // Listing every branch and tag is dear, and only a release without a commit of its own needs it.
        let newest_commit = (standing == MatchStanding::Nearest).then(|| {
            let tips = self.tips.clone().unwrap_or_else(|| self.source.tips());
            let commits = tips.iter().filter_map(|tip| repository.find_commit(*tip).ok());
            commits.map(|commit| commit.time().seconds()).max()
        });
        Some(CommitMatch {
            winner,
            standing,
            others: candidates,
            unreachable,
            missing: self.missing,
            history_searched: self.history_searched,
            newest_commit: newest_commit.flatten(),
        })
    }
}

/// The id of the tree at `directory` below the tree `root`.
pub(super) fn subtree(repository: &git2::Repository, root: Oid, directory: &str) -> Option<Oid> {
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
