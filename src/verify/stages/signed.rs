//! Stage 2b: what registry and publisher have signed.

use crate::provenance::{
    Provenance, PublisherEvidence, RegistryKeys, SignatureError, SignedBy, Standing, StatedSignature, TrustedRoot,
    verify_attestations,
};
use crate::registry::{NpmRegistry, ReleaseMetadata};
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
    let provenance =
        if metadata.has_provenance { provenance(metadata, &context.registry).await } else { Standing::Absent };
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

async fn provenance(metadata: &ReleaseMetadata, registry: &NpmRegistry) -> Standing<Box<Provenance>> {
    let answer = match registry.attestations(metadata).await {
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use wiremock::matchers::path;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::package::Subject;
    use crate::registry::{Access, RegistryLimits, RegistryOptions};

    const ATTESTATIONS: &str = "/-/npm/v1/attestations/@playwright%2fcli@0.1.1";
    const PROVENANCE: &str = include_str!("../../../fixtures/provenance/@playwright+cli@0.1.1.json");

    /// A registry on loopback that states what npm states about the release of the fixture.
    async fn server(integrity: &str) -> MockServer {
        let server = MockServer::start().await;
        let dist = json!({
            "tarball": format!("{}/@playwright/cli/-/cli-0.1.1.tgz", server.uri()),
            "integrity": integrity,
            "attestations": {"url": "https://elsewhere.example/", "provenance": {"predicateType": "any"}},
            "signatures": [{"keyid": "SHA256:nobody", "sig": "AA=="}],
        });
        let packument = json!({
            "name": "@playwright/cli",
            "dist-tags": {"latest": "0.1.1"},
            "versions": {"0.1.1": {"name": "@playwright/cli", "version": "0.1.1", "dist": dist}},
        });
        let answer = ResponseTemplate::new(200).set_body_json(packument).insert_header("cache-control", "max-age=300");
        Mock::given(path("/@playwright%2fcli")).respond_with(answer).mount(&server).await;
        server
    }

    fn registry(directory: &std::path::Path, server: &MockServer) -> NpmRegistry {
        let variable = ("npm_config_registry".to_owned(), server.uri());
        NpmRegistry::new(RegistryOptions {
            cache_directory: directory.join("cache"),
            working_directory: directory.to_owned(),
            environment: std::iter::once(variable).collect(),
            access: Access::Online,
            limits: RegistryLimits::default(),
        })
        .unwrap()
    }

    /// The integrity of the artifact that the fixture is about.
    fn integrity() -> String {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD as BASE64;
        let answer: Value = serde_json::from_str(PROVENANCE).unwrap();
        let payload = answer["attestations"][0]["bundle"]["dsseEnvelope"]["payload"].as_str().unwrap();
        let payload: Value = serde_json::from_slice(&BASE64.decode(payload).unwrap()).unwrap();
        let hexadecimal = payload["subject"][0]["digest"]["sha512"].as_str().unwrap();
        let byte = |index: usize| u8::from_str_radix(&hexadecimal[index..index + 2], 16).unwrap();
        let bytes: Vec<u8> = (0..64).map(|index| byte(2 * index)).collect();
        format!("sha512-{}", BASE64.encode(bytes))
    }

    async fn asked(server: &MockServer) -> usize {
        let requests = server.received_requests().await.unwrap();
        requests.iter().filter(|request| request.url.path() == ATTESTATIONS).count()
    }

    #[tokio::test]
    async fn provenance_is_asked_for_once_and_proven() {
        let directory = tempfile::tempdir().unwrap();
        let server = server(&integrity()).await;
        let answer = ResponseTemplate::new(200).set_body_string(PROVENANCE);
        Mock::given(path(ATTESTATIONS)).respond_with(answer).mount(&server).await;
        let subject: Subject = "npm:@playwright/cli@0.1.1".parse().unwrap();
        for _ in 0..2 {
            // Each time as another process.
            let registry = registry(directory.path(), &server);
            let metadata = registry.release(&subject).await.unwrap();
            let standing = provenance(&metadata, &registry).await;
            let proven = standing.verified().unwrap_or_else(|| panic!("{standing:?}"));
            assert_eq!(proven.commit.to_string(), "d1c6d1113932ddcee243e8b111b6d4aea553df20");
            assert!(matches!(signature(&metadata), Standing::Unknown(_)));
        }
        assert_eq!(asked(&server).await, 1);
    }

    #[tokio::test]
    async fn provenance_of_other_content_does_not_hold_and_a_missing_one_is_not_held_against_it() {
        let directory = tempfile::tempdir().unwrap();
        let other = crate::package::Integrity::of(b"other").to_string();
        let server = server(&other).await;
        let registry = registry(directory.path(), &server);
        let subject: Subject = "npm:@playwright/cli@0.1.1".parse().unwrap();
        let metadata = registry.release(&subject).await.unwrap();
        assert!(matches!(provenance(&metadata, &registry).await, Standing::Unknown(_)));
        let answer = ResponseTemplate::new(200).set_body_string(PROVENANCE);
        Mock::given(path(ATTESTATIONS)).respond_with(answer).mount(&server).await;
        assert!(matches!(provenance(&metadata, &registry).await, Standing::Invalid(_)));
        let mut garbage = metadata.clone();
        garbage.manifest["dist"]["signatures"] = json!({"keyid": 1});
        assert_eq!(signature(&garbage), Standing::Absent);
    }
}
