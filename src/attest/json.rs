//! Reads JSON as strictly as signed JSON must be read: two readers may never see two documents in one text.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// A document without repeated keys.
struct Strict(Value);

/// Reads a document of at most `limit` bytes in which no object has a key twice.
///
/// Nothing may follow it, and it may be nested no deeper than serde_json allows (128).
pub(super) fn read(bytes: &[u8], limit: usize) -> Result<Value, JsonError> {
    if bytes.len() > limit {
        return Err(JsonError::TooLarge { limit });
    }
    Ok(serde_json::from_slice::<Strict>(bytes)?.0)
}

/// Why a text is not a document that can be relied on.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// Too many bytes.
    #[error("it is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// Not JSON, too deep, with a repeated key, or of another shape.
    #[error("it is not the JSON that was expected: {0}")]
    Malformed(#[from] serde_json::Error),
}

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StrictVisitor;

        impl<'de> Visitor<'de> for StrictVisitor {
            type Value = Strict;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON value")
            }

            fn visit_unit<E>(self) -> Result<Strict, E> {
                Ok(Strict(Value::Null))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Strict, E> {
                Ok(Strict(Value::Bool(value)))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Strict, E> {
                Ok(Strict(Value::from(value)))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Strict, E> {
                Ok(Strict(Value::from(value)))
            }

            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Strict, E> {
                Number::from_f64(value)
                    .map(|number| Strict(Value::Number(number)))
                    .ok_or_else(|| E::custom("a number that JSON does not have"))
            }

            fn visit_str<E>(self, value: &str) -> Result<Strict, E> {
                Ok(Strict(Value::String(value.to_owned())))
            }

            fn visit_string<E>(self, value: String) -> Result<Strict, E> {
                Ok(Strict(Value::String(value)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Strict, A::Error> {
                let mut values = Vec::new();
                while let Some(Strict(value)) = sequence.next_element()? {
                    values.push(value);
                }
                Ok(Strict(Value::Array(values)))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Strict, A::Error> {
                let mut map = Map::new();
                while let Some(key) = entries.next_key::<String>()? {
                    if map.contains_key(&key) {
                        return Err(A::Error::custom(format!("the key `{}` stands twice", key.escape_debug())));
                    }
                    let Strict(value) = entries.next_value()?;
                    map.insert(key, value);
                }
                Ok(Strict(Value::Object(map)))
            }
        }

        deserializer.deserialize_any(StrictVisitor)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_that_json_has_is_read() {
        let text = br#"{"a":[1,-2,0.5,true,null,"\u00e9"],"b":{}}"#;
        assert_eq!(read(text, 100).unwrap(), json!({"a": [1, -2, 0.5, true, null, "é"], "b": {}}));
    }

    #[test]
    fn what_two_readers_may_read_differently_is_refused() {
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"{"b":[{"a":1,"c":2,"a":1}]}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"a":1} {"a":2}"#,
            "\u{feff}{}",
            r#"{"a":1,}"#,
            "",
        ] {
            assert!(read(text.as_bytes(), 100).is_err(), "{text}");
        }
        // A magic word of serde_json is a key like any other.
        let text = br#"{"$serde_json::private::RawValue":"{}"}"#;
        assert_eq!(read(text, 100).unwrap(), json!({"$serde_json::private::RawValue": "{}"}));
    }

    #[test]
    fn size_and_depth_are_bounded() {
        assert!(matches!(read(b"[1,2,3]", 6), Err(JsonError::TooLarge { limit: 6 })));
        assert!(read(&[b'['].repeat(100_000), 1 << 20).is_err());
    }
}
