//! What `tarproof attest` signs with: a key or, in programs that were built for it, certificates.

#[cfg(feature = "keyless")]
mod keyless;

use crate::attest::{Signer, SigningKey, sign};
use crate::cli::arguments::Attest;
use crate::cli::commands::key::signing_key;
use crate::cli::error::CliError;
use crate::verify::Context;

/// What signs.
pub(super) enum Signing {
    /// A key, at once.
    Key(SigningKey),
    /// Services on the network.
    #[cfg(feature = "keyless")]
    Keyless(Box<keyless::Keyless>),
}

impl Signing {
    /// What the command line names.
    pub(super) fn of(command: &Attest, context: &Context, offline: bool) -> Result<Self, CliError> {
        if !command.keyless.keyless {
            return Ok(Self::Key(signing_key(command.key.as_deref(), &command.passphrase)?));
        }
        #[cfg(feature = "keyless")]
        return Ok(Self::Keyless(Box::new(keyless::Keyless::of(&command.keyless, context, offline)?)));
        #[cfg(not(feature = "keyless"))]
        {
            let _ = (context, offline);
            let message = "this build of tarproof cannot sign by certificate: build it with `cargo build --release \
                           --features keyless`, or sign with a key";
            Err(CliError::usage(anyhow::anyhow!(message)))
        }
    }

    /// Whether it asks the network, for which this thread must be free.
    pub(super) fn waits(&self) -> bool {
        match self {
            Self::Key(_) => false,
            #[cfg(feature = "keyless")]
            Self::Keyless(_) => true,
        }
    }

    /// Signs the bytes of a statement: the bundle, as text, and who signed.
    pub(super) fn sign(&self, payload: Vec<u8>) -> Result<(String, Signer), CliError> {
        match self {
            Self::Key(key) => Ok((sign(payload, key), Signer::Key(key.public().id()))),
            #[cfg(feature = "keyless")]
            Self::Keyless(keyless) => keyless.sign(&payload),
        }
    }
}
