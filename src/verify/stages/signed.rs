//! Stage 2b: what registry and publisher have signed.

use crate::provenance::{
    Provenance, PublisherEvidence, RegistryKeys, SignatureError, SignedBy, Standing, StatedSignature, TrustedRoot,
    verify_attestations,
};
use crate::registry::ReleaseMetadata;
use crate::source::git::with_source;
use crate::verify::Context;
use crate::verify::stages::claim::Claim;
use crate::verify::stages::error::{VerifyError, blocking};

/// Stage 2b: checks the registry's signature, and the provenance where the registry states one; only then it is asked
/// for it, once.
///
/// What cannot be had or does not hold is evidence of its own and stops nothing.
pub(in crate::verify) async fn signed(claim: &Claim, context: &Context) -> PublisherEvidence {
    let Some(metadata) = &claim.metadata else { return PublisherEvidence::default() };
    let provenance = if metadata.has_provenance { provenance(metadata, context).await } else { Standing::Absent };
    PublisherEvidence { signature: signature(metadata), provenance }
}

fn signature(metadata: &ReleaseMetadata) -> Standing<SignedBy> {
    let stated: Vec<StatedSignature> =
        metadata.signatures().into_iter().map(|(key_id, signature)| StatedSignature { key_id, signature }).collect();
    let Some(integrity) = metadata.integrity.as_ref().filter(|_| !stated.is_empty()) else { return Standing::Absent };
    let keys = RegistryKeys::embedded();
    match keys.verify(&metadata.release, integrity, metadata.published_at, &stated) {
        Ok(key) => Standing::Verified(key),
        Err(error @ SignatureError::UnknownKey(_)) => Standing::Unknown(error.to_string()),
        // A mirror may state times of its own, so a key that had ended by then says nothing against the release.
        Err(error @ SignatureError::NotInUse(_)) => Standing::Unknown(error.to_string()),
        Err(error @ SignatureError::Wrong(_)) => Standing::Invalid(error.to_string()),
    }
}

async fn provenance(metadata: &ReleaseMetadata, context: &Context) -> Standing<Box<Provenance>> {
    let answer = match context.registry.attestations(metadata).await {
        Ok(Some(answer)) => answer,
        Ok(None) => return Standing::Unknown("the registry states a provenance and serves none".to_owned()),
        Err(error) => return Standing::Unknown(with_source(&error)),
    };
    let Some(integrity) = metadata.integrity.clone() else {
        return Standing::Unknown("the registry states no integrity that it could be about".to_owned());
    };
    let release = metadata.release.clone();
    let checked = blocking(move || {
        let root = match TrustedRoot::embedded() {
            Ok(root) => root,
            Err(error) => return Ok(Standing::Unknown(error.to_string())),
        };
        let keys = RegistryKeys::embedded();
        Ok::<_, VerifyError>(match verify_attestations(&answer, &release, &integrity, root, keys) {
            Ok(provenance) => Standing::Verified(Box::new(provenance)),
            Err(error) => Standing::Invalid(with_source(&error)),
        })
    });
    checked.await.unwrap_or_else(|error| Standing::Unknown(with_source(&error)))
}
