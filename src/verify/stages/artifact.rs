//! Stage 2: the bytes, their digests, and one pass over their contents.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sha2::Digest as _;

use crate::artifact::{ArtifactContents, ArtifactError, CollisionCheck, ReadOptions, SourceContent, read_tarball};
use crate::package::{BlobId, CommitId, Integrity, Sha256Digest, hex_text};
use crate::reach::may_refer;
use crate::registry::ReleaseMetadata;
use crate::source::directory::{DirectoryQuery, find_usual};
use crate::source::git::SourceRepository;
use crate::source::git::repository::commit_id;
use crate::source::match_commit::likely_commit;
use crate::source::tags::{TagForm, tag_form};
use crate::source::tree::{CommitTree, join};
use crate::verify::stages::claim::{Claim, resolve};
use crate::verify::stages::error::{VerifyError, blocking};
use crate::verify::stages::source::Discovery;
use crate::verify::{Context, Request};

/// From this compressed size on a second thread decompresses if a processor is idle, bytes.
const THREADED_SIZE: u64 = 256 << 10;

/// The artifact's bytes on disk and what they should hash to.
#[derive(Debug, Clone)]
pub(in crate::verify) struct ArtifactFile {
    pub(in crate::verify) path: PathBuf,
    pub(in crate::verify) expected: Option<Sha256Digest>,
    pub(in crate::verify) integrity: Integrity,
    pub(in crate::verify) digest_differs: Option<String>,
}

/// Stage 2: the artifact's bytes, every digest that the registry states checked.
pub(in crate::verify) async fn fetch(claim: &Claim, context: &Context) -> Result<ArtifactFile, VerifyError> {
    if let Some(path) = &claim.file {
        let (path, metadata) = (path.clone(), claim.metadata.clone());
        return blocking(move || digest_file(path, metadata.as_ref())).await;
    }
    let Some(metadata) = &claim.metadata else {
        let reason = "no registry was asked".to_owned();
        return Err(VerifyError::Anonymous { path: PathBuf::new(), reason });
    };
    let stored = context.registry.artifact(metadata).await?;
    Ok(ArtifactFile {
        path: stored.path,
        expected: Some(stored.sha256),
        integrity: stored.integrity,
        digest_differs: None,
    })
}

/// SHA-256 and size of a file that could not be read as an archive.
pub(in crate::verify) fn digest_of(path: &Path) -> Result<(Sha256Digest, u64), VerifyError> {
    let mut hash = sha2::Sha256::new();
    let size = pieces(path, |piece| hash.update(piece))?;
    Ok((Sha256Digest(hash.finalize().into()), size))
}

/// Hands a file's bytes on piece by piece and returns their number.
fn pieces(path: &Path, mut each: impl FnMut(&[u8])) -> Result<u64, VerifyError> {
    let error = |source| VerifyError::ArtifactFile { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(error)?;
    let (mut buffer, mut size) = (vec![0; 64 << 10], 0);
    loop {
        let length = file.read(&mut buffer).map_err(error)?;
        if length == 0 {
            return Ok(size);
        }
        size += length as u64;
        each(&buffer[..length]);
    }
}

fn digest_file(path: PathBuf, metadata: Option<&ReleaseMetadata>) -> Result<ArtifactFile, VerifyError> {
    let (mut sha512, mut sha1) = (sha2::Sha512::new(), sha1::Sha1::new());
    pieces(&path, |piece| {
        sha512.update(piece);
        sha1.update(piece);
    })?;
    let integrity = Integrity::from_sha512(sha512.finalize().into());
    let sha1 = hex_text(&sha1.finalize());
    let differs = metadata.and_then(|metadata| {
        let stated = metadata.integrity.as_ref().filter(|stated| stated.sha512().is_some());
        match (stated, &metadata.shasum) {
            (Some(stated), _) if stated.contradicts(&integrity) => {
                Some(format!("the registry states {stated}, the file has {integrity}"))
            }
            (None, Some(stated)) if stated.to_string() != sha1 => {
                Some(format!("the registry states sha1 {stated}, the file has {sha1}"))
            }
            _ => None,
        }
    });
    Ok(ArtifactFile { path, expected: None, integrity, digest_differs: differs })
}

/// Fetches the artifact once more after the cache turned out to be damaged.
pub(in crate::verify) async fn refetch(request: &Request, context: &Context) -> Result<(), VerifyError> {
    let claim = resolve(request, context).await?;
    if let Some(metadata) = &claim.metadata {
        let stored = context.registry.artifact(metadata).await?;
        context.registry.discard(&stored)?;
    }
    Ok(())
}

/// After so many files that the first hint does not have, the release's other tags are looked at.
const MISSES: u32 = 4;

/// The trees of the release's likely commits, to know while reading what will need a closer look.
struct Hints<'a> {
    repository: Option<&'a SourceRepository>,
    claim: &'a Claim,
    trees: RefCell<Vec<(CommitTree<'a>, String)>>,
    /// Only the first file asks for a tree, so that the archive is already being decompressed meanwhile.
    started: Cell<bool>,
    misses: Cell<u32>,
}

impl<'a> Hints<'a> {
    fn new(repository: Option<&'a SourceRepository>, claim: &'a Claim) -> Self {
        Self { repository, claim, trees: RefCell::default(), started: Cell::new(false), misses: Cell::new(0) }
    }

    /// Looks at the commit that is the release's in nearly all cases.
    fn add_likely(&self) {
        let release = &self.claim.release;
        if let Some(source) = self.repository
            && let Some(commit) = likely_commit(source, &release.name, &release.version)
        {
            self.add(&commit);
        }
    }

    fn add(&self, commit: &CommitId) {
        let Some(repository) = self.repository else { return };
        let query = DirectoryQuery {
            claimed: self.claim.directory(),
            name: &self.claim.release.name,
            version: &self.claim.release.version,
            manifest: None,
        };
        let Some(tree) = CommitTree::of_commit(repository, commit) else { return };
        if let Some(directory) = find_usual(repository, &tree, &query) {
            self.trees.borrow_mut().push((tree, directory.path));
        }
    }

    /// `1.2.3-npm` may be the edition that was published, while `1.2.3` is another one.
    fn add_other_tags(&self) {
        let release = &self.claim.release;
        let Some(repository) = self.repository else { return };
        for tag in repository.tag_names() {
            if tag_form(tag, &release.name, &release.version) == Some(TagForm::Suffixed)
                && let Some(commit) = repository.tag(tag)
            {
                self.add(&commit_id(commit));
            }
        }
    }

    fn content(&self, path: &str, blob: &BlobId) -> SourceContent {
        if !self.started.replace(true) {
            self.add_likely();
        }
        let mut content = SourceContent::Unknown;
        for (tree, directory) in self.trees.borrow().iter().rev() {
            match tree.file(&join(directory, path)) {
                Some(file) if file.blob == *blob && !file.link => return SourceContent::Same,
                Some(_) => content = SourceContent::Different,
                None => {}
            }
        }
        self.misses.set(self.misses.get() + 1);
        if self.misses.get() == MISSES {
            self.add_other_tags();
        }
        content
    }
}

/// Stage 2b: one pass over the artifact, with the likely commit's tree beside it.
///
/// The inner result is what is true of the artifact: that it cannot be read is no error of ours.
pub(in crate::verify) fn read(
    artifact: &ArtifactFile,
    discovery: &Discovery,
    claim: &Claim,
    context: &Context,
) -> Result<Result<ArtifactContents, ArtifactError>, VerifyError> {
    let open = || {
        File::open(&artifact.path).map_err(|source| VerifyError::ArtifactFile { path: artifact.path.clone(), source })
    };
    let repository = discovery.repository();
    let hints = Hints::new(repository, claim);
    let known = |path: &str, blob: &BlobId| hints.content(path, blob);
    let collisions = repository.map_or(CollisionCheck::EveryFile, |source| source.location().collision_check());
    let file = open()?;
    let large = file.metadata().is_ok_and(|metadata| metadata.len() >= THREADED_SIZE);
    let two = large.then(|| context.processors.try_take(2)).flatten();
    let threaded = two.is_some();
    let _busy = two.or_else(|| context.processors.try_take(1));
    let options = ReadOptions {
        limits: context.limits,
        collisions,
        source: &known,
        aside: Some(may_refer),
        digests: claim.digests,
        threaded,
    };
    let contents = read_tarball(file, &options);
    // An archive that cannot be read was not hashed to its end.
    let sha256 = match (&contents, artifact.expected) {
        (Ok(contents), _) => Some(contents.sha256),
        (Err(_), Some(_)) => Some(digest_of(&artifact.path)?.0),
        (Err(_), None) => None,
    };
    if artifact.expected.is_some() && artifact.expected != sha256 {
        return Err(VerifyError::DamagedCache { path: artifact.path.clone() });
    }
    Ok(contents)
}
