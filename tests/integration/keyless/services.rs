//! The three services on loopback, and the root of trust that believes them.

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD};
use p256::ecdsa::signature::Verifier as _;
use pkcs8::DecodePublicKey as _;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::authority::{self, Applicant, Key};
use super::{log, timestamps};

pub(super) const EMAIL: &str = "builder@studio.example";
pub(super) const ISSUER: &str = "https://id.example";
const AUTHORITY: &str = "authority.example";
const TIMES: &str = "times.example";

/// How the services behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Honest,
    /// The authority refuses, and repeats the token in its answer.
    Refusing,
    /// The authority's certificate is for a key of its own.
    OtherKey,
    /// The certificate has no timestamp of a log of certificates.
    WithoutCertificateTimestamp,
    /// The certificate had ended before anything was signed with it.
    Ended,
    /// The authority's answer is no JSON.
    Babbling,
    /// The authority sends the token somewhere else.
    Redirecting,
    /// The log is out of order.
    LogBroken,
    /// The log took another entry.
    LogOther,
    /// The timestamp authority is out of order.
    TimesBroken,
}

struct Shared {
    authority: Key,
    certificates: Key,
    log: Key,
    times_root: Key,
    times: Key,
    mood: Mutex<Mood>,
    token: String,
}

/// The services; they end when this is dropped.
pub(super) struct Services {
    shared: Arc<Shared>,
    server: MockServer,
    runtime: Runtime,
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed()
}

/// A token that the authority believes, until `end`.
pub(super) fn token(end: i64) -> String {
    let claims = json!({"iss": ISSUER, "sub": "builder", "aud": "sigstore", "exp": end, "email": EMAIL});
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(&json!({"alg": "RS256"})), part(&claims), URL_SAFE_NO_PAD.encode("signed by nobody"))
}

impl Services {
    /// Services with keys of their own for each `seed`.
    pub(super) fn start(seed: u8, mood: Mood) -> Self {
        let shared = Arc::new(Shared {
            authority: Key::new(seed),
            certificates: Key::new(seed + 1),
            log: Key::new(seed + 2),
            times_root: Key::new(seed + 3),
            times: Key::new(seed + 4),
            mood: Mutex::new(mood),
            token: token(4_102_444_800),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(MockServer::start());
        type Answer = fn(&Shared, &Request) -> ResponseTemplate;
        let services: [(&str, Answer); 4] = [
            ("/api/v2/signingCert", Shared::certificate),
            ("/api/v1/log/entries", Shared::first_log),
            ("/api/v2/log/entries", Shared::second_log),
            ("/times", Shared::timestamp),
        ];
        for (place, answer) in services {
            let shared = Arc::clone(&shared);
            let mock = Mock::given(method("POST")).and(path(place));
            runtime.block_on(mock.respond_with(move |request: &Request| answer(&shared, request)).mount(&server));
        }
        Self { shared, server, runtime }
    }

    pub(super) fn set(&self, mood: Mood) {
        *self.shared.mood.lock().unwrap() = mood;
    }

    pub(super) fn token(&self) -> &str {
        &self.shared.token
    }

    pub(super) fn address(&self) -> String {
        self.server.uri()
    }

    /// The paths that were asked for since the last time.
    pub(super) fn asked(&self) -> Vec<String> {
        let requests = self.runtime.block_on(self.server.received_requests()).unwrap();
        self.runtime.block_on(async { requests.iter().map(|request| request.url.path().to_owned()).collect() })
    }

    /// The root of trust that believes these services and nobody else.
    pub(super) fn root(&self) -> Value {
        let shared = &self.shared;
        let valid = json!({"start": "2024-01-01T00:00:00Z"});
        let chain = |certificates: &[Vec<u8>]| {
            let raw = |der: &Vec<u8>| json!({"rawBytes": BASE64.encode(der)});
            json!({"certificates": certificates.iter().map(raw).collect::<Vec<_>>()})
        };
        let authority = |name: &str, certificates: &[Vec<u8>]| {
            json!({
                "subject": {"organization": name, "commonName": name}, "uri": format!("https://{name}"),
                "certChain": chain(certificates), "validFor": valid,
            })
        };
        let times = authority::for_timestamps(TIMES, "clock.example", &shared.times.public, &shared.times_root);
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [shared.log.as_log()],
            "certificateAuthorities": [authority(AUTHORITY, &[authority::root(AUTHORITY, &shared.authority)])],
            "ctlogs": [shared.certificates.as_log()],
            "timestampAuthorities": [authority(TIMES, &[times, authority::root(TIMES, &shared.times_root)])],
        })
    }
}

impl Shared {
    fn mood(&self) -> Mood {
        *self.mood.lock().unwrap()
    }

    /// Checks the token and that the applicant has the key, as Fulcio does.
    fn certificate(&self, request: &Request) -> ResponseTemplate {
        let body: Value = request.body_json().unwrap();
        let token = body["credentials"]["oidcIdentityToken"].as_str().unwrap();
        assert_eq!(token, self.token);
        let asked = &body["publicKeyRequest"];
        let key = asked["publicKey"]["content"].as_str().unwrap();
        let key = p256::ecdsa::VerifyingKey::from_public_key_pem(key).unwrap();
        let proof = BASE64.decode(asked["proofOfPossession"].as_str().unwrap()).unwrap();
        key.verify(EMAIL.as_bytes(), &p256::ecdsa::Signature::from_der(&proof).unwrap()).unwrap();
        let public = pkcs8::EncodePublicKey::to_public_key_der(&key).unwrap().as_bytes().to_vec();
        let mut applicant = Applicant { email: EMAIL, issuer: ISSUER, public: &public, begin: now() - 60 };
        let mut log = Some(&self.certificates);
        let mood = self.mood();
        match mood {
            Mood::Refusing => {
                return ResponseTemplate::new(403).set_body_string(format!("\u{1b}[31mwho is {token}?"));
            }
            Mood::Babbling => return ResponseTemplate::new(200).set_body_string("<html>"),
            Mood::Redirecting => {
                return ResponseTemplate::new(307).insert_header("location", "/elsewhere");
            }
            Mood::OtherKey => applicant.public = &self.log.public,
            Mood::WithoutCertificateTimestamp => log = None,
            Mood::Ended => applicant.begin = now() - 3600,
            Mood::Honest | Mood::LogBroken | Mood::LogOther | Mood::TimesBroken => {}
        }
        let leaf = authority::for_signing(AUTHORITY, &self.authority, log, &applicant);
        let root = authority::root(AUTHORITY, &self.authority);
        let chain = json!({"certificates": [authority::pem(&leaf), authority::pem(&root)]});
        ResponseTemplate::new(201).set_body_json(json!({"signedCertificateEmbeddedSct": {"chain": chain}}))
    }

    fn first_log(&self, request: &Request) -> ResponseTemplate {
        if self.mood() == Mood::LogBroken {
            return ResponseTemplate::new(500).set_body_string("out of order");
        }
        let body = request.body_json().unwrap();
        ResponseTemplate::new(201).set_body_json(log::first_version(&body, &self.log, now()))
    }

    fn second_log(&self, request: &Request) -> ResponseTemplate {
        let mut body: Value = request.body_json().unwrap();
        match self.mood() {
            Mood::LogBroken => return ResponseTemplate::new(500).set_body_string("out of order"),
            Mood::LogOther => body["hashedRekordRequestV002"]["digest"] = BASE64.encode([0; 32]).into(),
            _ => {}
        }
        ResponseTemplate::new(201).set_body_json(log::second_version(&body, &self.log))
    }

    fn timestamp(&self, request: &Request) -> ResponseTemplate {
        if self.mood() == Mood::TimesBroken {
            return ResponseTemplate::new(503);
        }
        ResponseTemplate::new(201).set_body_bytes(timestamps::answer(&request.body, &self.times, TIMES, now()))
    }
}
