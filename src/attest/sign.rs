//! Signs statements into Sigstore bundles.

use super::bundle;
use super::envelope::{Envelope, Signature, pre_authentication_encoding};
use super::key::SigningKey;
use super::types::PAYLOAD_TYPE;

/// Signs the bytes of a statement, as [`Statement::to_bytes`](super::Statement::to_bytes) gives them: a Sigstore bundle with
/// one signature and the key's name, as text.
pub fn sign(payload: Vec<u8>, key: &SigningKey) -> String {
    let bytes = key.sign(&pre_authentication_encoding(PAYLOAD_TYPE, &payload));
    let id = key.public().id();
    let signature = Signature { key_id: Some(id.to_string()), bytes };
    let envelope = Envelope { payload_type: PAYLOAD_TYPE.to_owned(), payload, signatures: vec![signature] };
    bundle::write(&envelope, id.as_str())
}
