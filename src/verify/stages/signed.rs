//! Stage 2b: what registry and publisher have signed.

use crate::provenance::{
    KeyOrigin, Provenance, PublisherEvidence, RegistryKeys, SignatureError, SignedBy, Standing, StatedSignature, Trust,
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
    let (registry, trust) = (&context.registry, &context.trust);
    let provenance =
        if metadata.has_provenance { provenance(metadata, registry, trust).await } else { Standing::Absent };
    PublisherEvidence { signature: signature(metadata, registry, trust).await, provenance }
}

/// Holds the registry's signature against the pinned keys. Only where it names none of them, the registry's own word
/// on its keys is asked for; a key of a pinned name is never taken from it.
async fn signature(metadata: &ReleaseMetadata, registry: &NpmRegistry, trust: &Trust) -> Standing<SignedBy> {
    let stated: Vec<StatedSignature> =
        metadata.signatures().into_iter().map(|(key_id, signature)| StatedSignature { key_id, signature }).collect();
    let Some(integrity) = metadata.integrity.as_ref().filter(|_| !stated.is_empty()) else { return Standing::Absent };
    let check = |keys: &RegistryKeys, origin| {
        let checked = keys.verify(&metadata.release, integrity, metadata.published_at, &stated);
        checked.map(|key| SignedBy { key, origin })
    };
    let unknown = match check(trust.keys(), KeyOrigin::Pinned) {
        Err(error @ SignatureError::UnknownKey(_)) => Standing::Unknown(error.to_string()),
        other => return standing(other),
    };
    match registry.keys(metadata).await {
        Ok(Some(served)) => match RegistryKeys::read(&served) {
            Ok(served) => standing(check(&served, KeyOrigin::Registry)),
            Err(_) => unknown,
        },
        Ok(None) => unknown,
        Err(error) => Standing::Unknown(format!("the registry's keys cannot be had: {}", with_source(&error))),
    }
}

fn standing(checked: Result<SignedBy, SignatureError>) -> Standing<SignedBy> {
    match checked {
        Ok(signed) => Standing::Verified(signed),
        Err(error @ SignatureError::UnknownKey(_)) => Standing::Unknown(error.to_string()),
        // A mirror may state times of its own, so a key that had ended by then says nothing against the release.
        Err(error @ SignatureError::NotInUse(_)) => Standing::Unknown(error.to_string()),
        Err(error @ SignatureError::Wrong(_)) => Standing::Invalid(error.to_string()),
    }
}

async fn provenance(metadata: &ReleaseMetadata, registry: &NpmRegistry, trust: &Trust) -> Standing<Box<Provenance>> {
    let answer = match registry.attestations(metadata).await {
        Ok(Some(answer)) => answer,
        Ok(None) => return Standing::Unknown("the registry states a provenance and serves none".to_owned()),
        Err(error) => return Standing::Unknown(with_source(&error)),
    };
    let Some(integrity) = metadata.integrity.clone() else {
        return Standing::Unknown("the registry states no integrity that it could be about".to_owned());
    };
    let (release, trust) = (metadata.release.clone(), trust.clone());
    let checked = blocking(move || {
        let root = match trust.root() {
            Ok(root) => root,
            Err(error) => return Ok(Standing::Unknown(error.to_string())),
        };
        Ok::<_, VerifyError>(match verify_attestations(&answer, &release, &integrity, root, trust.keys()) {
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
    use crate::provenance::TrustedRoot;
    use crate::registry::{Access, RegistryLimits, RegistryOptions};

    const ATTESTATIONS: &str = "/-/npm/v1/attestations/sigstore@2.3.1";
    const PROVENANCE: &str = include_str!("../../../fixtures/provenance/sigstore@2.3.1.json");

    /// A registry on loopback that states what npm states about the release of the fixture.
    async fn server(integrity: &str) -> MockServer {
        let server = MockServer::start().await;
        let dist = json!({
            "tarball": format!("{}/sigstore/-/sigstore-2.3.1.tgz", server.uri()),
            "integrity": integrity,
            "attestations": {"url": "https://elsewhere.example/", "provenance": {"predicateType": "any"}},
            "signatures": [{"keyid": "SHA256:nobody", "sig": "AA=="}],
        });
        let packument = json!({
            "name": "sigstore",
            "dist-tags": {"latest": "2.3.1"},
            "versions": {"2.3.1": {"name": "sigstore", "version": "2.3.1", "dist": dist}},
        });
        let answer = ResponseTemplate::new(200).set_body_json(packument).insert_header("cache-control", "max-age=300");
        Mock::given(path("/sigstore")).respond_with(answer).mount(&server).await;
        server
    }

    fn registry(directory: &std::path::Path, server: &MockServer) -> NpmRegistry {
        registry_with(directory, server, Access::Online)
    }

    fn registry_with(directory: &std::path::Path, server: &MockServer, access: Access) -> NpmRegistry {
        let variable = ("npm_config_registry".to_owned(), server.uri());
        NpmRegistry::new(RegistryOptions {
            cache_directory: directory.join("cache"),
            working_directory: directory.to_owned(),
            environment: std::iter::once(variable).collect(),
            access,
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
        let subject: Subject = "npm:sigstore@2.3.1".parse().unwrap();
        for _ in 0..2 {
            // Each time as another process.
            let registry = registry(directory.path(), &server);
            let metadata = registry.release(&subject).await.unwrap();
            let standing = provenance(&metadata, &registry, &Trust::default()).await;
            let proven = standing.verified().unwrap_or_else(|| panic!("{standing:?}"));
            assert_eq!(proven.commit.to_string(), "46e7056ff9912ebfee5298d94024895a9fea76c0");
            assert!(matches!(signature(&metadata, &registry, &Trust::default()).await, Standing::Unknown(_)));
            // A root that the user names replaces the embedded one, which it adds nothing to.
            let staging = TrustedRoot::read(sigstore_trust_root::SIGSTORE_STAGING_TRUSTED_ROOT).unwrap();
            let other = Trust { root: Some(std::sync::Arc::new(staging)), keys: None };
            assert!(matches!(provenance(&metadata, &registry, &other).await, Standing::Invalid(_)));
        }
        assert_eq!(asked(&server).await, 1);
    }

    #[tokio::test]
    async fn provenance_of_other_content_does_not_hold_and_a_missing_one_is_not_held_against_it() {
        let directory = tempfile::tempdir().unwrap();
        let other = crate::package::Integrity::of(b"other").to_string();
        let server = server(&other).await;
        let registry = registry(directory.path(), &server);
        let subject: Subject = "npm:sigstore@2.3.1".parse().unwrap();
        let metadata = registry.release(&subject).await.unwrap();
        assert!(matches!(provenance(&metadata, &registry, &Trust::default()).await, Standing::Unknown(_)));
        let answer = ResponseTemplate::new(200).set_body_string(PROVENANCE);
        Mock::given(path(ATTESTATIONS)).respond_with(answer).mount(&server).await;
        assert!(matches!(provenance(&metadata, &registry, &Trust::default()).await, Standing::Invalid(_)));
        let mut garbage = metadata.clone();
        garbage.manifest["dist"]["signatures"] = json!({"keyid": 1});
        assert_eq!(signature(&garbage, &registry, &Trust::default()).await, Standing::Absent);
    }

    /// A release of a registry that signs with a key of its own, and says so where it is asked for its keys.
    struct Signing {
        directory: tempfile::TempDir,
        server: MockServer,
        key: p256::ecdsa::SigningKey,
    }

    impl Signing {
        /// Serves a release signed under the name `key_id` by the key of `number`.
        async fn new(key_id: &str, number: u8) -> Self {
            let server = MockServer::start().await;
            let key = p256::ecdsa::SigningKey::from_slice(&[number; 32]).unwrap();
            let integrity = crate::package::Integrity::of(b"content").to_string();
            let signature: p256::ecdsa::Signature =
                p256::ecdsa::signature::Signer::sign(&key, format!("lamp@1.0.0:{integrity}").as_bytes());
            let dist = json!({
                "tarball": format!("{}/lamp/-/lamp-1.0.0.tgz", server.uri()),
                "integrity": integrity,
                "signatures": [{"keyid": key_id, "sig": base64(signature.to_der().as_bytes())}],
            });
            let version = json!({"name": "lamp", "version": "1.0.0", "dist": dist});
            let packument = json!({"name": "lamp", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}});
            let answer =
                ResponseTemplate::new(200).set_body_json(packument).insert_header("cache-control", "max-age=300");
            Mock::given(path("/lamp")).respond_with(answer).mount(&server).await;
            Self { directory: tempfile::tempdir().unwrap(), server, key }
        }

        /// The registry's answer about its keys: the one it signs with, under this name.
        fn keys(&self, key_id: &str) -> Value {
            let der = pkcs8::EncodePublicKey::to_public_key_der(self.key.verifying_key()).unwrap();
            json!({"keys": [{
                "expires": null, "keyid": key_id, "keytype": "ecdsa-sha2-nistp256", "scheme": "ecdsa-sha2-nistp256",
                "key": base64(der.as_bytes()),
            }]})
        }

        async fn serve(&self, answer: ResponseTemplate) {
            Mock::given(path(KEYS)).respond_with(answer).mount(&self.server).await;
        }

        /// What is made of the signature, by a process of its own.
        async fn standing(&self, access: Access, trust: &Trust) -> Standing<SignedBy> {
            let registry = registry_with(self.directory.path(), &self.server, access);
            let metadata = registry.release(&"npm:lamp@1.0.0".parse().unwrap()).await.unwrap();
            signature(&metadata, &registry, trust).await
        }

        async fn asked(&self) -> Vec<wiremock::Request> {
            let requests = self.server.received_requests().await.unwrap();
            requests.into_iter().filter(|request| request.url.path() == KEYS).collect()
        }
    }

    const KEYS: &str = "/-/npm/v1/keys";

    fn base64(bytes: &[u8]) -> String {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(bytes)
    }

    fn by(key: &str, origin: KeyOrigin) -> Standing<SignedBy> {
        Standing::Verified(SignedBy { key: key.to_owned(), origin })
    }

    #[tokio::test]
    async fn a_registry_vouches_for_its_own_keys_and_is_asked_with_conditions() {
        let signing = Signing::new("own", 7).await;
        let answer = ResponseTemplate::new(200).set_body_json(signing.keys("own")).insert_header("etag", "\"a\"");
        Mock::given(path(KEYS))
            .and(wiremock::matchers::header("if-none-match", "\"a\""))
            .respond_with(ResponseTemplate::new(304).insert_header("etag", "\"a\""))
            .with_priority(1)
            .mount(&signing.server)
            .await;
        signing.serve(answer.insert_header("cache-control", "no-cache")).await;
        let trust = Trust::default();
        for _ in 0..2 {
            assert_eq!(signing.standing(Access::Online, &trust).await, by("own", KeyOrigin::Registry));
        }
        let asked = signing.asked().await;
        assert_eq!(
            asked.iter().map(|one| one.headers.contains_key("if-none-match")).collect::<Vec<_>>(),
            [false, true]
        );
        // From the cache, without a question.
        assert_eq!(signing.standing(Access::Offline, &trust).await, by("own", KeyOrigin::Registry));
        assert_eq!(signing.asked().await.len(), 2);
        // What the user pins is asked nobody about, and counts as such.
        let keys = RegistryKeys::read(&serde_json::to_vec(&signing.keys("own")).unwrap()).unwrap();
        let pinned = Trust { keys: Some(std::sync::Arc::new(keys)), root: None };
        assert_eq!(signing.standing(Access::Online, &pinned).await, by("own", KeyOrigin::Pinned));
        assert_eq!(signing.asked().await.len(), 2);
    }

    #[tokio::test]
    async fn no_registry_makes_its_key_one_that_is_pinned() {
        // The name of a key that npm's registry signs with, and the answer says that it is ours.
        let pinned = "SHA256:DhQ8wR5APBvFHLF/+Tc+AYvPOdTpcIDqOhxsBHRwC7U";
        let signing = Signing::new(pinned, 7).await;
        signing.serve(ResponseTemplate::new(200).set_body_json(signing.keys(pinned))).await;
        let standing = signing.standing(Access::Online, &Trust::default()).await;
        assert!(matches!(&standing, Standing::Invalid(reason) if reason.contains("does not fit")), "{standing:?}");
        assert!(signing.asked().await.is_empty());
    }

    #[tokio::test]
    async fn keys_that_cannot_be_had_or_are_none_leave_the_signature_unchecked() {
        let answers = [
            ResponseTemplate::new(404),
            ResponseTemplate::new(403),
            ResponseTemplate::new(200).set_body_string("{}"),
            ResponseTemplate::new(200).set_body_string("[".repeat(100_000)),
            ResponseTemplate::new(200).set_body_string(" ".repeat(2 << 20)),
            ResponseTemplate::new(200).set_body_json(json!({"keys": [{"keyid": "own", "key": "!", "expires": null}]})),
            // A time that is none makes no key that holds for ever.
            ResponseTemplate::new(200)
                .set_body_json(json!({"keys": [{"keyid": "own", "key": "AAAA", "expires": "soon"}]})),
            ResponseTemplate::new(304),
        ];
        for answer in answers {
            let signing = Signing::new("own", 7).await;
            signing.serve(answer).await;
            let standing = signing.standing(Access::Online, &Trust::default()).await;
            assert!(matches!(standing, Standing::Unknown(_)), "{standing:?}");
            let standing = signing.standing(Access::Offline, &Trust::default()).await;
            assert!(matches!(standing, Standing::Unknown(_)), "{standing:?}");
        }
        // A key of the right name that did not sign.
        let (signing, other) = (Signing::new("own", 7).await, Signing::new("own", 8).await);
        signing.serve(ResponseTemplate::new(200).set_body_json(other.keys("own"))).await;
        let standing = signing.standing(Access::Online, &Trust::default()).await;
        assert!(matches!(standing, Standing::Invalid(_)), "{standing:?}");
    }
}
