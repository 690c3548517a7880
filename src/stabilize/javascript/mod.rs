//! Reads JavaScript and TypeScript of strangers, within bounds.
//!
//! The parser is oxc's. It is recursive and has no limit of its own, so a text is measured first ([`nesting`]) and then
//! parsed on a thread whose stack is large enough for that measure. A text with any syntax error is not read at all, nor is
//! one that is another program as a script than as a module ([`goal`]).
//!
//! Where two sides are compared, oxc's tokens are not believed blindly: what lies between tokens and comments must be white space, so nothing that
//! runs can be in neither ([`parse`]).
//!
//! For questions about what a program does there are [`scopes`] and [`value`]: what names and expressions stand for.
//! A text that cannot be parsed still has words and strings ([`lenient`]).

mod call;
mod goal;
mod kind;
mod lenient;
mod nesting;
mod parse;
mod scopes;
mod value;

pub(crate) use call::is_require;
pub use kind::SourceKind;
pub(crate) use lenient::{Lexeme, LexemeKind, lexemes};
pub(crate) use parse::{PARSER_THREAD, Parsed, keeping_arena, read_any, read_one, read_pair, read_tree};
pub use parse::{STACK_SIZE, mark_large_stack};
pub(crate) use scopes::Scopes;
pub(crate) use value::{Base, Text, Value, is_own};
