//! A manifest as npm reads it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::delta::key_path;
use crate::package::read_json;

/// Largest manifest that is read; the largest real one seen is below 1 MB.
const MAX_BYTES: usize = 8 << 20;

/// Why a manifest cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// More bytes than are read.
    #[error("the {side} manifest has {size} bytes, more than {MAX_BYTES}")]
    TooLarge {
        /// Which manifest: `published` or `source`.
        side: &'static str,
        /// Its size in bytes.
        size: usize,
    },
    /// Not JSON.
    #[error("the {side} manifest is not JSON")]
    NotJson {
        /// Which manifest: `published` or `source`.
        side: &'static str,
        /// Where parsing stopped and why.
        #[source]
        source: serde_json::Error,
    },
    /// JSON, but not an object.
    #[error("the {side} manifest is not a JSON object")]
    NotAnObject {
        /// Which manifest: `published` or `source`.
        side: &'static str,
    },
}

/// Keys by the path that is shown of them, with the keys from the root.
pub(super) type OddKeys = BTreeMap<String, Vec<String>>;

/// A parsed manifest and the paths of keys that it states more than once.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) root: Map<String, Value>,
    pub(super) duplicates: OddKeys,
    /// Keys that are written with escapes.
    pub(super) escaped: OddKeys,
}

impl Document {
    /// Parses `bytes` as [`read_json`] does.
    pub(super) fn parse(side: &'static str, bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_BYTES {
            return Err(ManifestError::TooLarge { side, size: bytes.len() });
        }
        let read = read_json(bytes).map_err(|source| ManifestError::NotJson { side, source })?;
        let shown = |path: &Vec<String>| key_path(&path.iter().map(String::as_str).collect::<Vec<_>>());
        let odd = |paths: Vec<Vec<String>>| paths.into_iter().map(|path| (shown(&path), path)).collect();
        let (duplicates, escaped) = (odd(read.duplicates), odd(read.escaped));
        match read.value {
            Value::Object(root) => Ok(Self { root, duplicates, escaped }),
            _ => Err(ManifestError::NotAnObject { side }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Document {
        Document::parse("published", text.as_bytes()).unwrap()
    }

    #[test]
    fn ignores_a_byte_order_mark_and_keeps_the_last_of_duplicate_keys() {
        let document =
            parse("\u{feff}{\"main\":\"a.js\",\"scripts\":{\"test\":\"x\",\"test\":\"y\"},\"main\":\"b.js\"}");
        assert_eq!(document.root["main"], "b.js");
        assert_eq!(document.duplicates.into_keys().collect::<Vec<_>>(), ["main", "scripts.test"]);
    }

    #[test]
    fn an_object_with_a_private_key_of_the_json_library_stays_an_object() {
        let document = parse(r#"{"$serde_json::private::RawValue":"{\"name\":\"other\"}"}"#);
        assert!(document.root.contains_key("$serde_json::private::RawValue"));
        let nested = parse(r#"{"scripts":{"$serde_json::private::RawValue":"{}"}}"#);
        assert!(nested.root["scripts"].get("$serde_json::private::RawValue").is_some());
    }

    #[test]
    fn refuses_what_is_not_a_json_object() {
        let refused = |text: &str| Document::parse("source", text.as_bytes()).unwrap_err();
        for text in ["", "{", "{} x", "{'a':1}", "\u{feff}\u{feff}{}", "{\"a\":1,}", "// x\n{}"] {
            assert!(matches!(refused(text), ManifestError::NotJson { .. }), "{text:?}");
        }
        for text in ["[]", "null", "1", "\"{}\""] {
            assert!(matches!(refused(text), ManifestError::NotAnObject { .. }), "{text:?}");
        }
        assert!(matches!(refused(&"[".repeat(100_000)), ManifestError::NotJson { .. }));
        assert!(matches!(refused(&" ".repeat(MAX_BYTES + 1)), ManifestError::TooLarge { .. }));
    }

    #[test]
    fn numbers_compare_as_javascript_sees_them() {
        assert_eq!(parse(r#"{"a":1.0,"b":1e2}"#).root, parse(r#"{"a":1,"b":100}"#).root);
    }
}
