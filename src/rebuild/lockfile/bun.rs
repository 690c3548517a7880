//! bun's text lockfile: JSON with comments and trailing commas; each package is a list.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::closure::split_descriptor;
use super::{Closure, LockfileError, LockfileFormat};

#[derive(Deserialize)]
struct Lockfile {
    #[serde(default)]
    packages: BTreeMap<String, Vec<Value>>,
}

pub(super) fn read(text: &str) -> Result<Closure, LockfileError> {
    let lockfile: Lockfile = serde_json::from_str(&plain_json(text))?;
    let mut closure = Closure::new(LockfileFormat::Bun);
    for (key, parts) in &lockfile.packages {
        let Some(resolution) = parts.first().and_then(Value::as_str) else {
            closure.add_misplaced(key)?;
            continue;
        };
        let Some((name, reference)) = split_descriptor(resolution) else {
            closure.add_foreign(key, resolution)?;
            continue;
        };
        let is_version = reference.starts_with(|first: char| first.is_ascii_digit());
        if !is_version {
            closure.add_foreign(name, reference.strip_prefix("root:").map_or(reference, |_| "workspace:"))?;
            continue;
        }
        // The second part is the registry's address, or empty for the default one; a full one names the tarball.
        let address = parts.get(1).and_then(Value::as_str).filter(|address| address.ends_with(".tgz"));
        let integrity = parts.get(3).and_then(Value::as_str);
        closure.add(name, reference, integrity, address)?;
    }
    Ok(closure)
}

/// Removes comments, and commas before a closing bracket.
fn plain_json(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    let mut comma = false;
    while let Some(character) = characters.next() {
        match character {
            '/' if characters.peek() == Some(&'/') => while characters.next_if(|next| *next != '\n').is_some() {},
            '/' if characters.peek() == Some(&'*') => {
                characters.next();
                let mut previous = ' ';
                for next in characters.by_ref() {
                    if previous == '*' && next == '/' {
                        break;
                    }
                    previous = next;
                }
            }
            ' ' | '\t' | '\r' | '\n' => plain.push(character),
            ',' if !comma => comma = true,
            other => {
                if std::mem::take(&mut comma) && !matches!(other, '}' | ']') {
                    plain.push(',');
                }
                plain.push(other);
                if other == ',' {
                    continue;
                }
                if other == '"' {
                    copy_string(&mut characters, &mut plain);
                }
            }
        }
    }
    plain
}

fn copy_string(characters: &mut impl Iterator<Item = char>, plain: &mut String) {
    while let Some(character) = characters.next() {
        plain.push(character);
        match character {
            '"' => return,
            '\\' => plain.extend(characters.next()),
            _ => {}
        }
    }
}
