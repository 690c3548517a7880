//! Sigstore bundles, version 0.3, with a public key instead of a certificate.
//!
//! Only what stands for a signature by a key is read. Log entries and timestamps are carried by some bundles; they are
//! neither needed here nor checked, and nothing relies on them.

use serde_json::{Value, json};

use super::envelope::{Envelope, EnvelopeError, MAX_BYTES};
use super::json::{self, JsonError};
use super::types::BUNDLE_TYPE;

/// Why a file is neither a bundle nor an envelope.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Not JSON that can be relied on.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The envelope inside is none.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// Another kind of bundle.
    #[error("the bundle's media type `{}` is not `{BUNDLE_TYPE}`", .0.escape_debug())]
    MediaType(String),
    /// A bundle without an envelope, for instance one over a bare file.
    #[error("the bundle holds no DSSE envelope")]
    NoEnvelope,
    /// Signed with a certificate, which no key given here can vouch for.
    #[error("the bundle is signed with a certificate, not with a key")]
    Certificate,
    /// No hint which key it is.
    #[error("the bundle names no public key")]
    NoKey,
    /// More signatures than a bundle may have.
    #[error("the bundle has {0} signatures, and the format allows exactly one")]
    Signatures(usize),
    /// The two places that name the key disagree.
    #[error("the bundle names the key `{}`, its envelope `{}`", hint.escape_debug(), key_id.escape_debug())]
    Hint {
        /// What the bundle says.
        hint: String,
        /// What the envelope says.
        key_id: String,
    },
}

/// Reads a bundle, or an envelope without one.
pub(super) fn read(bytes: &[u8]) -> Result<Envelope, BundleError> {
    let mut document = json::read(bytes, MAX_BYTES)?;
    let Some(media_type) = document.get("mediaType") else { return Ok(Envelope::from_value(document)?) };
    if media_type != BUNDLE_TYPE {
        let text = media_type.as_str().map_or_else(|| media_type.to_string(), str::to_owned);
        return Err(BundleError::MediaType(text.chars().take(256).collect()));
    }
    let material = &document["verificationMaterial"];
    if ["certificate", "x509CertificateChain"].iter().any(|kind| material.get(kind).is_some()) {
        return Err(BundleError::Certificate);
    }
    let hint = material["publicKey"]["hint"].as_str().filter(|hint| !hint.is_empty());
    let hint = hint.ok_or(BundleError::NoKey)?.to_owned();
    let envelope = document.get_mut("dsseEnvelope").map(Value::take).ok_or(BundleError::NoEnvelope)?;
    let envelope = Envelope::from_value(envelope)?;
    let [signature] = envelope.signatures.as_slice() else {
        return Err(BundleError::Signatures(envelope.signatures.len()));
    };
    match &signature.key_id {
        Some(key_id) if *key_id != hint => Err(BundleError::Hint { hint, key_id: key_id.clone() }),
        _ => {
            let mut envelope = envelope;
            envelope.signatures[0].key_id = Some(hint);
            Ok(envelope)
        }
    }
}

/// The bundle of an envelope with one signature, as text.
pub(super) fn write(envelope: &Envelope, hint: &str) -> String {
    let bundle = json!({
        "mediaType": BUNDLE_TYPE,
        "verificationMaterial": { "publicKey": { "hint": hint } },
        "dsseEnvelope": envelope.to_value(),
    });
    let mut text = serde_json::to_string_pretty(&bundle).expect("a JSON value can always be written");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle() -> Value {
        let envelope = json!({
            "payload": "e30=", "payloadType": "a", "signatures": [{"keyid": "SHA256:k", "sig": "AA=="}],
        });
        json!({
            "mediaType": BUNDLE_TYPE,
            "verificationMaterial": {"publicKey": {"hint": "SHA256:k"}},
            "dsseEnvelope": envelope,
        })
    }

    fn read_value(value: &Value) -> Result<Envelope, BundleError> {
        read(&serde_json::to_vec(value).unwrap())
    }

    #[test]
    fn a_bundle_holds_its_envelope() {
        let envelope = read_value(&bundle()).unwrap();
        assert_eq!((envelope.payload.as_slice(), envelope.signatures.len()), (&b"{}"[..], 1));
        assert_eq!(read_value(&bundle()["dsseEnvelope"]).unwrap(), envelope);
        assert_eq!(read(write(&envelope, "SHA256:k").as_bytes()).unwrap(), envelope);
    }

    #[test]
    fn other_bundles_are_told_apart() {
        let changed = |pointer: &str, value: Value| {
            let mut bundle = bundle();
            *bundle.pointer_mut(pointer).unwrap() = value;
            read_value(&bundle).unwrap_err()
        };
        assert!(matches!(changed("/mediaType", json!("other")), BundleError::MediaType(_)));
        assert!(matches!(
            changed("/verificationMaterial", json!({"certificate": {"rawBytes": ""}})),
            BundleError::Certificate
        ));
        assert!(matches!(changed("/verificationMaterial", json!({})), BundleError::NoKey));
        assert!(matches!(changed("/dsseEnvelope", json!({})), BundleError::Envelope(_)));
        assert!(matches!(changed("/verificationMaterial/publicKey/hint", json!("b")), BundleError::Hint { .. }));
        let two = json!([{"sig": "AA=="}, {"sig": "AA=="}]);
        assert!(matches!(changed("/dsseEnvelope/signatures", two), BundleError::Signatures(2)));
        let mut without = bundle();
        without.as_object_mut().unwrap().remove("dsseEnvelope");
        assert!(matches!(read_value(&without), Err(BundleError::NoEnvelope)));
    }
}
