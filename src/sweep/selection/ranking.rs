//! Rankings in the forms in which they are published: names, a table, or JSON.
//!
//! Where entries have counts, the highest come first; else the order of the file is the ranking. A name is only looked at
//! when its turn comes, so what is wrong far below the wanted top disturbs nobody.

use std::collections::HashSet;

use super::entries::{Entries, EntryError, ListError, MAX_ENTRIES, Place, subject_or_name, text};
use super::list::without_comment;
use super::{json, table};

/// One entry, its name not looked at yet.
#[derive(Debug)]
pub(super) struct Ranked {
    pub(super) place: Place,
    /// The name, where there is one.
    pub(super) name: Option<String>,
    /// What it is ranked by; never NaN.
    pub(super) count: Option<f64>,
}

/// Reads the `top` packages that a ranking names first.
///
/// One purl or name a line, columns with an optional head, a JSON array of names or of objects, or a JSON object with
/// counts by name.
pub fn read_ranking(bytes: &[u8], top: usize) -> Result<Entries, ListError> {
    let text = text(bytes)?;
    let first = text.lines().map(without_comment).find(|line| !line.is_empty()).ok_or(ListError::Empty)?;
    let mut ranked = match (first.starts_with(['[', '{']), table::delimiter(first)) {
        (true, _) => json::read(text)?,
        (false, Some(delimiter)) => table::read(text, delimiter)?,
        (false, None) => read_lines(text)?,
    };
    let mut entries = Entries::default();
    if ranked.iter().any(|ranked| ranked.count.is_some()) {
        ranked.retain(|ranked| {
            let has_count = ranked.count.is_some();
            if !has_count {
                entries.reject(ranked.place, EntryError::NoCount);
            }
            has_count
        });
        let count = |ranked: &Ranked| ranked.count.unwrap_or_default();
        ranked.sort_by(|left, right| count(right).total_cmp(&count(left)));
    }
    let mut seen = HashSet::new();
    for Ranked { place, name, .. } in ranked {
        if entries.subjects.len() >= top {
            break;
        }
        match name.ok_or(EntryError::NoName).and_then(|name| subject_or_name(&name)) {
            Ok(subject) => {
                if seen.insert(subject.clone()) {
                    entries.subjects.push(subject);
                }
            }
            Err(error) => entries.reject(place, error),
        }
    }
    entries.finish()
}

fn read_lines(text: &str) -> Result<Vec<Ranked>, ListError> {
    let lines = text.lines().enumerate().map(|(index, line)| (index, without_comment(line)));
    let mut ranked = Vec::new();
    for (index, line) in lines.filter(|(_, line)| !line.is_empty()) {
        if ranked.len() >= MAX_ENTRIES {
            return Err(ListError::TooMany);
        }
        ranked.push(Ranked { place: Place::Line(index + 1), name: Some(line.to_owned()), count: None });
    }
    Ok(ranked)
}

/// Keys and column heads under which rankings have the package, the most exact first.
const NAMES: [&str; 6] = ["purl", "name", "package", "package_name", "project", "module"];
/// Those of what they are ranked by.
const COUNTS: [&str; 8] = [
    "downloads",
    "download_count",
    "downloads_count",
    "count",
    "dependents",
    "dependents_count",
    "dependent_packages_count",
    "dependent_repos_count",
];

/// Where among `keys` the name is, and where the count.
pub(super) fn columns<'a>(keys: impl Iterator<Item = &'a str>) -> (Option<usize>, Option<usize>) {
    let keys: Vec<String> = keys.map(|key| key.trim().to_ascii_lowercase().replace([' ', '-'], "_")).collect();
    let find = |known: &[&str]| known.iter().find_map(|known| keys.iter().position(|key| key == known));
    (find(&NAMES), find(&COUNTS))
}

/// A count, where the text is one.
pub(super) fn count(text: &str) -> Option<f64> {
    text.parse().ok().filter(|count: &f64| count.is_finite() && *count >= 0.0)
}

#[cfg(test)]
#[path = "ranking_tests.rs"]
mod tests;
