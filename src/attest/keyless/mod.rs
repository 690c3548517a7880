//! Signing by certificate: an identity token buys a certificate for a key that lives for one statement.
//!
//! The library speaks to the three services; here it is decided which they are, what they may be told, and what of
//! their answers is shown. Start reading at [`KeylessSigner`]. Nothing of this has met a real service.

mod services;
mod signer;
mod token;

pub use services::{LogVersion, ServiceAddress, ServiceAddressError, Services};
pub use signer::{KeylessError, KeylessSigner, KeylessStatement};
pub use token::{IdentityToken, MAX_TOKEN_BYTES, TokenError};
