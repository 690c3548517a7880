//! Reads JSON as `JSON.parse` does, and remembers what a plain parse would hide.
//!
//! Not `serde_json::Value`'s own deserialiser: with the `raw_value` feature it takes an object with one private key
//! for JSON inside JSON, which JavaScript does not, so a manifest could show us another content than it shows npm.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Most duplicated keys that are remembered for one text.
const MAX_DUPLICATES: usize = 200;
/// How deep what the parser refuses is rewritten to be nested at most; it goes to 128 levels.
const MAX_DEPTH: usize = 100;

/// What a text in JSON says.
#[derive(Debug, Clone, PartialEq)]
pub struct Json {
    /// The value: one byte order mark ignored, invalid UTF-8 and lone surrogates replaced, the last of duplicate keys
    /// kept. Numbers beyond a double's range, and what is nested deeper than 100 levels in a text that goes beyond 128,
    /// are there as their text.
    pub value: Value,
    /// The paths of keys that are stated more than once, at most 200.
    pub duplicates: Vec<Vec<String>>,
    /// The paths of keys that are written with escapes, at most 200: Node does not know them in manifests since version 22.
    pub escaped: Vec<Vec<String>>,
    /// Whether nothing stands as its text because it is nested too deep.
    pub is_whole: bool,
}

/// Reads a text as `JSON.parse` would.
pub fn read_json(bytes: &[u8]) -> Result<Json, serde_json::Error> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    parse(text).or_else(|error| {
        let Some(rewritten) = Rewriter::rewritten(text) else { return Err(error) };
        let read = parse(&rewritten.text).map_err(|_| error)?;
        Ok(Json { is_whole: !rewritten.is_cut, ..read })
    })
}

fn parse(text: &str) -> Result<Json, serde_json::Error> {
    let mut state = State::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Node(&mut state).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(Json { value, duplicates: state.duplicates, escaped: state.escaped, is_whole: true })
}

/// Writes down differently what JavaScript reads and the parser refuses.
struct Rewriter<'t> {
    rest: &'t str,
    text: String,
    is_cut: bool,
}

impl<'t> Rewriter<'t> {
    /// `None` where brackets or quotes do not match.
    fn rewritten(text: &'t str) -> Option<Self> {
        let mut rewriter = Self { rest: text, text: String::with_capacity(text.len()), is_cut: false };
        let mut depth = 0_usize;
        while let Some(next) = rewriter.rest.chars().next() {
            match next {
                '"' => {
                    let string = rewriter.take(string_length(rewriter.rest)?);
                    rewriter.text.push_str(&without_lone_surrogates(string));
                }
                '[' | '{' if depth == MAX_DEPTH => {
                    let value = rewriter.take(nested_length(rewriter.rest)?);
                    rewriter.text.push_str(&Value::from(value).to_string());
                    rewriter.is_cut = true;
                }
                '-' | '0'..='9' => {
                    let is_part = |letter: char| letter.is_ascii_digit() || "+-.eE".contains(letter);
                    let length = rewriter.rest.find(|letter| !is_part(letter)).unwrap_or(rewriter.rest.len());
                    let number = rewriter.take(length);
                    match number.parse::<f64>() {
                        Ok(value) if value.is_infinite() => rewriter.text.push_str(&Value::from(number).to_string()),
                        _ => rewriter.text.push_str(number),
                    }
                }
                other => {
                    depth = match other {
                        '[' | '{' => depth + 1,
                        ']' | '}' => depth.checked_sub(1)?,
                        _ => depth,
                    };
                    let taken = rewriter.take(other.len_utf8());
                    rewriter.text.push_str(taken);
                }
            }
        }
        Some(rewriter)
    }

    fn take(&mut self, length: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }
}

/// The length of a string with its quotes, bytes.
fn string_length(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    let closes = |byte: &u8| {
        let closes = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        closes
    };
    text.as_bytes().iter().skip(1).position(closes).map(|position| position + 2)
}

/// The length of a list or an object with its brackets, bytes.
fn nested_length(text: &str) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        match text.as_bytes().get(at)? {
            b'"' => at += string_length(&text[at..])? - 1,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// What programs make of half a surrogate pair once it becomes a file's name or a command: U+FFFD.
fn without_lone_surrogates(string: &str) -> Cow<'_, str> {
    let unit = |at: usize| {
        let digits = string.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let (mut rewritten, mut at, mut copied) = (String::new(), 0, 0);
    while let Some(found) = string[at..].find('\\') {
        at += found;
        let length = match (unit(at), unit(at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                rewritten.push_str(&string[copied..at]);
                rewritten.push('\u{fffd}');
                copied = at + 6;
                6
            }
            // The escaped character is one of ASCII's.
            _ => 2,
        };
        at = (at + length).min(string.len());
        if !string.is_char_boundary(at) {
            break;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(string);
    }
    rewritten.push_str(&string[copied..]);
    Cow::Owned(rewritten)
}

#[derive(Default)]
struct State {
    path: Vec<String>,
    duplicates: Vec<Vec<String>>,
    escaped: Vec<Vec<String>>,
}

/// A key, and whether it stands there as it is.
struct Key {
    name: String,
    is_escaped: bool,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;

        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a key")
            }

            // The parser lends what stands in the text, and shows what it had to put together.
            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Key, E> {
                Ok(Key { name: name.to_owned(), is_escaped: false })
            }

            fn visit_str<E>(self, name: &str) -> Result<Key, E> {
                Ok(Key { name: name.to_owned(), is_escaped: true })
            }
        }

        deserializer.deserialize_str(KeyVisitor)
    }
}

struct Node<'a>(&'a mut State);

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
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
        while let Some(Key { name, is_escaped }) = access.next_key::<Key>()? {
            self.0.path.push(name);
            if is_escaped && self.0.escaped.len() < MAX_DUPLICATES {
                self.0.escaped.push(self.0.path.clone());
            }
            let value = access.next_value_seed(Node(self.0))?;
            let key = self.0.path.last().cloned().ok_or_else(|| A::Error::custom("unbalanced path"))?;
            let is_new = self.0.duplicates.len() < MAX_DUPLICATES && !self.0.duplicates.contains(&self.0.path);
            if map.insert(key, value).is_some() && is_new {
                self.0.duplicates.push(self.0.path.clone());
            }
            self.0.path.pop();
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Json {
        read_json(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_javascript_reads_is_read() {
        for (text, expected) in [
            (r#"{"a":"\ud800x"}"#, json!({"a": "\u{fffd}x"})),
            (r#"{"a":"\uD83D\uDE00\udc00"}"#, json!({"a": "\u{1f600}\u{fffd}"})),
            (r#"{"a":"\\ud800","b":"\"\udfff\""}"#, json!({"a": "\\ud800", "b": "\"\u{fffd}\""})),
            (r#"{"a":1e999,"b":-1e999,"c":1}"#, json!({"a": "1e999", "b": "-1e999", "c": 1})),
            ("\u{feff}[1.0]", json!([1])),
        ] {
            assert_eq!(read(text).value, expected, "{text}");
        }
        let digits = "9".repeat(400);
        assert_eq!(read(&format!("[{digits}]")).value, json!([digits]));
        assert_eq!(read_json(b"{\"a\":\"\xff\"}").unwrap().value, json!({"a": "\u{fffd}"}));
    }

    #[test]
    fn depth_hides_nothing() {
        let deep = |inner: &str, depth: usize| {
            let text = format!(r#"{{"d":{}{inner}{},"s":"x"}}"#, "[".repeat(depth), "]".repeat(depth));
            read(&text)
        };
        assert!(deep("1", 90).is_whole);
        let cut = deep("\"]\"", 5000);
        assert!(!cut.is_whole);
        assert_eq!(cut.value["s"], "x");
        assert_ne!(cut, deep("\"[\"", 5000), "what differs there still differs");
    }

    #[test]
    fn keys_with_escapes_are_told() {
        let read = read(r#"{"m\u0061in":1,"x":{"a\/b":1,"c":"\u0061"}}"#);
        assert_eq!(read.value, json!({"main": 1, "x": {"a/b": 1, "c": "a"}}));
        assert_eq!(read.escaped, [vec!["main"], vec!["x", "a/b"]]);
    }

    #[test]
    fn what_is_no_json_stays_none() {
        for text in
            ["", "{", "{'a':1}", "{\"a\":\"\\ud800}", "[1e999", "[1e999]]", "{\"a\":\"\\ud8", "\"\\ud8\u{1f600}\"x"]
        {
            assert!(read_json(text.as_bytes()).is_err(), "{text}");
        }
        assert!(read_json("[".repeat(100_000).as_bytes()).is_err());
    }
}
