//! What a rebuild explains of a ledger.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::contents::PublishedContents;
use super::rebuilt::{RebuiltComparison, RebuiltDifference, compare_rebuilt};
use super::text_diff::{DiffDepth, FileDiff, diff_texts};
use crate::artifact::{
    ArtifactContents, ArtifactEntry, ArtifactError, ArtifactLimits, CollisionCheck, ReadOptions, SourceContent,
    read_tarball,
};
use crate::ledger::{Explanation, Ledger, LedgerFile};
use crate::package::BlobId;
use crate::stabilize::RebuildContext;

/// Largest rebuilt file that is kept to be looked into, bytes.
const KEPT_SIZE: usize = 4 << 20;

/// The archive that a rebuild made.
#[derive(Debug)]
pub struct Candidate {
    /// What is in it.
    pub contents: ArtifactContents,
    files: PublishedContents,
    /// Whether its tar stream is the artifact's, byte by byte.
    pub same_tar: bool,
    /// Whether the compressed archive is, too.
    pub same_archive: bool,
}

/// A file that the rebuild made with other content than the artifact has.
#[derive(Debug, Clone, PartialEq)]
pub struct RebuiltFile {
    /// Its path inside the package.
    pub path: String,
    /// What the rebuild made.
    pub blob: Option<BlobId>,
    /// In the smallest form.
    pub difference: RebuiltDifference,
    /// Line by line, what the rebuild made as the candidate.
    pub diff: FileDiff,
    /// What the rebuild made, where it is text of a few megabytes at most.
    pub candidate: Option<String>,
}

impl Candidate {
    /// Reads the archive at `path` beside the artifact at `published`.
    pub fn read(
        path: &Path,
        published: &Path,
        artifact: &ArtifactContents,
        limits: ArtifactLimits,
    ) -> Result<Self, ArtifactError> {
        let malformed = |source| ArtifactError::Malformed { entries: 0, source };
        let same = |path: &str, blob: &BlobId| match artifact.entry(path) {
            Some(entry) if entry.blob == Some(*blob) => SourceContent::Same,
            Some(_) => SourceContent::Different,
            None => SourceContent::Unknown,
        };
        // No host has ever looked at what a build writes.
        let collisions = CollisionCheck::EveryFile;
        let options = ReadOptions { limits, collisions, source: &same, aside: None, digests: false, threaded: false };
        let contents = read_tarball(File::open(path).map_err(malformed)?, &options)?;
        let same_archive = contents.sha256 == artifact.sha256;
        let same_tar = same_archive || same_stream(path, published).map_err(malformed)?;
        let files = PublishedContents::new(path.to_owned(), limits).of_builds();
        Ok(Self { contents, files, same_tar, same_archive })
    }

    /// Files that it holds and the artifact lacks.
    pub fn only_rebuilt(&self, artifact: &ArtifactContents) -> Vec<String> {
        let missing = self.contents.files().filter(|entry| artifact.entry(&entry.path).is_none());
        missing.map(|entry| entry.path.to_string()).collect()
    }
}

/// Whether two gzipped files hold the same bytes; their lengths were bounded when they were read.
fn same_stream(one: &Path, other: &Path) -> io::Result<bool> {
    let open = |path: &Path| io::Result::Ok(MultiGzDecoder::new(BufReader::new(File::open(path)?)));
    let (mut one, mut other) = (open(one)?, open(other)?);
    let (mut left, mut right) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        let length = fill(&mut one, &mut left)?;
        if fill(&mut other, &mut right)? != length || left[..length] != right[..length] {
            return Ok(false);
        }
        if length == 0 {
            return Ok(true);
        }
    }
}

fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match source.read(&mut buffer[length..])? {
            0 => break,
            read => length += read,
        }
    }
    Ok(length)
}

/// What one rebuild said of the files that were not explained before.
#[derive(Debug, Default)]
pub struct ByRebuild {
    /// How many it explains.
    pub explained: usize,
    /// Those that it made with other content than the published one.
    pub different: Vec<RebuiltFile>,
    /// Those that it has as the commit has them, so that no build makes the published content of them.
    pub as_committed: Vec<String>,
}

/// Explains by `candidate` what neither the commit's tree nor a packer rule proves.
///
/// What commands made that ran although one before them failed (not `whole`) is weaker evidence: the publisher's build
/// would not have come to them. Such a file counts as explained after a stabilizer does, never as `rebuilt`.
pub fn explain_by_rebuild(
    ledger: &mut Ledger,
    artifact: &ArtifactContents,
    published: &PublishedContents,
    candidate: &Candidate,
    whole: bool,
    context: &RebuildContext,
    depth: DiffDepth,
) -> ByRebuild {
    let mut found = ByRebuild::default();
    for row in &mut ledger.files {
        if matches!(row.explanation, Explanation::GitBlob | Explanation::Derived { .. } | Explanation::Rebuilt) {
            continue;
        }
        let Some(made) = candidate.contents.entry(&row.path).filter(|made| made.is_file()) else { continue };
        let was_explained = row.explanation.is_explained();
        let same =
            if whole { Explanation::Rebuilt } else { Explanation::RebuiltStabilized { stabilizers: Vec::new() } };
        let explanation = if row.blob.is_some() && made.blob == row.blob && (whole || !was_explained) {
            same
        } else if was_explained || row.blob.is_none() {
            // A content built to collide is explained by nothing.
            continue;
        } else {
            let contents = published.get(artifact, &row.path).zip(candidate.files.get(&candidate.contents, &row.path));
            let Some((published, content)) = contents else { continue };
            match compare_rebuilt(&row.path, &published, &content, context) {
                RebuiltComparison::Identical => same,
                RebuiltComparison::Stabilized { stabilizers } => Explanation::RebuiltStabilized { stabilizers },
                RebuiltComparison::Attributed { stabilizers } => Explanation::Attributed { stabilizers },
                RebuiltComparison::Different(difference) => {
                    let diff = diff_texts(&row.path, Some(&content), Some(&published), depth);
                    let candidate = String::from_utf8(content).ok().filter(|text| text.len() <= KEPT_SIZE);
                    let path = row.path.to_string();
                    found.different.push(RebuiltFile { path, blob: made.blob, difference, diff, candidate });
                    let is_of_commit = is_of_commit(row, made);
                    if is_of_commit {
                        found.as_committed.push(row.path.to_string());
                    }
                    match std::mem::replace(&mut row.explanation, Explanation::Rebuilt) {
                        Explanation::Modified { keys, same_as, rebuilt } => {
                            Explanation::Modified { keys, same_as, rebuilt: rebuilt || !is_of_commit }
                        }
                        _ => Explanation::Modified { keys: Vec::new(), same_as: None, rebuilt: true },
                    }
                }
            }
        };
        found.explained += usize::from(!was_explained && explanation.is_explained());
        row.explanation = explanation;
    }
    found
}

/// Whether the packed file is the commit's own, line ends aside.
fn is_of_commit(row: &LedgerFile, made: &ArtifactEntry) -> bool {
    row.counterpart.as_ref().is_some_and(|counterpart| {
        let blob = Some(counterpart.blob);
        made.blob == blob || made.blob_with_lf == blob
    })
}
