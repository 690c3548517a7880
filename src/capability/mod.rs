//! What a piece of JavaScript can do, read from its syntax tree.
//!
//! A capability is a hint for the order in which people look at findings, never a verdict. `docs/capabilities.md` says
//! what each of them matches and what it does not see.

mod constructor;
mod found;
mod literal;
mod looks;
mod names;
#[cfg(test)]
mod tests;
mod tree;
mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

pub use looks::{Looks, looks};

use oxc_ast::ast::Program;

use crate::stabilize::javascript::{Scopes, SourceKind, read_tree};
use found::{Found, Lines};

/// Something that code can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Runs text as code (`eval`, `new Function`, `vm`).
    DynamicCode,
    /// Starts programs.
    Process,
    /// Talks to other machines.
    Network,
    /// Replaces what other code relies on (`fetch`, `XMLHttpRequest.prototype`, `window.ethereum`).
    Patching,
    /// Reads the environment or credentials.
    Environment,
    /// Reads or writes files.
    FileSystem,
    /// Carries long encoded text.
    EncodedPayload,
    /// Names what looks like an address of a wallet.
    WalletAddress,
}

impl Capability {
    /// The stable id.
    pub fn id(self) -> &'static str {
        match self {
            Self::DynamicCode => "dynamic-code",
            Self::Process => "process",
            Self::Network => "network",
            Self::Patching => "patching",
            Self::Environment => "environment",
            Self::FileSystem => "file-system",
            Self::EncodedPayload => "encoded-payload",
            Self::WalletAddress => "wallet-address",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.id())
    }
}

/// A capability and where it was seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signal {
    /// What.
    pub capability: Capability,
    /// The line of the published file, counted from 1.
    pub line: usize,
    /// A few words about what was seen, such as `require('child_process')`.
    pub evidence: String,
}

/// What a file can do, in order and each evidence once with its first line; at most 32 signals.
///
/// A text that is no valid program is read for its words and strings, so a syntax error silences nothing.
pub fn signals(text: &str, kind: SourceKind) -> Vec<Signal> {
    signals_within(text, kind, &[])
}

/// The signals that begin in one of the byte ranges of the text, or everywhere if there are none.
///
/// With the whole file at hand, names that are imported outside of the ranges are known inside.
pub fn signals_within(text: &str, kind: SourceKind, spans: &[Range<usize>]) -> Vec<Signal> {
    abilities_within(text, kind, spans).signals
}

/// How often a program does each thing with each evidence, such as the calls of `fetch()`.
pub type Counts = BTreeMap<(Capability, String), usize>;

/// All that a program can do, and what of it is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Abilities {
    /// What is told.
    pub signals: Vec<Signal>,
    /// Each capability with each evidence, also those of which there are too many to tell.
    pub all: Counts,
    /// Whether only words and strings could be read, so that a capability may be missing.
    pub is_of_words: bool,
}

/// Like [`signals_within`], with what is not told.
pub fn abilities_within(text: &str, kind: SourceKind, spans: &[Range<usize>]) -> Abilities {
    match program(text, kind, spans) {
        Some(found) => told(text, found),
        None => abilities_of_words(text, spans),
    }
}

/// The same of a program that was read already.
pub(crate) fn abilities_of_program(program: &Program<'_>, scopes: Scopes, spans: &[Range<usize>]) -> Abilities {
    told(program.source_text, tree::signals(program, scopes, spans))
}

/// The same of a text that is no program.
pub(crate) fn abilities_of_words(text: &str, spans: &[Range<usize>]) -> Abilities {
    Abilities { is_of_words: true, ..told(text, words::signals(text, spans)) }
}

fn told(text: &str, found: Found) -> Abilities {
    let (lines, all) = (Lines::of(text), found.counts());
    Abilities { signals: found.finish(&|at| lines.line(at)), all, is_of_words: false }
}

/// The signals of pieces of a file, each with its first line there; for when the file itself is not at hand.
///
/// The pieces are read as one program, or else each for itself.
pub fn signals_of_pieces(pieces: &[(usize, &str)], kind: SourceKind) -> Vec<Signal> {
    // Where each piece begins in the text that is read, and the lines inside of it.
    let mut starts: Vec<(usize, usize, Lines)> = Vec::new();
    let mut joined = String::new();
    for (line, piece) in pieces {
        starts.push((joined.len(), *line, Lines::of(piece)));
        joined.push_str(piece);
        joined.push('\n');
    }
    let line = |at: usize| {
        let index = starts.partition_point(|(start, ..)| *start <= at).saturating_sub(1);
        starts.get(index).map_or(1, |(start, first, lines)| first + lines.line(at - start) - 1)
    };
    let found = program(&joined, kind, &[]).unwrap_or_else(|| {
        let mut whole = Found::default();
        for ((start, ..), (_, piece)) in starts.iter().zip(pieces) {
            whole.extend(piece_alone(piece, kind), *start);
        }
        whole
    });
    found.finish(&line)
}

fn program(text: &str, kind: SourceKind, spans: &[Range<usize>]) -> Option<Found> {
    let read = |kind: &SourceKind| {
        read_tree(*kind, text.as_bytes(), |program| Some(tree::signals(program, Scopes::of(program), spans)))
    };
    kind.alternatives().iter().find_map(read)
}

/// A member or a property is a program once something stands around it.
fn piece_alone(piece: &str, kind: SourceKind) -> Found {
    let around = [("", ""), ("(class{", "\n})"), ("({", "\n})"), ("([", "\n])"), ("async()=>{", "\n}")];
    for (before, after) in around {
        let text = format!("{before}{piece}{after}");
        if let Some(found) =
            read_tree(kind, text.as_bytes(), |program| Some(tree::signals(program, Scopes::of(program), &[])))
        {
            return found.moved_back(before.len());
        }
    }
    words::signals(piece, &[])
}
