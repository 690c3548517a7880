//! Signs statements into Sigstore bundles.

use super::bundle;
use super::envelope::{Envelope, Signature, pre_authentication_encoding};
use super::key::SigningKey;
use super::statement::{Predicate, Statement};
use super::types::PAYLOAD_TYPE;

/// Signs a statement: a Sigstore bundle with one signature and the key's name, as text.
pub fn sign<P: Predicate>(statement: &Statement<P>, key: &SigningKey) -> String {
    sign_payload(statement.to_bytes(), key)
}

/// Signs the bytes of a statement, as [`Statement::to_bytes`] gives them.
pub fn sign_payload(payload: Vec<u8>, key: &SigningKey) -> String {
    let bytes = key.sign(&pre_authentication_encoding(PAYLOAD_TYPE, &payload));
    let id = key.public().id();
    let signature = Signature { key_id: Some(id.to_string()), bytes };
    let envelope = Envelope { payload_type: PAYLOAD_TYPE.to_owned(), payload, signatures: vec![signature] };
    bundle::write(&envelope, id.as_str())
}
