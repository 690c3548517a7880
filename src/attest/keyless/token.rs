use std::fmt;

/// Longest text that is read as a token, bytes.
pub const MAX_TOKEN_BYTES: usize = 64 * 1024;

/// A token of an OpenID provider that says who somebody is. It is a secret as long as it holds, and never shown.
///
/// Nobody here checks its signature: the certificate authority does.
#[derive(Clone)]
pub struct IdentityToken(pub(super) sigstore_sign::oidc::IdentityToken);

impl fmt::Debug for IdentityToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("IdentityToken").finish_non_exhaustive()
    }
}

/// Why a text is no token to sign with. Nothing of the text is repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// More text than any token has.
    #[error("it is larger than {MAX_TOKEN_BYTES} bytes, so it is no token")]
    TooLarge,
    /// Nothing.
    #[error("it is empty")]
    Empty,
    /// Not a token.
    #[error("it is not an identity token: a JSON Web Token with `iss`, `sub` and `exp`")]
    Malformed,
    /// No longer good.
    #[error("the token ended at {0}")]
    Ended(String),
}

impl IdentityToken {
    /// Reads a token as an OpenID provider gives it; white space around it is left out.
    pub fn read(text: &str) -> Result<Self, TokenError> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLarge);
        }
        let text = text.trim();
        if text.is_empty() {
            return Err(TokenError::Empty);
        }
        // The library's reasons quote what they cannot read.
        sigstore_sign::oidc::IdentityToken::from_jwt(text).map(Self).map_err(|_| TokenError::Malformed)
    }

    /// Refuses a token that had ended by then, in seconds since 1970.
    pub fn check(&self, now: i64) -> Result<(), TokenError> {
        let end = self.0.expiration();
        if end.as_second() < now { Err(TokenError::Ended(end.to_string())) } else { Ok(()) }
    }

    /// A text without the token, should it stand there.
    pub(super) fn removed_from(&self, text: &str) -> String {
        let secret = self.0.expose_secret();
        // The part in the middle alone says who it is, and the last one is what must not be copied.
        secret
            .split('.')
            .filter(|part| part.len() > 8)
            .fold(text.replace(secret, "[token]"), |text, part| text.replace(part, "[token]"))
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

    use super::*;

    fn token(claims: &str) -> String {
        format!("{}.{}.c2lnbmF0dXJlLW9mLXRva2Vu", BASE64.encode("{}"), BASE64.encode(claims))
    }

    #[test]
    fn a_token_has_an_end_and_is_never_shown() {
        let text = token(r#"{"iss":"https://id.example","sub":"somebody","exp":1700000000}"#);
        let read = IdentityToken::read(&format!("\n{text}\n")).unwrap();
        assert_eq!(read.check(1_700_000_000), Ok(()));
        assert_eq!(read.check(1_700_000_001), Err(TokenError::Ended("2023-11-14T22:13:20Z".to_owned())));
        let claims = text.split('.').nth(1).unwrap();
        for shown in [format!("{read:?}"), read.removed_from(&format!("no: {text}, {claims}"))] {
            assert!(!shown.contains(claims), "{shown}");
        }
        assert_eq!(read.removed_from(&format!("no: {text}!")), "no: [token]!");
    }

    #[test]
    fn what_is_no_token_is_refused_without_being_repeated() {
        let read = |text: &str| IdentityToken::read(text).map(drop).unwrap_err();
        assert_eq!(read(" \n"), TokenError::Empty);
        assert_eq!(read(&"x".repeat(MAX_TOKEN_BYTES + 1)), TokenError::TooLarge);
        for text in ["hunter2", "a.b", "a.b.c", &token("{}"), &token(r#"{"iss":1,"sub":"s","exp":1}"#), &token("[]")] {
            assert_eq!(read(text), TokenError::Malformed, "{text}");
        }
    }
}
