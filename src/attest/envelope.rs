//! The DSSE envelope: a payload, and signatures over its type and bytes.
//!
//! <https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md>

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json::{self, JsonError};

/// Largest file that is read, bytes: a lockfile of thousands of packages fits.
pub const MAX_BYTES: usize = 32 << 20;
/// Most signatures of one envelope.
const MAX_SIGNATURES: usize = 64;

/// A payload with its signatures, none of them checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// What the payload is.
    pub payload_type: String,
    /// Its bytes.
    pub payload: Vec<u8>,
    /// Who claims to have signed it.
    pub signatures: Vec<Signature>,
}

/// One signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Whose it claims to be; not covered by any signature.
    pub key_id: Option<String>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Why a text is no envelope.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// Not JSON that can be relied on.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A payload or signature that is not base64.
    #[error("its {0} is not base64")]
    Base64(&'static str),
    /// No signature, or too many.
    #[error("it has {0} signatures, and between 1 and {MAX_SIGNATURES} are needed")]
    Signatures(usize),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    payload: String,
    payload_type: String,
    signatures: Vec<WrittenSignature>,
}

#[derive(Serialize, Deserialize)]
struct WrittenSignature {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keyid: Option<String>,
    sig: String,
}

impl Envelope {
    /// Reads an envelope.
    pub fn read(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        Self::from_value(json::read(bytes, MAX_BYTES)?)
    }

    /// Reads an envelope out of a document whose keys are known to be unique.
    pub(super) fn from_value(value: Value) -> Result<Self, EnvelopeError> {
        let written: Written = serde_json::from_value(value).map_err(JsonError::from)?;
        if written.signatures.is_empty() || written.signatures.len() > MAX_SIGNATURES {
            return Err(EnvelopeError::Signatures(written.signatures.len()));
        }
        let payload = decode(&written.payload).ok_or(EnvelopeError::Base64("payload"))?;
        let signature = |written: WrittenSignature| {
            let bytes = decode(&written.sig).ok_or(EnvelopeError::Base64("signature"))?;
            Ok(Signature { key_id: written.keyid.filter(|id| !id.is_empty()), bytes })
        };
        let signatures = written.signatures.into_iter().map(signature).collect::<Result<_, EnvelopeError>>()?;
        Ok(Self { payload_type: written.payload_type, payload, signatures })
    }

    /// The envelope as it is written.
    pub fn to_value(&self) -> Value {
        let written = Written {
            payload: BASE64.encode(&self.payload),
            payload_type: self.payload_type.clone(),
            signatures: self
                .signatures
                .iter()
                .map(|signature| WrittenSignature {
                    keyid: signature.key_id.clone(),
                    sig: BASE64.encode(&signature.bytes),
                })
                .collect(),
        };
        serde_json::to_value(written).expect("texts and lists are always JSON")
    }

    /// The bytes that are signed.
    pub fn signed_bytes(&self) -> Vec<u8> {
        pre_authentication_encoding(&self.payload_type, &self.payload)
    }
}

/// DSSE's encoding of what is signed: the type and the payload, each behind its length, so that neither can pass for
/// a part of the other.
pub fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut encoded = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    encoded.extend_from_slice(payload);
    encoded
}

/// Either alphabet, as the specification asks of readers.
fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_that_of_the_specification() {
        let encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn an_envelope_round_trips() {
        let signature = Signature { key_id: Some("SHA256:x".to_owned()), bytes: vec![1, 2, 250] };
        let envelope = Envelope { payload_type: "a".to_owned(), payload: vec![0, 255, 3], signatures: vec![signature] };
        let text = serde_json::to_vec(&envelope.to_value()).unwrap();
        assert_eq!(Envelope::read(&text).unwrap(), envelope);
    }

    #[test]
    fn what_is_no_envelope_is_refused() {
        let read = |text: &str| Envelope::read(text.as_bytes());
        assert!(matches!(
            read(r#"{"payload":"","payloadType":"a","signatures":[]}"#),
            Err(EnvelopeError::Signatures(0))
        ));
        assert!(matches!(
            read(r#"{"payload":"?","payloadType":"a","signatures":[{"sig":""}]}"#),
            Err(EnvelopeError::Base64("payload"))
        ));
        assert!(matches!(
            read(r#"{"payload":"","payload":"","payloadType":"a","signatures":[{"sig":""}]}"#),
            Err(EnvelopeError::Json(_))
        ));
        let many = vec![r#"{"sig":"AA=="}"#; MAX_SIGNATURES + 1].join(",");
        assert!(matches!(
            read(&format!(r#"{{"payload":"","payloadType":"a","signatures":[{many}]}}"#)),
            Err(EnvelopeError::Signatures(65))
        ));
    }
}
