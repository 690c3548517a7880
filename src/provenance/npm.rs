//! npm's attestations of one release: the publisher's provenance and the registry's note that it was published.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use sigstore_crypto::SubjectAltName;
use sigstore_types::{Artifact, ArtifactDigest, Bundle, DerPublicKey, HashAlgorithm, SignatureContent};
use sigstore_verify::{PublicKeyVerificationPolicy, VerificationPolicy};

use super::signature::{KeyUsage, RegistryKeys};
use super::trust::TrustedRoot;
use crate::package::{CommitId, Integrity, Release, hex_text};

/// Largest answer that is read, bytes.
pub(crate) const MAX_BYTES: usize = 8 << 20;
/// Most attestations of one release.
const MAX_ATTESTATIONS: usize = 32;
/// Longest text that is kept of a certificate.
const MAX_TEXT: usize = 1024;

const PROVENANCE: [&str; 2] = ["https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2"];
const PUBLISH: &str = "https://github.com/npm/attestation/tree/main/specs/publish/v0.1";

/// Where an artifact was built, as the certificate of the workflow says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The commit.
    pub commit: CommitId,
    /// The repository's address.
    pub repository: String,
    /// The branch or tag, such as `refs/heads/main`.
    pub reference: Option<String>,
    /// The workflow that built it, with its own reference.
    pub workflow: Option<String>,
    /// Who vouches for the workflow's identity.
    pub issuer: String,
    /// When the signature was logged, seconds since 1970.
    pub signed_at: Option<i64>,
    /// Whether the registry signed, too, that it published this artifact.
    pub published: bool,
}

/// Why the attestations of a release prove nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProvenanceError {
    /// Not the JSON that was expected.
    #[error("the registry's answer is not the JSON that was expected")]
    Json(#[from] serde_json::Error),
    /// Too much of it.
    #[error("the registry's answer is larger than any release's attestations")]
    TooLarge,
    /// Nothing about where it was built.
    #[error("the registry states a provenance and serves none")]
    Missing,
    /// The artifact has no SHA-512, by which npm's attestations name artifacts.
    #[error("the registry states no SHA-512 of the artifact")]
    NoDigest,
    /// A bundle cannot be read.
    #[error("the bundle cannot be read: {0}")]
    Bundle(String),
    /// A bundle does not hold.
    #[error("the bundle does not hold: {0}")]
    Invalid(String),
    /// It is about another release.
    #[error("the bundle is about `{}`", .0.escape_debug())]
    AnotherSubject(String),
    /// The certificate is not one of a workflow.
    #[error("the certificate names no commit and repository, as that of a workflow does")]
    NoWorkflow,
    /// The statement says another commit than the certificate.
    #[error("the statement names the commit `{}`, the certificate {certificate}", stated.escape_debug())]
    Contradiction {
        /// What the statement says.
        stated: String,
        /// What the certificate says.
        certificate: CommitId,
    },
    /// Several that hold and name different builds.
    #[error("the registry serves several provenances that name different commits or repositories: {0} and {1}")]
    Several(String, String),
    /// The registry's own note is not by a key, or by one that was not in use.
    #[error("the registry's own note is not by a key that was in use: `{}`", .0.escape_debug())]
    RegistryKey(String),
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    attestations: Vec<Attestation<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attestation<'a> {
    predicate_type: String,
    #[serde(borrow)]
    bundle: &'a RawValue,
}

/// As much of a statement as is held against the release; derived readers refuse repeated keys.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    subject: Vec<Subject>,
    predicate_type: String,
    predicate: serde_json::Value,
}

#[derive(Deserialize)]
struct Subject {
    name: String,
    digest: Digests,
}

#[derive(Deserialize)]
struct Digests {
    sha512: Option<String>,
}

/// Checks the registry's answer about the attestations of a release whose artifact has this integrity.
///
/// The provenance must hold: signature, certificate, log entry and subject. Where there are several, each must, and all
/// must name the same commit of the same repository, as readers differ in which one they take. The registry's own
/// attestations must hold where they are by a key of `keys`; by another key they say nothing, as if there were none.
pub fn verify_attestations(
    answer: &[u8],
    release: &Release,
    integrity: &Integrity,
    root: &TrustedRoot,
    keys: &RegistryKeys,
) -> Result<Provenance, ProvenanceError> {
    if answer.len() > MAX_BYTES {
        return Err(ProvenanceError::TooLarge);
    }
    let answer: Answer<'_> = serde_json::from_slice(answer)?;
    if answer.attestations.len() > MAX_ATTESTATIONS {
        return Err(ProvenanceError::TooLarge);
    }
    let sha512 = integrity.sha512().ok_or(ProvenanceError::NoDigest)?;
    let (mut proven, mut published) = (None, false);
    for attestation in &answer.attestations {
        let kind = attestation.predicate_type.as_str();
        if PROVENANCE.contains(&kind) {
            let other = of_publisher(attestation, release, sha512, root)?;
            proven = Some(proven.map_or(Ok(other.clone()), |first| same_build(first, &other))?);
        } else if kind == PUBLISH {
            published |= of_registry(attestation, release, sha512, root, keys)?;
        }
    }
    let proven = proven.ok_or(ProvenanceError::Missing)?;
    Ok(Provenance { published, ..proven })
}

/// The first of two provenances, where the other one names the same build.
pub(super) fn same_build(first: Provenance, other: &Provenance) -> Result<Provenance, ProvenanceError> {
    if (&first.commit, &first.repository) == (&other.commit, &other.repository) {
        return Ok(first);
    }
    let named = |one: &Provenance| format!("{} of `{}`", one.commit, one.repository.escape_debug());
    Err(ProvenanceError::Several(named(&first), named(other)))
}

fn of_publisher(
    attestation: &Attestation<'_>,
    release: &Release,
    sha512: &[u8],
    root: &TrustedRoot,
) -> Result<Provenance, ProvenanceError> {
    let bundle = read(attestation)?;
    // Which workflow it was is for the reader to judge; that it was one, the certificate's claims must show.
    let result = root
        .verifier
        .verify(artifact(sha512)?, &bundle, &VerificationPolicy::any_identity())
        .map_err(|error| ProvenanceError::Invalid(error.to_string()))?;
    let statement = statement(&bundle, attestation, release, sha512)?;
    let certificate = result.certificate().ok_or(ProvenanceError::NoWorkflow)?;
    let claims = &certificate.ci_claims;
    let old = &claims.deprecated_github;
    let commit = claims.source_repository_digest.as_deref().or(old.workflow_sha.as_deref());
    let commit = commit.and_then(|text| CommitId::parse(text).ok()).ok_or(ProvenanceError::NoWorkflow)?;
    let old_repository = || Some(format!("https://github.com/{}", old.workflow_repository.as_deref()?));
    let repository = claims.source_repository_uri.clone().or_else(old_repository);
    let reference = claims.source_repository_ref.as_deref().or(old.workflow_ref.as_deref());
    if let Some(stated) = stated_commit(&statement).filter(|stated| *stated != commit.to_string()) {
        return Err(ProvenanceError::Contradiction { stated: cut(&stated), certificate: commit });
    }
    Ok(Provenance {
        commit,
        repository: cut(&repository.ok_or(ProvenanceError::NoWorkflow)?),
        reference: reference.map(cut),
        workflow: claims.build_signer_uri.as_deref().or(result.identity().map(SubjectAltName::as_str)).map(cut),
        issuer: cut(result.issuer().ok_or(ProvenanceError::NoWorkflow)?),
        signed_at: result.integrated_time().map(Timestamp::as_second),
        published: false,
    })
}

/// Whether a known key of the registry signed that it published the artifact; only where it did not is there an error.
fn of_registry(
    attestation: &Attestation<'_>,
    release: &Release,
    sha512: &[u8],
    root: &TrustedRoot,
    keys: &RegistryKeys,
) -> Result<bool, ProvenanceError> {
    let bundle = read(attestation)?;
    let sigstore_types::bundle::VerificationMaterialContent::PublicKey(named) = &bundle.verification_material.content
    else {
        return Err(ProvenanceError::RegistryKey("a certificate".to_owned()));
    };
    let Some(key) = keys.find(&named.hint, KeyUsage::Attestations) else { return Ok(false) };
    let policy = PublicKeyVerificationPolicy::new(DerPublicKey::from_bytes(&key.der));
    let result = root
        .verifier
        .verify(artifact(sha512)?, &bundle, &policy)
        .map_err(|error| ProvenanceError::Invalid(error.to_string()))?;
    let time = result.integrated_time().map(Timestamp::as_second);
    if !time.is_some_and(|time| key.had_begun(time) && key.is_in_use(Some(time))) {
        return Err(ProvenanceError::RegistryKey(cut(&named.hint)));
    }
    statement(&bundle, attestation, release, sha512).map(|_| true)
}

fn read(attestation: &Attestation<'_>) -> Result<Bundle, ProvenanceError> {
    Bundle::from_json(attestation.bundle.get()).map_err(|error| ProvenanceError::Bundle(error.to_string()))
}

fn artifact(sha512: &[u8]) -> Result<Artifact<'static>, ProvenanceError> {
    let digest = ArtifactDigest::new(HashAlgorithm::Sha2512, sha512.to_vec()).map_err(|_| ProvenanceError::NoDigest)?;
    Ok(Artifact::from_digest(digest))
}

/// The signed statement, held against what the answer says it is, and against the release.
fn statement(
    bundle: &Bundle,
    attestation: &Attestation<'_>,
    release: &Release,
    sha512: &[u8],
) -> Result<Statement, ProvenanceError> {
    let SignatureContent::DsseEnvelope(envelope) = &bundle.content else {
        return Err(ProvenanceError::Bundle("it holds no statement".to_owned()));
    };
    let statement: Statement = serde_json::from_slice(envelope.payload.as_bytes())?;
    if statement.predicate_type != attestation.predicate_type {
        return Err(ProvenanceError::AnotherSubject(cut(&statement.predicate_type)));
    }
    let [subject] = statement.subject.as_slice() else {
        return Err(ProvenanceError::AnotherSubject(format!("{} subjects", statement.subject.len())));
    };
    if subject.name != release.purl() || subject.digest.sha512.as_deref() != Some(&hex_text(sha512)) {
        return Err(ProvenanceError::AnotherSubject(cut(&subject.name)));
    }
    Ok(statement)
}

/// The commit that the statement names, which is the publisher's own word.
fn stated_commit(statement: &Statement) -> Option<String> {
    let predicate = &statement.predicate;
    let new = predicate.pointer("/buildDefinition/resolvedDependencies/0/digest/gitCommit");
    let old = || predicate.pointer("/materials/0/digest/sha1");
    new.or_else(old)?.as_str().map(str::to_owned)
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}
