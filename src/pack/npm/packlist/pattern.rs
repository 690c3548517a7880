//! One line of an ignore file as npm's glob library reads it: negation, braces, `**`, and matching by base name.

use super::braces;
use super::component::Component;
use super::extglob::{ComponentError, Dialect};
use super::fingerprint::Fingerprint;
use super::program::Budget;

/// npm fails with longer patterns.
const MAXIMUM_UNITS: usize = 64 * 1024;
/// How many body sections between `**` the original tries before it gives up without a match.
const MAXIMUM_SECTIONS: usize = 200;
const MAXIMUM_COMPONENTS: usize = 20_000;

/// Why a line could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PatternError {
    /// npm itself fails.
    Invalid,
    /// It is larger than we are willing to handle.
    TooComplex,
}

impl From<ComponentError> for PatternError {
    fn from(error: ComponentError) -> Self {
        match error {
            ComponentError::Invalid => Self::Invalid,
            ComponentError::TooComplex => Self::TooComplex,
        }
    }
}

/// A pattern.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// Whether it began with an odd number of `!`.
    pub(super) negated: bool,
    /// Whether one of its alternatives is a bare name, perhaps with a slash before or after it.
    pub(super) has_bare_name: bool,
    /// Whether every alternative is one component, which is compared with the last name of a path only.
    pub(super) only_names: bool,
    /// What it demands of a path that it matches as a whole.
    pub(super) demand: Fingerprint,
    alternatives: Vec<Vec<Component>>,
}

/// Whether a name that ends before the pattern does is a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// The whole pattern must be used up.
    Whole,
    /// The name may be a directory on the way to a match.
    Prefix,
}

impl Pattern {
    /// Reads one pattern.
    pub(super) fn parse(text: &str, dialect: Dialect) -> Result<Self, PatternError> {
        let mut pattern = Self {
            negated: false,
            has_bare_name: false,
            only_names: true,
            demand: Fingerprint::FULL,
            alternatives: Vec::new(),
        };
        let units: Vec<u16> = text.encode_utf16().collect();
        if units.len() > MAXIMUM_UNITS {
            return Err(PatternError::Invalid);
        }
        if text.is_empty() || text.starts_with('#') {
            return Ok(pattern);
        }
        let marks = units.iter().take_while(|&&unit| unit == u16::from(b'!')).count();
        pattern.negated = marks % 2 == 1;
        let mut seen = std::collections::HashSet::new();
        let mut components = 0;
        for expanded in braces::expand(&units[marks..]).map_err(|_| PatternError::TooComplex)? {
            if !seen.insert(expanded.clone()) {
                continue;
            }
            let parts = simplify(split_slashes(&expanded));
            components += parts.len();
            if components > MAXIMUM_COMPONENTS {
                return Err(PatternError::TooComplex);
            }
            let longest_bare = if parts.last().is_some_and(|last| !last.is_empty()) { 1 } else { 2 };
            pattern.has_bare_name |= parts.len() <= longest_bare;
            let parsed: Result<Vec<Component>, ComponentError> =
                parts.iter().map(|part| Component::parse(part, dialect)).collect();
            let parsed = parsed?;
            let demand = parsed.iter().map(Component::demand).fold(Fingerprint::EMPTY, Fingerprint::and);
            pattern.demand = pattern.demand.or(demand);
            pattern.only_names &= parts.len() == 1;
            pattern.alternatives.push(parsed);
        }
        Ok(pattern)
    }

    /// What one comparison costs at least.
    pub(super) fn cost(&self) -> u64 {
        1 + self.alternatives.len() as u64
    }

    /// Says whether the path, given as its components (empty first or last for a leading or trailing slash), matches.
    pub(super) fn matches(&self, path: &[&str], extent: Extent, budget: &Budget) -> bool {
        self.alternatives.iter().any(|pattern| {
            if let [component] = pattern.as_slice() {
                let name = path.iter().rev().find(|part| !part.is_empty()).copied().unwrap_or_default();
                return matches!(component, Component::Globstar) || component.matches(name, budget);
            }
            matches_components(path, pattern, extent, budget)
        })
    }
}

fn split_slashes(text: &[u16]) -> Vec<Vec<u16>> {
    let slash = u16::from(b'/');
    let mut parts: Vec<Vec<u16>> = vec![Vec::new()];
    let mut previous_was_slash = false;
    for &unit in text {
        if unit == slash {
            if !previous_was_slash {
                parts.push(Vec::new());
            }
        } else if let Some(last) = parts.last_mut() {
            last.push(unit);
        }
        previous_was_slash = unit == slash;
    }
    parts
}

/// Merges adjacent `**` and resolves `..` after a named component.
fn simplify(parts: Vec<Vec<u16>>) -> Vec<Vec<u16>> {
    let is =
        |part: Option<&Vec<u16>>, text: &str| part.is_some_and(|part| part.iter().copied().eq(text.encode_utf16()));
    let mut simplified: Vec<Vec<u16>> = Vec::new();
    for part in parts {
        let previous = simplified.last();
        if is(Some(&part), "**") && is(previous, "**") {
            continue;
        }
        let is_named = previous.is_some_and(|previous| !previous.is_empty())
            && !["..", ".", "**"].into_iter().any(|special| is(previous, special));
        if is(Some(&part), "..") && is_named {
            simplified.pop();
            continue;
        }
        simplified.push(part);
    }
    if simplified.is_empty() {
        simplified.push(Vec::new());
    }
    simplified
}

fn is_traversal(part: &str) -> bool {
    matches!(part, "." | "..")
}

fn matches_components(path: &[&str], pattern: &[Component], extent: Extent, budget: &Budget) -> bool {
    let is_globstar = |component: &Component| matches!(component, Component::Globstar);
    let Some(first) = pattern.iter().position(is_globstar) else {
        return matches_run(path, pattern, extent, budget);
    };
    let last = pattern.iter().rposition(is_globstar).unwrap_or(first);
    let head = &pattern[..first];
    let (body, tail) = match extent {
        Extent::Prefix => (&pattern[first + 1..], &[][..]),
        Extent::Whole => (if first == last { &[][..] } else { &pattern[first + 1..last] }, &pattern[last + 1..]),
    };
    let mut start = 0;
    if !head.is_empty() {
        if !matches_run(&path[..head.len().min(path.len())], head, extent, budget) {
            return false;
        }
        start = head.len();
    }
    let mut matched_tail = 0;
    if !tail.is_empty() {
        if tail.len() + start > path.len() {
            return false;
        }
        let tail_start = path.len() - tail.len();
        if matches_run(&path[tail_start..], tail, extent, budget) {
            matched_tail = tail.len();
        } else {
            let ends_in_slash = path.last().is_some_and(|part| part.is_empty());
            if !ends_in_slash || start + tail.len() == path.len() {
                return false;
            }
            if !matches_run(&path[tail_start - 1..], tail, extent, budget) {
                return false;
            }
            matched_tail = tail.len() + 1;
        }
    }
    if body.is_empty() {
        let between = path.get(start..path.len().saturating_sub(matched_tail)).unwrap_or_default();
        if between.iter().any(|part| is_traversal(part)) {
            return false;
        }
        return extent == Extent::Prefix || matched_tail > 0 || !between.is_empty();
    }
    matches_sections(path, start, body, matched_tail, extent, budget)
}

/// Finds the sections between `**` one after the other, each at its first possible place.
fn matches_sections(
    path: &[&str],
    start: usize,
    body: &[Component],
    matched_tail: usize,
    extent: Extent,
    budget: &Budget,
) -> bool {
    let sections: Vec<&[Component]> = body.split(|component| matches!(component, Component::Globstar)).collect();
    let available = path.len() as i64 - matched_tail as i64;
    let mut lengths_before = vec![0];
    for section in &sections[..sections.len() - 1] {
        lengths_before.push(lengths_before[lengths_before.len() - 1] + section.len());
    }
    let mut position = start;
    for (index, section) in sections.iter().enumerate() {
        let is_last = index + 1 == sections.len();
        // The original counts the sections from the wrong end here, and so misses some matches.
        let latest = available - (lengths_before[sections.len() - 1 - index] + section.len()) as i64;
        loop {
            if position as i64 > latest {
                return extent == Extent::Prefix;
            }
            let end = (position + section.len()).min(path.len());
            let fits = path.get(position..end).is_some_and(|window| matches_run(window, section, extent, budget));
            if fits && index < MAXIMUM_SECTIONS {
                let after = position + section.len();
                // A trailing `**` has to match something.
                if !is_last || matched_tail > 0 || path.len() > after {
                    position = after;
                    break;
                }
            }
            if path.get(position).is_some_and(|part| is_traversal(part)) {
                return false;
            }
            position += 1;
        }
    }
    true
}

fn matches_run(path: &[&str], pattern: &[Component], extent: Extent, budget: &Budget) -> bool {
    if !path.iter().zip(pattern).all(|(name, component)| component.matches(name, budget)) {
        return false;
    }
    if path.len() == pattern.len() {
        return true;
    }
    if path.len() < pattern.len() {
        return extent == Extent::Prefix;
    }
    path.len() == pattern.len() + 1 && path[pattern.len()].is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str, extent: Extent) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        let pattern = Pattern::parse(pattern, Dialect::StarMayBeEmpty).unwrap();
        pattern.matches(&parts, extent, &Budget::new(1_000_000))
    }

    #[test]
    fn bare_names_match_anywhere() {
        assert!(matches("*.js", "/a/b/c.js", Extent::Whole));
        assert!(!matches("/*.js", "/a/c.js", Extent::Whole));
        assert!(matches("**", "/a/b", Extent::Whole));
    }

    #[test]
    fn globstars() {
        assert!(matches("/a/**/b", "/a/b", Extent::Whole));
        assert!(matches("/a/**/b", "/a/x/y/b", Extent::Whole));
        assert!(matches("a/**", "a/x", Extent::Whole));
        assert!(!matches("a/**", "a", Extent::Whole));
        assert!(matches("a/**", "a", Extent::Prefix));
        assert!(matches("**/x/**/y/**", "1/x/2/y/3", Extent::Whole));
        assert!(!matches("**/x/**/y/**", "1/y/2/x/3", Extent::Whole));
        assert!(matches("/lib/*/b", "/lib/q", Extent::Prefix));
    }

    #[test]
    fn negation_and_oversize() {
        let parse = |text: &str| Pattern::parse(text, Dialect::StarMayBeEmpty);
        assert!(parse("!a").unwrap().negated);
        assert!(!parse("!!a").unwrap().negated);
        assert_eq!(parse(&"a".repeat(70_000)).unwrap_err(), PatternError::Invalid);
    }
}
