//! Reads unexplained programs once, for what they refer to and for what they can do.

use std::borrow::Cow;
use std::ops::Range;

use crate::capability::{Abilities, Looks, abilities_of_program, abilities_of_words, abilities_within, looks};
use crate::compare::added_code;
use crate::reach::{References, references, references_of_program, unparsed};
use crate::stabilize::javascript::{Scopes, SourceKind, read_tree};

/// What the unexplained part of a program can do, and how it looks.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) abilities: Abilities,
    pub(super) looks: Looks,
}

/// What was read of one program.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) references: References,
    /// `None` where the content is no text.
    pub(super) told: Option<Told>,
}

/// A file to read.
pub(super) struct Unread<'a> {
    pub(super) path: &'a str,
    pub(super) kind: SourceKind,
    pub(super) content: Cow<'a, [u8]>,
    /// What the source, or a rebuild, has in its place.
    pub(super) candidate: Option<String>,
    /// Whether it is asked how it looks.
    pub(super) is_measured: bool,
}

impl Unread<'_> {
    pub(super) fn read(&self) -> Program {
        let text = std::str::from_utf8(&self.content).ok().filter(|text| !text.contains('\0'));
        let Some(text) = text else {
            return Program { references: references(self.kind, &self.content), told: None };
        };
        let spans = spans(text, self.candidate.as_deref(), self.kind);
        let both = |kind: &SourceKind| {
            read_tree(*kind, text.as_bytes(), |program| {
                let (references, scopes) = references_of_program(program, Scopes::of(program));
                Some((references, abilities_of_program(program, scopes.afresh(), &spans)))
            })
        };
        let read = self.kind.alternatives().iter().find_map(both);
        let (references, abilities) = read.unwrap_or_else(|| (unparsed(text), abilities_of_words(text, &spans)));
        let abilities = if spans.is_empty() { Abilities::default() } else { abilities };
        let looks = if self.is_measured { looks_of(text, &spans) } else { Looks::default() };
        Program { references, told: Some(Told { abilities, looks }) }
    }
}

/// What a text can do beyond its candidate.
pub(super) fn tell(published: &str, candidate: Option<&str>, kind: SourceKind) -> Told {
    let spans = spans(published, candidate, kind);
    // No span at all would stand for all of the text.
    let abilities = if spans.is_empty() { Abilities::default() } else { abilities_within(published, kind, &spans) };
    Told { abilities, looks: looks_of(published, &spans) }
}

fn spans(published: &str, candidate: Option<&str>, kind: SourceKind) -> Vec<Range<usize>> {
    match candidate {
        Some(candidate) => added_code(published, candidate, kind),
        None => std::iter::once(0..published.len()).collect(),
    }
}

fn looks_of(published: &str, spans: &[Range<usize>]) -> Looks {
    match spans {
        [whole] if *whole == (0..published.len()) => looks(published),
        _ => {
            let pieces = spans.iter().filter_map(|span| published.get(span.clone()));
            looks(&pieces.flat_map(|code| [code, "\n"]).collect::<String>())
        }
    }
}
