//! A certificate authority as Fulcio is one: certificates of ten minutes for code signing, each with the timestamp of a
//! log of certificates inside.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use pkcs8::EncodePublicKey as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::der::{bits, element, identifier, integer, octets, sequence, set, tagged, text, utc_time};

/// When every authority and log of the tests began.
pub(super) const BEGIN: i64 = 1_704_067_200;
const END: i64 = 2_051_222_400;
const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";
const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";
const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";

/// A key and how it is named in certificates and roots of trust.
pub(super) struct Key {
    secret: SigningKey,
    /// SubjectPublicKeyInfo.
    pub(super) public: Vec<u8>,
}

impl Key {
    /// The same key each time.
    pub(super) fn new(seed: u8) -> Self {
        let secret = SigningKey::from_slice(&[seed; 32]).unwrap();
        let public = secret.verifying_key().to_public_key_der().unwrap().as_bytes().to_vec();
        Self { secret, public }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = self.secret.sign(message);
        signature.to_der().as_bytes().to_vec()
    }

    /// The name of a log with this key.
    pub(super) fn log_id(&self) -> [u8; 32] {
        Sha256::digest(&self.public).into()
    }

    /// A log with this key in a root of trust.
    pub(super) fn as_log(&self) -> Value {
        json!({
            "baseUrl": "https://log.example", "hashAlgorithm": "SHA2_256",
            "publicKey": {
                "rawBytes": BASE64.encode(&self.public), "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "validFor": {"start": "2024-01-01T00:00:00Z"},
            },
            "logId": {"keyId": BASE64.encode(self.log_id())},
        })
    }
}

pub(super) fn name(common: &str) -> Vec<u8> {
    let attribute = sequence(&[&identifier("2.5.4.3"), &text(common)]);
    sequence(&[&set(&[&attribute])])
}

fn extension(id: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { element(0x01, [0xff]) } else { Vec::new() };
    sequence(&[&identifier(id), &critical, &octets(value)])
}

/// What a certificate says.
struct Body<'a> {
    serial: u8,
    issuer: &'a str,
    subject: &'a str,
    public: &'a [u8],
    begin: i64,
    end: i64,
    extensions: Vec<Vec<u8>>,
}

impl Body<'_> {
    fn to_der(&self) -> Vec<u8> {
        let validity = sequence(&[&utc_time(self.begin), &utc_time(self.end)]);
        sequence(&[
            &tagged(0, integer(2)),
            &integer(self.serial),
            &sequence(&[&identifier(ECDSA_SHA256)]),
            &name(self.issuer),
            &validity,
            &name(self.subject),
            self.public,
            &tagged(3, sequence(&[&self.extensions.concat()])),
        ])
    }

    fn signed_by(&self, key: &Key) -> Vec<u8> {
        let body = self.to_der();
        let signature = key.sign(&body);
        sequence(&[&body, &sequence(&[&identifier(ECDSA_SHA256)]), &bits(&signature)])
    }
}

/// A certificate that vouches for itself.
pub(super) fn root(common: &str, key: &Key) -> Vec<u8> {
    let extensions = vec![
        extension("2.5.29.19", true, &sequence(&[&element(0x01, [0xff])])),
        extension("2.5.29.15", true, &element(0x03, [1, 0b0000_0110])),
    ];
    let (begin, end) = (BEGIN, END);
    Body { serial: 1, issuer: common, subject: common, public: &key.public, begin, end, extensions }.signed_by(key)
}

/// The certificate of a timestamp authority.
pub(super) fn for_timestamps(issuer: &str, common: &str, public: &[u8], key: &Key) -> Vec<u8> {
    let purpose = sequence(&[&identifier(TIME_STAMPING)]);
    let extensions =
        vec![extension("2.5.29.15", true, &element(0x03, [7, 0b1000_0000])), extension("2.5.29.37", true, &purpose)];
    Body { serial: 2, issuer, subject: common, public, begin: BEGIN, end: END, extensions }.signed_by(key)
}

/// Whom a certificate is for, and when.
pub(super) struct Applicant<'a> {
    pub(super) email: &'a str,
    /// Who vouched for the address.
    pub(super) issuer: &'a str,
    pub(super) public: &'a [u8],
    /// Seconds since 1970; ten minutes.
    pub(super) begin: i64,
}

/// A certificate for signing code; `log` is the log of certificates that adds its timestamp, if one does.
pub(super) fn for_signing(authority: &str, key: &Key, log: Option<&Key>, applicant: &Applicant<'_>) -> Vec<u8> {
    let purpose = sequence(&[&identifier(CODE_SIGNING)]);
    let extensions = vec![
        extension("2.5.29.15", true, &element(0x03, [7, 0b1000_0000])),
        extension("2.5.29.37", false, &purpose),
        extension("2.5.29.17", true, &sequence(&[&element(0x81, applicant.email)])),
        extension("1.3.6.1.4.1.57264.1.8", false, &text(applicant.issuer)),
    ];
    let (begin, end) = (applicant.begin, applicant.begin + 600);
    let mut body = Body { serial: 3, issuer: authority, subject: "", public: applicant.public, begin, end, extensions };
    if let Some(log) = log {
        let timestamp = certificate_timestamp(&body.to_der(), &Sha256::digest(&key.public), log, begin);
        body.extensions.push(extension("1.3.6.1.4.1.11129.2.4.2", false, &octets(timestamp)));
    }
    body.signed_by(key)
}

/// A log's promise to have taken a certificate (RFC 6962), over the body without it, as the only one of a list.
fn certificate_timestamp(body: &[u8], issuer: &[u8], log: &Key, seconds: i64) -> Vec<u8> {
    let milliseconds = (seconds as u64 * 1000).to_be_bytes();
    let length = (body.len() as u32).to_be_bytes();
    let entry = [&[0, 1], issuer, &length[1..], body].concat();
    let signature = log.sign(&[&[0, 0], &milliseconds[..], &entry, &[0, 0]].concat());
    let size = |length: usize| (length as u16).to_be_bytes();
    let promise =
        [&[0], &log.log_id()[..], &milliseconds, &[0, 0], &[4, 3], &size(signature.len()), &signature].concat();
    [&size(promise.len() + 2)[..], &size(promise.len()), &promise].concat()
}

pub(super) fn pem(der: &[u8]) -> String {
    let text = BASE64.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
