//! Sigstore bundles, version 0.3: with the name of a public key, or with a certificate.
//!
//! A bundle with a certificate means nothing without its log entry and timestamp, so all of it is kept for
//! `certificate`. One with a key needs neither; where there are any, they must hold, and it is kept for `witness`.

use serde_json::{Value, json};
use sigstore_types::{Bundle, DsseEnvelope, SignatureContent};

use super::envelope::{Envelope, EnvelopeError, MAX_BYTES, Signature};
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
    /// Log entry, certificate or timestamp of another shape.
    #[error("the bundle cannot be read: {0}")]
    Material(String),
    /// Neither a certificate nor a hint which key it is.
    #[error("the bundle names no public key and holds no certificate")]
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

/// What a file holds.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    /// Payload and signatures.
    pub(super) envelope: Envelope,
    pub(super) material: Material,
}

/// What stands beside the envelope.
#[derive(Debug, Clone)]
pub(super) enum Material {
    /// The name of a key, if that.
    Key,
    /// The name of a key with log entries or timestamps: the whole bundle.
    Witnessed(Box<Bundle>),
    /// A certificate: the whole bundle.
    Certificate(Box<Bundle>),
}

/// Reads a bundle, or an envelope without one.
pub(super) fn read(bytes: &[u8]) -> Result<Signed, BundleError> {
    let mut document = json::read(bytes, MAX_BYTES)?;
    let Some(media_type) = document.get("mediaType") else {
        return Ok(Signed { envelope: Envelope::from_value(document)?, material: Material::Key });
    };
    if media_type != BUNDLE_TYPE {
        let text = media_type.as_str().map_or_else(|| media_type.to_string(), str::to_owned);
        return Err(BundleError::MediaType(text.chars().take(256).collect()));
    }
    let envelope = document.get_mut("dsseEnvelope").map(Value::take).ok_or(BundleError::NoEnvelope)?;
    let mut envelope = Envelope::from_value(envelope)?;
    let [signature] = envelope.signatures.as_mut_slice() else {
        return Err(BundleError::Signatures(envelope.signatures.len()));
    };
    let material = &document["verificationMaterial"];
    if ["certificate", "x509CertificateChain"].iter().any(|kind| material.get(kind).is_some()) {
        let material = Material::Certificate(whole(bytes, &envelope)?);
        return Ok(Signed { envelope, material });
    }
    let hint = material["publicKey"]["hint"].as_str().filter(|hint| !hint.is_empty());
    let hint = hint.ok_or(BundleError::NoKey)?;
    name(signature, hint)?;
    let material = if has_witnesses(material) { Material::Witnessed(whole(bytes, &envelope)?) } else { Material::Key };
    Ok(Signed { envelope, material })
}

/// Whether there is more than the key's name; writers put empty lists where there is not.
fn has_witnesses(material: &Value) -> bool {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        _ => false,
    };
    let timestamps = &material["timestampVerificationData"];
    let none = match timestamps {
        Value::Object(kinds) => kinds.values().all(is_empty),
        other => is_empty(other),
    };
    !(none && is_empty(&material["tlogEntries"]))
}

/// The bundle as the library reads it.
fn whole(bytes: &[u8], envelope: &Envelope) -> Result<Box<Bundle>, BundleError> {
    let text = str::from_utf8(bytes).map_err(|error| BundleError::Material(error.to_string()))?;
    let bundle = Bundle::from_json(text).map_err(|error| BundleError::Material(error.to_string()))?;
    // What is proven is what the library reads, and what is judged is what was read here.
    let same = |theirs: &DsseEnvelope| {
        theirs.payload_type == envelope.payload_type && theirs.payload.as_bytes() == envelope.payload
    };
    if !matches!(&bundle.content, SignatureContent::DsseEnvelope(theirs) if same(theirs)) {
        return Err(BundleError::Material("its envelope can be read in two ways".to_owned()));
    }
    Ok(Box::new(bundle))
}

/// Gives a signature the name that the bundle gives it; they must not contradict each other.
fn name(signature: &mut Signature, hint: &str) -> Result<(), BundleError> {
    match &signature.key_id {
        Some(key_id) if key_id != hint => Err(BundleError::Hint { hint: hint.to_owned(), key_id: key_id.clone() }),
        _ => {
            signature.key_id = Some(hint.to_owned());
            Ok(())
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
        read(&serde_json::to_vec(value).unwrap()).map(|signed| signed.envelope)
    }

    #[test]
    fn a_bundle_holds_its_envelope() {
        let envelope = read_value(&bundle()).unwrap();
        assert_eq!((envelope.payload.as_slice(), envelope.signatures.len()), (&b"{}"[..], 1));
        assert_eq!(read_value(&bundle()["dsseEnvelope"]).unwrap(), envelope);
        assert_eq!(read(write(&envelope, "SHA256:k").as_bytes()).unwrap().envelope, envelope);
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
            changed("/verificationMaterial", json!({"certificate": {"rawBytes": 1}})),
            BundleError::Material(_)
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
