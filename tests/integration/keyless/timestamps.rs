//! A timestamp authority (RFC 3161, with CMS around it).

use sha2::{Digest as _, Sha256};

use super::authority::{Key, name};
use super::der::{first, generalized_time, identifier, integer, octets, sequence, set, tagged};

const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
const TIMESTAMP: &str = "1.2.840.113549.1.9.16.1.4";
const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
const SHA256: &str = "2.16.840.1.101.3.4.2.1";
const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";

/// Answers a request; `issuer` issued the authority's certificate, which has the serial number 2.
pub(super) fn answer(request: &[u8], key: &Key, issuer: &str, seconds: i64) -> Vec<u8> {
    let (_, request, _) = first(request);
    let (_, _, request) = first(request);
    let (imprint, _, request) = first(request);
    let (nonce, _, _) = first(request);
    let statement =
        sequence(&[&integer(1), &identifier("1.2.3.4"), imprint, &integer(9), &generalized_time(seconds), nonce]);
    let digest = sequence(&[&identifier(SHA256)]);
    let kind = sequence(&[&identifier(CONTENT_TYPE), &set(&[&identifier(TIMESTAMP)])]);
    let message = sequence(&[&identifier(MESSAGE_DIGEST), &set(&[&octets(Sha256::digest(&statement))])]);
    // The shorter one first, as the order of sets asks.
    let attributes = [kind, message].concat();
    let signature = key.sign(&set(&[&attributes]));
    let signer = sequence(&[
        &integer(1),
        &sequence(&[&name(issuer), &integer(2)]),
        &digest,
        &tagged(0, &attributes),
        &sequence(&[&identifier(ECDSA_SHA256)]),
        &octets(signature),
    ]);
    let content = sequence(&[&identifier(TIMESTAMP), &tagged(0, octets(&statement))]);
    let data = sequence(&[&integer(3), &set(&[&digest]), &content, &set(&[&signer])]);
    let token = sequence(&[&identifier(SIGNED_DATA), &tagged(0, data)]);
    sequence(&[&sequence(&[&integer(0)]), &token])
}
