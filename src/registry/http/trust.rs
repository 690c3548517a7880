use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::HttpError;

/// Which certificate authorities to trust.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrustSettings {
    /// npm's `cafile`: trusted alone, as npm does.
    pub(crate) only_file: Option<PathBuf>,
    /// `SSL_CERT_FILE`, in place of the system's.
    pub(crate) file: Option<PathBuf>,
    /// `SSL_CERT_DIR`, in place of the system's.
    pub(crate) directories: Vec<PathBuf>,
    /// `NODE_EXTRA_CA_CERTS`, trusted besides the others.
    pub(crate) extra_file: Option<PathBuf>,
}

impl TrustSettings {
    /// Applies these settings to a client; reads files.
    pub(super) fn apply(&self, builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder, HttpError> {
        if let Some(path) = &self.only_file {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(certificates(path)?);
            return only(builder, roots);
        }
        let extra = self.extra_file.as_deref().map(|path| match certificates(path) {
            Ok(extra) => extra,
            Err(_) => {
                tracing::warn!(path = %path.display(), "the extra certificate file cannot be read and is ignored");
                Vec::new()
            }
        });
        let extra = extra.unwrap_or_default();
        if self.file.is_some() || !self.directories.is_empty() {
            let mut roots = RootCertStore::empty();
            if let Some(path) = &self.file {
                roots.add_parsable_certificates(certificates(path)?);
            }
            for directory in &self.directories {
                add_directory(&mut roots, directory);
            }
            roots.add_parsable_certificates(extra);
            return only(builder, roots);
        }
        // The verifier for the platform's own store takes its cryptography from the process-wide default.
        // Whoever installed one before us has made a valid choice.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // One certificate that does not parse would otherwise refuse them all.
        let usable = extra.into_iter().filter(|certificate| RootCertStore::empty().add(certificate.clone()).is_ok());
        let usable: Vec<_> =
            usable.filter_map(|certificate| reqwest::Certificate::from_der(&certificate).ok()).collect();
        Ok(if usable.is_empty() { builder } else { builder.tls_certs_merge(usable) })
    }
}

fn only(builder: reqwest::ClientBuilder, roots: RootCertStore) -> Result<reqwest::ClientBuilder, HttpError> {
    if roots.is_empty() {
        return Err(HttpError::NoCertificates);
    }
    let mut configuration =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| HttpError::Setup(Box::new(error)))?
            .with_root_certificates(roots)
            .with_no_client_auth();
    configuration.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(builder.tls_backend_preconfigured(configuration))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, HttpError> {
    let bytes = std::fs::read(path).map_err(|source| HttpError::Certificates { path: path.to_owned(), source })?;
    // Bundles hold comments and the odd broken certificate; the others still count.
    Ok(CertificateDer::pem_slice_iter(&bytes).filter_map(Result::ok).collect())
}

/// Adds the certificates of an OpenSSL directory, whose entries are named by the hash of the subject.
fn add_directory(roots: &mut RootCertStore, directory: &Path) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let hashed = name.to_str().and_then(|name| name.split_once('.')).is_some_and(|(hash, number)| {
            hash.len() == 8
                && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
                && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        if hashed && let Ok(found) = certificates(&entry.path()) {
            roots.add_parsable_certificates(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configured_file_that_is_missing_or_empty_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("missing.pem");
        let settings = TrustSettings { only_file: Some(missing), ..TrustSettings::default() };
        assert!(matches!(settings.apply(reqwest::Client::builder()), Err(HttpError::Certificates { .. })));
        let empty = directory.path().join("empty.pem");
        std::fs::write(&empty, "# nothing\n").unwrap();
        let settings = TrustSettings { file: Some(empty), ..TrustSettings::default() };
        assert!(matches!(settings.apply(reqwest::Client::builder()), Err(HttpError::NoCertificates)));
    }

    #[test]
    fn a_missing_extra_file_is_only_warned_about() {
        let settings = TrustSettings { extra_file: Some(PathBuf::from("missing.pem")), ..TrustSettings::default() };
        assert!(settings.apply(reqwest::Client::builder()).is_ok());
    }
}
