//! The few npm settings besides registries and credentials that this program needs.
//!
//! The registry and credential keys of the same files are read by the `deno_npmrc` crate, which leaves these out.

use std::collections::HashMap;

use crate::registry::Environment;

/// The settings of interest, lowest precedence added first.
#[derive(Clone, Default)]
pub(super) struct Settings {
    values: HashMap<String, String>,
}

const KEYS: [&str; 6] = ["cafile", "https-proxy", "http-proxy", "noproxy", "prefix", "proxy"];

impl Settings {
    /// Adds the settings of an npmrc file over those already there.
    pub(super) fn add_file(&mut self, text: &str, environment: &Environment) {
        for line in text.lines() {
            let line = line.trim();
            if line.is_empty() || line.starts_with([';', '#']) {
                continue;
            }
            // npm ignores what a section holds.
            if line.starts_with('[') {
                break;
            }
            if let Some((key, value)) = line.split_once('=') {
                self.add(key.trim(), &expand(&unquote(value), environment));
            }
        }
    }

    /// Adds one setting over those already there.
    pub(super) fn add(&mut self, key: &str, value: &str) {
        let key = if key == "no-proxy" { "noproxy" } else { key };
        if KEYS.contains(&key) {
            self.values.insert(key.to_owned(), value.to_owned());
        }
    }

    /// The value of `key`, unless it is one of the words npm uses for none.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str).filter(|value| !matches!(*value, "" | "null" | "false" | "undefined"))
    }
}

fn unquote(value: &str) -> String {
    let value = value.trim();
    for quote in ['"', '\''] {
        let inner = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        if let Some(inner) = inner {
            return inner.to_owned();
        }
    }
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            ';' | '#' => break,
            '\\' => match characters.next() {
                Some(escaped @ (';' | '#' | '\\')) => text.push(escaped),
                Some(other) => text.extend(['\\', other]),
                None => text.push('\\'),
            },
            other => text.push(other),
        }
    }
    text.trim_end().to_owned()
}

/// Replaces `${NAME}` by the variable's value; an unset one stays as written, as in npm.
fn expand(value: &str, environment: &Environment) -> String {
    let mut expanded = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else { break };
        let name = &rest[start + 2..start + length];
        expanded.push_str(&rest[..start]);
        match environment.text(name) {
            Some(value) => expanded.push_str(value),
            None => expanded.push_str(&rest[start..=start + length]),
        }
        rest = &rest[start + length + 1..];
    }
    expanded.push_str(rest);
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_values_the_way_npm_writes_them() {
        let environment: Environment = [("PROXY_HOST", "proxy.example")].into_iter().collect();
        let mut settings = Settings::default();
        let text = "; comment\nproxy = http://${PROXY_HOST}:3128/ ; trailing\ncafile=\"/a b.pem\"\nnoproxy=${UNSET}\n\
                    https-proxy=null\nfund=false\n[section]\nprefix=/ignored\n";
        settings.add_file(text, &environment);
        assert_eq!(settings.get("proxy"), Some("http://proxy.example:3128/"));
        assert_eq!(settings.get("cafile"), Some("/a b.pem"));
        assert_eq!(settings.get("noproxy"), Some("${UNSET}"));
        assert_eq!(settings.get("https-proxy"), None);
        assert_eq!(settings.get("prefix"), None);
        assert_eq!(settings.get("fund"), None);
        settings.add("no-proxy", "a.example");
        assert_eq!(settings.get("noproxy"), Some("a.example"));
    }

    #[test]
    fn expansion_does_not_run_away() {
        let environment: Environment = [("A", "${A}")].into_iter().collect();
        assert_eq!(expand("${A}${A", &environment), "${A}${A");
        assert_eq!(expand("${", &environment), "${");
    }
}
