//! The order in which explanations are tried; the first that holds is the file's only one.

use std::collections::{HashMap, HashSet};

use crate::artifact::{ArchiveAnomaly, ArtifactContents, ArtifactEntry};
use crate::compare::contents::PublishedContents;
use crate::compare::manifest::{CommitWorkspace, manifest_sources};
use crate::compare::moved::{keeps_its_part, most_alike};
use crate::compare::source_only::source_only;
use crate::ledger::{Counterpart, Explanation, Ledger, LedgerFile};
use crate::pack::npm::is_cleaned_readme;
use crate::pack::npm::manifest::{
    AppliedRule, CLEAN_DOCS, GITIGNORE_RENAMED, ManifestError, ManifestInput, compare_manifests,
};
use crate::pack::npm::packlist::GitIgnores;
use crate::package::read_json;
use crate::package::{BlobId, CommitId, Sha256Digest, Version, is_document, is_usual_document};
use crate::rebuild::strategy::files_about_building;
use crate::source::git::repository::{commit_id, holds};
use crate::source::git::{Completeness, SourceRepository};
use crate::source::history::HistoryWalk;
use crate::source::match_commit::{CommitMatch, Evidence};
use crate::source::scoring::{Scorer, WantedFiles};
use crate::source::tree::{CommitTree, TreeFile, join};
use crate::stabilize::equal_after;

/// How many ignore files of one commit are fetched beforehand.
const MAX_IGNORE_FILES: usize = 500;

/// Both sides, and what ties them together.
#[derive(Debug)]
pub struct Comparison<'a> {
    /// The published side.
    pub artifact: &'a ArtifactContents,
    /// Its contents.
    pub contents: &'a PublishedContents,
    /// The source side.
    pub source: &'a SourceRepository,
    /// The commit.
    pub matched: &'a CommitMatch,
    /// The release's version.
    pub version: &'a Version,
    /// Whether the ledger states the SHA-256 of what is not the commit's own file.
    pub digests: bool,
}

/// What a comparison found.
#[derive(Debug)]
pub struct Compared {
    /// Every file, explained or not.
    pub ledger: Ledger,
    /// Why one of the two manifests cannot be read, if so.
    pub manifest_error: Option<ManifestError>,
}

/// Explains every file of the artifact; `None` where the commit's tree is not at hand.
pub fn compare(comparison: &Comparison<'_>) -> Option<Compared> {
    let tree = CommitTree::of_commit(comparison.source, &comparison.matched.winner.commit)?;
    let winner = &comparison.matched.winner;
    let (files, manifest_error) = Classifier { comparison, tree: &tree, rows: Vec::new() }.classify();
    let source_only = source_only(comparison.source, &tree, &winner.directory.path, comparison.artifact);
    Some(Compared { ledger: Ledger { files, source_only }, manifest_error })
}

struct Classifier<'t, 'a> {
    comparison: &'t Comparison<'a>,
    tree: &'t CommitTree<'a>,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    entry: &'a ArtifactEntry,
    counterpart: Option<Counterpart>,
    explanation: Option<Explanation>,
    same_as: Option<String>,
}

impl<'a> Classifier<'_, 'a> {
    fn directory(&self) -> &'a str {
        &self.comparison.matched.winner.directory.path
    }

    fn classify(mut self) -> (Vec<LedgerFile>, Option<ManifestError>) {
        self.match_blobs();
        self.prepare_contents();
        let manifest_error = self.derive_manifest().err();
        self.derive_readme();
        self.stabilize();
        self.find_moved();
        self.search_history();
        (self.finish(), manifest_error)
    }

    /// Tier 0: equal blob id at the same path.
    fn match_blobs(&mut self) {
        for entry in &self.comparison.artifact.entries {
            let path = join(self.directory(), &entry.path);
            let file = if entry.is_file() { self.tree.file(&path).filter(|file| !file.link) } else { None };
            let explanation = file.filter(|file| Some(file.blob) == entry.blob).map(|_| Explanation::GitBlob);
            let mut counterpart = file.map(|file| counterpart_of(path.clone(), file));
            if counterpart.is_none() && entry.is_file() && !acts_by_name(&entry.path) {
                // npm writes `README.md` for a file that git calls `Readme.md`.
                // One that is published beside the other is no renaming.
                let beside = |other: &str| {
                    let relative = other.strip_prefix(self.directory()).map(|rest| rest.trim_start_matches('/'));
                    relative.is_some_and(|relative| self.comparison.artifact.entry(relative).is_some())
                };
                let renamed = self.tree.file_ignoring_case(&path).filter(|(other, file)| !file.link && !beside(other));
                counterpart = renamed.map(|(path, file)| counterpart_of(path, file));
            }
            let mut explanation = explanation;
            if counterpart.is_none()
                && let Some(ignored) =
                    path.strip_suffix(".npmignore").filter(|folder| folder.is_empty() || folder.ends_with('/'))
            {
                // Old npm packed a `.gitignore` under this name.
                let place = format!("{ignored}.gitignore");
                counterpart = self.tree.file(&place).filter(|file| !file.link).map(|file| counterpart_of(place, file));
                if counterpart.as_ref().is_some_and(|counterpart| Some(counterpart.blob) == entry.blob) {
                    let rules = vec![AppliedRule { rule: GITIGNORE_RENAMED, key_path: String::new() }];
                    explanation = Some(Explanation::Derived { rules });
                }
            }
            self.rows.push(Row { entry, counterpart, explanation, same_as: None });
        }
    }

    /// Fetches and reads whatever the next steps compare, in one request and one pass.
    fn prepare_contents(&self) {
        let open = || self.rows.iter().filter(|row| row.explanation.is_none());
        if open().next().is_none() {
            return;
        }
        // Where everything is at hand, each step reads what it needs.
        if self.comparison.source.completeness() != Completeness::Full {
            let mut blobs: Vec<BlobId> = open().filter_map(|row| Some(row.counterpart.as_ref()?.blob)).collect();
            blobs.extend(self.ignore_files());
            if let Some(manifest) = open().find(|row| &*row.entry.path == "package.json") {
                let published = self.published(manifest).unwrap_or_default();
                blobs.extend(manifest_sources(self.tree, self.directory(), &published));
            }
            blobs.extend(files_about_building(self.tree, self.directory()));
            self.comparison.source.fetch_blobs(&blobs);
        }
        self.comparison.contents.prepare(open().filter(|row| row.counterpart.is_some()).map(|row| row.entry));
    }

    /// The files of the package's tree, and of the root, that keep paths out of git or of the package.
    fn ignore_files(&self) -> Vec<BlobId> {
        let within = join(self.directory(), "");
        let mut found = Vec::new();
        self.tree.for_each_file(|path, file| {
            let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
            let relevant = directory.is_empty() || path.starts_with(&within);
            if matches!(name, ".gitignore" | ".npmignore") && relevant {
                found.push(file.blob);
            }
            found.len() < MAX_IGNORE_FILES
        });
        found
    }

    fn published(&self, row: &Row<'_>) -> Option<Vec<u8>> {
        self.comparison.contents.get(self.comparison.artifact, &row.entry.path)
    }

    /// Tier 1: the manifest as a publishing tool rewrites it.
    fn derive_manifest(&mut self) -> Result<(), ManifestError> {
        let Some(index) =
            self.rows.iter().position(|row| &*row.entry.path == "package.json" && row.explanation.is_none())
        else {
            return Ok(());
        };
        let row = &self.rows[index];
        let contents = row
            .counterpart
            .as_ref()
            .and_then(|counterpart| Some((self.published(row)?, self.comparison.source.read_blob(counterpart.blob)?)));
        let Some((published, source)) = contents else { return Ok(()) };
        let winner = &self.comparison.matched.winner;
        let commit = winner.commit.to_string();
        // `gitHead` is written by whoever publishes, so it ties no version to a commit.
        let corroborated =
            winner.evidence.iter().any(|evidence| !matches!(evidence, Evidence::Content | Evidence::GitHead));
        let input = ManifestInput {
            published: &published,
            source: &source,
            version: self.comparison.version.as_str(),
            commit: Some(&commit),
            version_corroborated: corroborated,
        };
        let workspace = CommitWorkspace::new(self.comparison.source, self.tree, self.directory());
        let compared = compare_manifests(&input, &workspace)?;
        let explanation = if compared.is_explained() {
            Explanation::Derived { rules: compared.applied }
        } else {
            Explanation::Modified { keys: compared.differences, same_as: None, rebuilt: false }
        };
        self.rows[index].explanation = Some(explanation);
        Ok(())
    }

    /// Tier 1: the readme as clean-publish cuts it.
    fn derive_readme(&mut self) {
        let Some(index) = self.rows.iter().position(|row| row.is_open() && row.is_root_readme()) else { return };
        let row = &self.rows[index];
        let read = || {
            let published = self.published(row)?;
            let source = self.comparison.source.read_blob(row.counterpart.as_ref()?.blob)?;
            let manifest = self.tree.read_file(&join(self.directory(), "package.json"))?;
            let manifest = read_json(&manifest).ok()?.value;
            let (published, source) = (std::str::from_utf8(&published).ok()?, std::str::from_utf8(&source).ok()?);
            is_cleaned_readme(published, source, &manifest).then_some(())
        };
        if read().is_some() {
            let rules = vec![AppliedRule { rule: CLEAN_DOCS, key_path: String::new() }];
            self.rows[index].explanation = Some(Explanation::Derived { rules });
        }
    }

    fn stabilize(&mut self) {
        for index in 0..self.rows.len() {
            let row = &self.rows[index];
            // A content built to collide is explained by nothing, whatever it equals.
            let undecided = row.entry.blob.is_some() && (row.explanation.is_none() || row.is_modified_manifest());
            let Some(counterpart) = row.counterpart.as_ref().filter(|_| undecided) else { continue };
            let contents = self.published(row).zip(self.comparison.source.read_blob(counterpart.blob));
            let Some((published, source)) = contents else { continue };
            if let Some(stabilizers) = equal_after(&row.entry.path, &published, &source) {
                self.rows[index].explanation = Some(if stabilizers.is_empty() {
                    Explanation::GitBlobMoved { from: counterpart.path.clone() }
                } else {
                    Explanation::Stabilized { stabilizers }
                });
            }
        }
    }

    /// The same content elsewhere in the commit.
    ///
    /// Where the commit has the path with other content, only prose may be taken from elsewhere: code put
    /// in place of other code is a modification wherever it was copied from. What was not written to be where it is now
    /// has not moved either, see [`keeps_its_part`].
    fn find_moved(&mut self) {
        let wanted: HashSet<BlobId> =
            self.rows.iter().filter(|row| row.is_open()).filter_map(|row| row.entry.blob).collect();
        if wanted.is_empty() {
            return;
        }
        let mut found: HashMap<BlobId, Vec<Counterpart>> = HashMap::new();
        self.tree.for_each_file(|path, file| {
            if !file.link && wanted.contains(&file.blob) {
                let places = found.entry(file.blob).or_default();
                if places.len() < 64 {
                    places.push(counterpart_of(path.to_owned(), file));
                }
            }
            true
        });
        let scripts: HashSet<Box<str>> = self
            .rows
            .iter()
            .filter(|row| row.is_open() && row.entry.blob.is_some_and(|blob| found.contains_key(&blob)))
            .filter(|row| is_document(&row.entry.path) && self.may_run(row))
            .map(|row| row.entry.path.clone())
            .collect();
        let colliding: HashSet<&str> = self
            .comparison
            .artifact
            .anomalies
            .iter()
            .filter_map(|anomaly| match anomaly {
                ArchiveAnomaly::NameCollision { first, second } => Some([&**first, &**second]),
                _ => None,
            })
            .flatten()
            .collect();
        for row in self.rows.iter_mut().filter(|row| row.is_open()) {
            // What takes effect by its name, or can be run under the name of prose, is new behaviour. So is what
            // some file systems put in another file's place.
            if colliding.contains(&*row.entry.path)
                || acts_by_name(&row.entry.path)
                || (row.counterpart.is_none() && scripts.contains(&row.entry.path))
            {
                continue;
            }
            let Some(places) = row.entry.blob.and_then(|blob| found.get(&blob)) else { continue };
            // An empty file equals every other empty file and says nothing.
            if row.entry.size == 0 {
                continue;
            }
            let kept = places.iter().filter(|place| keeps_its_part(&row.entry.path, &place.path));
            let moved = most_alike(kept, &row.entry.path).filter(|moved| {
                let is_prose = is_usual_document(&row.entry.path) && is_document(&moved.path);
                let displaces = row.counterpart.as_ref().is_some_and(|counterpart| counterpart.path != moved.path);
                !displaces || is_prose && !scripts.contains(&row.entry.path)
            });
            if let Some(moved) = moved {
                row.explanation = Some(Explanation::GitBlobMoved { from: moved.path.clone() });
                row.counterpart = Some(moved.clone());
            } else if row.counterpart.is_some() {
                row.same_as = most_alike(places.iter(), &row.entry.path).map(|place| place.path.clone());
            }
        }
    }

    /// Whether something called like prose can be run.
    fn may_run(&self, row: &Row<'_>) -> bool {
        let executable = row.entry.executable || row.counterpart.as_ref().is_some_and(|other| other.executable);
        executable || self.published(row).is_none_or(|content| content.starts_with(b"#!"))
    }

    /// The same content at the same path in another commit, where the history is at hand.
    fn search_history(&mut self) {
        let repository = self.comparison.source.repository();
        let completeness = self.comparison.source.completeness();
        if completeness == Completeness::Trees {
            return;
        }
        let odb = repository.odb().ok();
        let may_exist =
            |blob: &BlobId| completeness != Completeness::Full || odb.as_ref().is_some_and(|odb| holds(odb, blob));
        let open: Vec<usize> = (0..self.rows.len())
            .filter(|index| self.rows[*index].is_open() && self.rows[*index].counterpart.is_some())
            .filter(|index| self.rows[*index].entry.blob.as_ref().is_some_and(may_exist))
            .collect();
        let files =
            open.iter().filter_map(|index| Some((&*self.rows[*index].entry.path, self.rows[*index].entry.blob?, None)));
        let files = WantedFiles::new(files);
        if files.count() == 0 {
            return;
        }
        let mut found: HashMap<usize, CommitId> = HashMap::new();
        let mut scorer = Scorer::new(repository, &files);
        let mut seen = HashSet::new();
        for commit in HistoryWalk::new(repository, &self.comparison.source.tips()) {
            if !seen.insert(commit.tree_id()) {
                continue;
            }
            let tree = CommitTree::of_tree(self.comparison.source, commit.tree_id());
            let Some(package) = tree.subtree(self.directory()) else { continue };
            if scorer.score(package).matched == 0 {
                continue;
            }
            for index in open.iter().filter(|index| !found.contains_key(index)).collect::<Vec<_>>() {
                let entry = self.rows[*index].entry;
                let file = tree.file(&join(self.directory(), &entry.path));
                if file.is_some_and(|file| Some(file.blob) == entry.blob) {
                    found.insert(*index, commit_id(commit.id()));
                }
            }
            if found.len() == open.len() {
                break;
            }
        }
        for (index, commit) in found {
            self.rows[index].explanation = Some(Explanation::History { commit });
        }
    }

    fn finish(self) -> Vec<LedgerFile> {
        let mut ignores = GitIgnores::new(self.tree);
        let directory = self.directory();
        let Comparison { contents, artifact, .. } = self.comparison;
        let files = self.rows.into_iter().map(|row| {
            let explanation = row.explanation.unwrap_or_else(|| match &row.counterpart {
                Some(_) => Explanation::Modified { keys: Vec::new(), same_as: row.same_as, rebuilt: false },
                None => {
                    let ignored = row.entry.is_file() && ignores.ignores(&join(directory, &row.entry.path));
                    Explanation::ArtifactOnly { ignored_by_git: ignored }
                }
            });
            // What was read beside another commit than the chosen one may have been taken for known.
            let sha256 = match explanation {
                _ if !self.comparison.digests => None,
                Explanation::GitBlob => None,
                _ => row.entry.sha256.or_else(|| Some(Sha256Digest::of(&contents.get(artifact, &row.entry.path)?))),
            };
            LedgerFile {
                path: row.entry.path.clone(),
                kind: row.entry.kind.clone(),
                explanation,
                size: row.entry.size,
                executable: row.entry.executable,
                blob: row.entry.blob,
                sha256,
                counterpart: row.counterpart,
            }
        });
        files.collect()
    }
}

impl Row<'_> {
    fn is_open(&self) -> bool {
        self.explanation.is_none() && self.entry.is_file()
    }

    fn is_root_readme(&self) -> bool {
        self.counterpart.is_some() && self.entry.path.eq_ignore_ascii_case("readme.md")
    }

    fn is_modified_manifest(&self) -> bool {
        matches!(self.explanation, Some(Explanation::Modified { .. }))
    }
}

/// Whether a file takes effect by its name alone, so that content copied there is new behaviour.
///
/// Some file systems take names of other letter case for the same.
pub(crate) fn acts_by_name(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let name = path.rsplit('/').next().unwrap_or(&path);
    matches!(name, "binding.gyp" | "npm-shrinkwrap.json" | "package.json" | ".npmrc")
        || path == "server.js"
        || path.ends_with(".node")
        || path.split('/').any(|part| part == "node_modules")
}

fn counterpart_of(path: String, file: TreeFile) -> Counterpart {
    Counterpart { path, blob: file.blob, executable: file.executable }
}
