use std::fmt;

use crate::package::{Ecosystem, PackageName, Subject, SubjectError, without_byte_order_mark};

/// Largest list or ranking, bytes: every package of the largest registry, with a count each.
pub const MAX_LIST_BYTES: usize = 256 << 20;
/// Most entries of one file.
pub(super) const MAX_ENTRIES: usize = 5_000_000;
/// Longest entry, bytes: the longest name, escaped, with a version.
const MAX_LENGTH: usize = 1024;
/// Most rejected entries that are kept, to be told one by one.
const MAX_REJECTED: usize = 20;

/// What a list or a ranking names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Entries {
    /// The packages and releases, in order, each once.
    pub subjects: Vec<Subject>,
    /// The first 20 entries that name nothing.
    pub rejected: Vec<Rejected>,
    /// How many entries name nothing.
    pub rejected_count: usize,
}

/// An entry that names no package.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{place}")]
pub struct Rejected {
    /// Where it is.
    pub place: Place,
    /// Why it names none.
    #[source]
    pub error: EntryError,
}

/// Where an entry is, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A line of a text.
    Line(usize),
    /// An entry of a JSON array or object.
    Item(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(formatter, "line {line}"),
            Self::Item(item) => write!(formatter, "entry {item}"),
        }
    }
}

/// Why an entry names no package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Not the name of a package.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// Too long to be one.
    #[error("it is longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// Neither a text nor an object, or an object without one of the usual keys.
    #[error("it has no name")]
    NoName,
    /// The other entries are ranked by one.
    #[error("it has no count, by which the others are ranked")]
    NoCount,
}

/// Why a list or a ranking names nothing.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// Too many bytes.
    #[error("it is larger than the limit of {MAX_LIST_BYTES} bytes")]
    TooLarge,
    /// Too many entries.
    #[error("it has more than {MAX_ENTRIES} entries")]
    TooMany,
    /// Not UTF-8.
    #[error("it is not UTF-8 text")]
    Text(#[from] std::str::Utf8Error),
    /// Begins like JSON and is none, or has another shape.
    #[error("it is not the JSON that was expected: an array of names or of objects, or an object of counts by name")]
    Json(#[source] serde_json::Error),
    /// No entry at all.
    #[error("it names no package")]
    Empty,
    /// Entries, but none that names a package: probably something else altogether.
    #[error("none of its entries names a package")]
    NothingUsable(#[source] Box<Rejected>),
}

/// The text of a file, within bounds.
pub(super) fn text(bytes: &[u8]) -> Result<&str, ListError> {
    if bytes.len() > MAX_LIST_BYTES {
        return Err(ListError::TooLarge);
    }
    Ok(std::str::from_utf8(without_byte_order_mark(bytes))?)
}

impl Entries {
    /// Counts an entry that names nothing, and keeps the first of them.
    pub(super) fn reject(&mut self, place: Place, error: EntryError) {
        self.rejected_count += 1;
        if self.rejected.len() < MAX_REJECTED {
            self.rejected.push(Rejected { place, error });
        }
    }

    /// Refuses what names no package at all.
    pub(super) fn finish(mut self) -> Result<Self, ListError> {
        match (self.subjects.is_empty(), self.rejected.is_empty()) {
            (false, _) => Ok(self),
            (true, true) => Err(ListError::Empty),
            (true, false) => Err(ListError::NothingUsable(Box::new(self.rejected.swap_remove(0)))),
        }
    }
}

/// Reads a purl or `npm:name[@version]`.
pub(super) fn subject(text: &str) -> Result<Subject, EntryError> {
    if text.len() > MAX_LENGTH {
        return Err(EntryError::TooLong);
    }
    Ok(text.parse()?)
}

/// The same, or a bare name, as rankings of one registry have them.
pub(super) fn subject_or_name(text: &str) -> Result<Subject, EntryError> {
    if text.contains(':') || text.len() > MAX_LENGTH {
        return subject(text);
    }
    let name = PackageName::parse(text).map_err(SubjectError::Name)?;
    Ok(Subject { ecosystem: Ecosystem::Npm, name, version: None })
}
