use std::time::Duration;

use sigstore_crypto::{parse_certificate_info, verify_signature};
use sigstore_sign::{Error as LibraryError, SigningContext};
use sigstore_types::{Bundle, SignatureContent};

use super::{IdentityToken, Services, TokenError};
use crate::attest::Signer;
use crate::registry::{HttpError, NpmRegistry};

/// How long a service may take for one answer. The library reads an answer whole, however long it is, so this is what
/// bounds it.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// Longest part of a service's answer that is shown, characters.
const MAX_REASON: usize = 400;

/// Signs statements with certificates for one identity. Each statement gets a key and a certificate of its own.
#[derive(Debug)]
pub struct KeylessSigner {
    services: Services,
    token: IdentityToken,
    library: sigstore_sign::Signer,
}

/// A signed statement.
#[derive(Debug, Clone)]
pub struct KeylessStatement {
    /// The Sigstore bundle, as text.
    pub bundle: String,
    /// Whom the certificate names.
    pub signer: Signer,
}

/// Why nothing was signed. Tokens are left out of what services answer.
#[derive(Debug, thiserror::Error)]
pub enum KeylessError {
    /// The library's own list of services cannot be used.
    #[error("the addresses of Sigstore's public instance cannot be read")]
    Embedded,
    /// A log that says no time, and nobody else who does.
    #[error("a log of version 2 needs a timestamp authority")]
    NoTimestamps,
    /// The HTTP client cannot be set up.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A service refused, or cannot be reached.
    #[error("{service} at {address} failed: {reason}")]
    Service {
        /// Which.
        service: &'static str,
        /// Where.
        address: String,
        /// What the library says of it.
        reason: String,
    },
    /// The services answered with something that proves nothing.
    #[error("the services' answers do not fit the statement: {0}")]
    Unfit(String),
    /// Something else in the library.
    #[error("signing by certificate failed: {0}")]
    Library(String),
}

impl KeylessSigner {
    /// A signer that reaches its services as `registry` reaches registries: the same proxies and authorities.
    pub async fn new(services: Services, token: IdentityToken, registry: &NpmRegistry) -> Result<Self, KeylessError> {
        crate::provenance::install_cryptography();
        let client = registry.client_for_services(ANSWER_TIME).await?;
        let context = SigningContext::new(services.to_library()).with_http_client(client);
        if context.services().validate().is_err() {
            return Err(KeylessError::NoTimestamps);
        }
        let library = context.signer(token.0.clone());
        Ok(Self { services, token, library })
    }

    /// Refuses to go on with a token that had ended by then, in seconds since 1970.
    pub fn check(&self, now: i64) -> Result<(), TokenError> {
        self.token.check(now)
    }

    /// Signs the bytes of a statement: a certificate, an entry in the log and, where there is an authority for it, a
    /// timestamp.
    pub async fn sign_payload(&self, payload: &[u8]) -> Result<KeylessStatement, KeylessError> {
        let bundle = self.library.sign_raw_statement(payload).await.map_err(|error| self.failure(&error))?;
        let signer = signer(&bundle, payload).map_err(|reason| KeylessError::Unfit(self.shown(&reason)))?;
        let mut text =
            bundle.to_json_pretty().map_err(|error| KeylessError::Library(self.shown(&error.to_string())))?;
        text.push('\n');
        Ok(KeylessStatement { bundle: text, signer })
    }

    fn failure(&self, error: &LibraryError) -> KeylessError {
        let services = &self.services;
        let (service, address, reason) = match error {
            LibraryError::Fulcio(reason) => {
                ("the certificate authority", services.certificates.to_string(), reason.to_string())
            }
            LibraryError::Rekor(reason) => ("the log", services.log.to_string(), reason.to_string()),
            LibraryError::Tsa(reason) => {
                let address = services.timestamps.as_ref().map(ToString::to_string).unwrap_or_default();
                ("the timestamp authority", address, reason.to_string())
            }
            other => return KeylessError::Library(self.shown(&other.to_string())),
        };
        KeylessError::Service { service, address, reason: self.shown(&reason) }
    }

    /// What somebody else said, short and without the token.
    fn shown(&self, text: &str) -> String {
        self.token.removed_from(text).chars().take(MAX_REASON).collect()
    }
}

/// Whom the certificate names, if it is one for the key that signed these very bytes.
///
/// The rest is for the reader's root of trust to say; but what cannot hold against any is not written.
fn signer(bundle: &Bundle, payload: &[u8]) -> Result<Signer, String> {
    let certificate = bundle.signing_certificate().ok_or("there is no certificate")?;
    let certificate = parse_certificate_info(certificate).map_err(|error| error.to_string())?;
    let SignatureContent::DsseEnvelope(envelope) = &bundle.content else {
        return Err("there is no envelope".to_owned());
    };
    if envelope.payload.as_bytes() != payload {
        return Err("they are about other bytes".to_owned());
    }
    let scheme = certificate.key_algorithm.default_signing_scheme();
    verify_signature(&certificate.public_key, &envelope.pae(), &envelope.signature.sig, scheme)
        .map_err(|_| "the certificate is for another key")?;
    let identity = certificate.identity.ok_or("the certificate names nobody")?.as_str().to_owned();
    let issuer = certificate.issuer.ok_or("the certificate does not say who vouches for the identity")?;
    Ok(Signer::Certificate { identity, issuer })
}
