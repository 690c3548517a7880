use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::Digest as _;

/// Lower-case hexadecimal text of `bytes`.
pub fn hex_text(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N * 2 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        if pair.starts_with('+') {
            return None;
        }
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}

/// Why a text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// Wrong length or a character that is not hexadecimal.
    #[error("`{}` is not a {bits}-bit hexadecimal digest", text.escape_debug())]
    Hex {
        /// What was given.
        text: String,
        /// The length that was expected.
        bits: usize,
    },
    /// Not a Subresource Integrity text with at least one known algorithm.
    #[error("`{}` is not a subresource integrity value with sha512, sha384, sha256 or sha1", .0.escape_debug())]
    Integrity(String),
}

macro_rules! hex_digest {
    ($(#[$doc:meta])* $name:ident, $length:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; $length]);

        impl $name {
            /// Parses exactly the full hexadecimal form; abbreviations are refused.
            pub fn parse(text: &str) -> Result<Self, DigestError> {
                parse_hex(text).map(Self).ok_or_else(|| DigestError::Hex { text: text.to_owned(), bits: $length * 8 })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&hex_text(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{}({self})", stringify!($name))
            }
        }
    };
}

hex_digest!(
    /// A git blob id (SHA-1 object format): the SHA-1 of `blob LENGTH\0` and the content.
    BlobId,
    20
);
hex_digest!(
    /// A git commit id (SHA-1 object format).
    CommitId,
    20
);
hex_digest!(
    /// A SHA-1 over whole bytes, as `dist.shasum` states it.
    Sha1Digest,
    20
);
hex_digest!(
    /// A SHA-256 over whole bytes.
    Sha256Digest,
    32
);

impl Sha256Digest {
    /// Hashes `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }
}

impl Sha1Digest {
    /// Hashes `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha1::Sha1::digest(bytes).into())
    }
}

/// A Subresource Integrity value: one or more digests of the whole artifact, strongest algorithm decisive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integrity {
    entries: Vec<(Algorithm, Vec<u8>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Algorithm {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    fn parse(name: &str) -> Option<(Self, usize)> {
        match name {
            "sha1" => Some((Self::Sha1, 20)),
            "sha256" => Some((Self::Sha256, 32)),
            "sha384" => Some((Self::Sha384, 48)),
            "sha512" => Some((Self::Sha512, 64)),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    fn hash(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => sha1::Sha1::digest(bytes).to_vec(),
            Self::Sha256 => sha2::Sha256::digest(bytes).to_vec(),
            Self::Sha384 => sha2::Sha384::digest(bytes).to_vec(),
            Self::Sha512 => sha2::Sha512::digest(bytes).to_vec(),
        }
    }
}

/// A digest that does not fit the bytes it was stated for; both sides in the form the registry uses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("digest mismatch: expected {expected}, got {actual}")]
pub struct IntegrityMismatch {
    /// What the registry states.
    pub expected: String,
    /// What the bytes hash to, with the same algorithm.
    pub actual: String,
}

impl Integrity {
    /// Parses `sha512-BASE64 …`; unknown algorithms are skipped as the specification asks, options ignored.
    pub fn parse(text: &str) -> Result<Self, DigestError> {
        let entries: Vec<_> = text
            .split_ascii_whitespace()
            .filter_map(|item| {
                let (name, rest) = item.split_once('-')?;
                let (algorithm, length) = Algorithm::parse(name)?;
                let value = BASE64.decode(rest.split('?').next()?).ok()?;
                (value.len() == length).then_some((algorithm, value))
            })
            .collect();
        if entries.is_empty() { Err(DigestError::Integrity(text.to_owned())) } else { Ok(Self { entries }) }
    }

    /// The sha512 integrity of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self { entries: vec![(Algorithm::Sha512, Algorithm::Sha512.hash(bytes))] }
    }

    /// An integrity with one sha512 digest.
    pub fn from_sha512(digest: [u8; 64]) -> Self {
        Self { entries: vec![(Algorithm::Sha512, digest.to_vec())] }
    }

    /// An integrity with one sha1 digest, as old registries state it.
    pub fn from_sha1(digest: Sha1Digest) -> Self {
        Self { entries: vec![(Algorithm::Sha1, digest.0.to_vec())] }
    }

    /// The sha512 digest, if there is one.
    pub fn sha512(&self) -> Option<&[u8]> {
        let entry = self.entries.iter().find(|(algorithm, _)| *algorithm == Algorithm::Sha512);
        entry.map(|(_, value)| value.as_slice())
    }

    /// Whether it states a SHA-512 that is not the one of `artifact`.
    pub fn contradicts(&self, artifact: &Self) -> bool {
        self.sha512().is_some_and(|stated| Some(stated) != artifact.sha512())
    }

    /// Checks `bytes` against the strongest algorithm present, as npm does.
    pub fn check(&self, bytes: &[u8]) -> Result<(), IntegrityMismatch> {
        let Some(strongest) = self.entries.iter().map(|(algorithm, _)| *algorithm).max() else {
            return Ok(());
        };
        let actual = strongest.hash(bytes);
        let expected: Vec<_> = self.entries.iter().filter(|(algorithm, _)| *algorithm == strongest).collect();
        if expected.iter().any(|(_, value)| *value == actual) {
            return Ok(());
        }
        Err(IntegrityMismatch {
            expected: expected.iter().map(|(_, value)| sri(strongest, value)).collect::<Vec<_>>().join(" "),
            actual: sri(strongest, &actual),
        })
    }
}

fn sri(algorithm: Algorithm, value: &[u8]) -> String {
    format!("{}-{}", algorithm.name(), BASE64.encode(value))
}

impl fmt::Display for Integrity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items: Vec<_> = self.entries.iter().map(|(algorithm, value)| sri(*algorithm, value)).collect();
        formatter.write_str(&items.join(" "))
    }
}

impl CommitId {
    /// Its first twelve digits, as people know commits from git.
    pub fn short(&self) -> String {
        self.to_string().chars().take(12).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_ids_round_trip_and_refuse_abbreviations() {
        let text = "4536ce5944f56659a2dfb2198eaf81b5ad5f2ad9";
        assert_eq!(CommitId::parse(text).unwrap().to_string(), text);
        assert!(CommitId::parse(&text[..12]).is_err());
        assert!(CommitId::parse(&text.replace('4', "g")).is_err());
        assert!(CommitId::parse(&text.replacen("45", "+5", 1)).is_err());
    }

    #[test]
    fn the_strongest_algorithm_decides() {
        let good = Integrity::of(b"content").to_string();
        let mixed = Integrity::parse(&format!("sha1-{} {good}", BASE64.encode([0; 20]))).unwrap();
        assert!(mixed.check(b"content").is_ok());
        let mismatch = mixed.check(b"other").unwrap_err();
        assert_eq!(mismatch.expected, good);
        assert_eq!(mismatch.actual, Integrity::of(b"other").to_string());
    }

    #[test]
    fn refuses_values_without_a_usable_digest() {
        for text in ["", "md5-AAAA", "sha512-short", "sha512"] {
            assert!(Integrity::parse(text).is_err(), "{text:?}");
        }
    }
}
