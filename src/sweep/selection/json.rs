use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::entries::{ListError, MAX_ENTRIES, Place};
use super::ranking::{Ranked, columns, count};

/// Reads an array of names or of objects, or an object with counts by name; one entry is held at a time.
pub(super) fn read(text: &str) -> Result<Vec<Ranked>, ListError> {
    let mut ranked = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = Collect(&mut ranked).deserialize(&mut deserializer).and_then(|()| deserializer.end());
    match read {
        Ok(()) => Ok(ranked),
        Err(_) if ranked.len() >= MAX_ENTRIES => Err(ListError::TooMany),
        Err(error) => Err(ListError::Json(error)),
    }
}

struct Collect<'a>(&'a mut Vec<Ranked>);

impl Collect<'_> {
    fn add<E: serde::de::Error>(&mut self, name: Option<String>, count: Option<f64>) -> Result<(), E> {
        if self.0.len() >= MAX_ENTRIES {
            return Err(E::custom("too many entries"));
        }
        self.0.push(Ranked { place: Place::Item(self.0.len() + 1), name, count });
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Collect<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Collect<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of names or of objects, or an object of counts by name")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut array: A) -> Result<(), A::Error> {
        while let Some(item) = array.next_element::<Value>()? {
            let (name, count) = match &item {
                Value::String(name) => (Some(name.clone()), None),
                Value::Object(fields) => {
                    let (name_at, count_at) = columns(fields.keys().map(String::as_str));
                    let field = |at: Option<usize>| fields.values().nth(at?);
                    (field(name_at).and_then(Value::as_str).map(str::to_owned), field(count_at).and_then(number))
                }
                _ => (None, None),
            };
            self.add(name, count)?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut object: A) -> Result<(), A::Error> {
        while let Some((name, value)) = object.next_entry::<String, Value>()? {
            let Some(count) = number(&value) else {
                return Err(A::Error::custom("an object whose values are not counts"));
            };
            self.add(Some(name), Some(count))?;
        }
        Ok(())
    }
}

/// A count as it is or in quotation marks.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64().filter(|count| count.is_finite() && *count >= 0.0),
        Value::String(text) => count(text),
        _ => None,
    }
}
