//! Walks the commits that branches and tags reach, newest first, without loading them all beforehand.

use std::collections::{BinaryHeap, HashSet};

use git2::{Commit, Oid, Repository};

/// A lazy walk in order of commit time.
///
/// libgit2's own sorted walk reads the whole history before it yields anything; most searches end early.
pub struct HistoryWalk<'r> {
    repository: &'r Repository,
    queue: BinaryHeap<(i64, Oid)>,
    seen: HashSet<Oid>,
}

impl std::fmt::Debug for HistoryWalk<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("HistoryWalk").field("seen", &self.seen.len()).finish_non_exhaustive()
    }
}

impl<'r> HistoryWalk<'r> {
    /// Starts at `tips`; what is not a commit at hand is passed over.
    pub fn new(repository: &'r Repository, tips: &[Oid]) -> Self {
        let mut walk = Self { repository, queue: BinaryHeap::new(), seen: HashSet::new() };
        for tip in tips {
            walk.push(*tip);
        }
        walk
    }

    fn push(&mut self, id: Oid) {
        if self.seen.insert(id)
            && let Ok(commit) = self.repository.find_commit(id)
        {
            self.queue.push((commit.time().seconds(), id));
        }
    }
}

impl<'r> Iterator for HistoryWalk<'r> {
    type Item = Commit<'r>;

    fn next(&mut self) -> Option<Commit<'r>> {
        let (_, id) = self.queue.pop()?;
        let commit = self.repository.find_commit(id).ok()?;
        for parent in commit.parent_ids() {
            self.push(parent);
        }
        Some(commit)
    }
}

/// Whether a branch or tag reaches `target`.
///
/// Tries the cheap way first: commits newer than the target. Where dates are out of order that may miss
/// it, so a miss is confirmed by looking at every commit.
pub fn is_reachable(repository: &Repository, tips: &[Oid], target: Oid) -> bool {
    if tips.contains(&target) {
        return true;
    }
    let Ok(commit) = repository.find_commit(target) else { return false };
    let oldest = commit.time().seconds() - 24 * 3600;
    let recent = HistoryWalk::new(repository, tips)
        .take_while(|commit| commit.time().seconds() >= oldest)
        .any(|commit| commit.id() == target);
    recent || HistoryWalk::new(repository, tips).any(|commit| commit.id() == target)
}
