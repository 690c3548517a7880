use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::retry::of_registry;
use super::{Nature, Wanted};
use crate::package::{Integrity, Release, Sha1Digest, Subject};
use crate::registry::{NpmRegistry, RegistryError};

/// Asks the registry for the release that a subject means, and for its digest.
///
/// Where the registry does not answer now and the subject names a version, the job that verifies it will ask again.
pub async fn resolve(subject: &Subject, registry: &NpmRegistry) -> Result<Wanted, RegistryError> {
    match registry.release(subject).await {
        Ok(metadata) => Ok(Wanted {
            stated: stated(metadata.integrity.as_ref(), metadata.shasum.as_ref()),
            published_at: metadata.published_at,
            release: metadata.release,
        }),
        Err(error) => match (of_registry(&error), &subject.version) {
            (Nature::MayPass { .. }, Some(version)) => {
                let Subject { ecosystem, name, .. } = subject.clone();
                let release = Release { ecosystem, name, version: version.clone() };
                Ok(Wanted { release, stated: String::new(), published_at: None })
            }
            _ => Err(error),
        },
    }
}

/// The strongest digest that is stated, in one form; empty where none is.
pub(super) fn stated(integrity: Option<&Integrity>, shasum: Option<&Sha1Digest>) -> String {
    match (integrity, shasum) {
        (Some(integrity), _) => match integrity.sha512().and_then(|digest| <[u8; 64]>::try_from(digest).ok()) {
            Some(digest) => Integrity::from_sha512(digest).to_string(),
            None => integrity.to_string(),
        },
        (None, Some(shasum)) => format!("sha1-{}", BASE64.encode(shasum.0)),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_digest_is_taken_in_one_form() {
        let shasum = Sha1Digest::of(b"content");
        let weak = stated(None, Some(&shasum));
        assert!(weak.starts_with("sha1-") && Integrity::parse(&weak).unwrap().check(b"content").is_ok());
        let strong = Integrity::of(b"content").to_string();
        let both = Integrity::parse(&format!("{weak} {strong}")).unwrap();
        assert_eq!(stated(Some(&both), Some(&shasum)), strong);
        assert_eq!(stated(None, None), "");
    }
}
