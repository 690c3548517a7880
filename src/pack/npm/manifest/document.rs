//! Reads a manifest the way npm does, and remembers what a plain parse would hide.
//!
//! Not `serde_json::Value`'s own deserialiser: with the `raw_value` feature it takes an object with one private key
//! for JSON inside JSON, which npm does not, so a manifest could show us another content than it shows npm.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::delta::key_path;

/// Largest manifest that is read; the largest real one seen is below 1 MB.
const MAX_BYTES: usize = 8 << 20;
/// Most duplicated keys that are remembered for one manifest.
const MAX_DUPLICATES: usize = 200;

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
    /// Not JSON, or nested deeper than 128 levels.
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

/// A parsed manifest and the paths of keys that it states more than once.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) root: Map<String, Value>,
    pub(super) duplicates: BTreeSet<String>,
}

impl Document {
    /// Parses `bytes`: one byte order mark ignored, invalid UTF-8 replaced, the last of duplicate keys kept.
    pub(super) fn parse(side: &'static str, bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_BYTES {
            return Err(ManifestError::TooLarge { side, size: bytes.len() });
        }
        let text: Cow<'_, str> = String::from_utf8_lossy(bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut state = State::default();
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let value = Node(&mut state)
            .deserialize(&mut deserializer)
            .and_then(|value| deserializer.end().map(|()| value))
            .map_err(|source| ManifestError::NotJson { side, source })?;
        match value {
            Value::Object(root) => Ok(Self { root, duplicates: state.duplicates }),
            _ => Err(ManifestError::NotAnObject { side }),
        }
    }
}

#[derive(Default)]
struct State {
    path: Vec<String>,
    duplicates: BTreeSet<String>,
}

struct Node<'a>(&'a mut State);

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        // JavaScript has one number type: `1` and `1.0` are the same value to npm.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if value.fract() == 0.0 && value.abs() < EXACT {
            #[expect(clippy::cast_possible_truncation, reason = "an integer below 2^53, checked above")]
            return Ok(Value::Number((value as i64).into()));
        }
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(Node(self.0))? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            self.0.path.push(key);
            let value = access.next_value_seed(Node(self.0))?;
            let key = self.0.path.last().cloned().ok_or_else(|| A::Error::custom("unbalanced path"))?;
            if map.insert(key, value).is_some() && self.0.duplicates.len() < MAX_DUPLICATES {
                let path: Vec<_> = self.0.path.iter().map(String::as_str).collect();
                self.0.duplicates.insert(key_path(&path));
            }
            self.0.path.pop();
        }
        Ok(Value::Object(map))
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
        assert_eq!(document.duplicates.into_iter().collect::<Vec<_>>(), ["main", "scripts.test"]);
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
