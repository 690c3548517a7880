//! git's own idea of an ignored path, which differs from npm's in letter case, anchoring and nesting.
//!
//! Only `.gitignore` files of the tree count; a user's global excludes and `.git/info/exclude` are not part of it. A
//! tracked file is answered for as if it were not tracked.

use std::collections::HashMap;
use std::rc::Rc;

use super::javascript;
use super::program::Budget;
use crate::pack::{Node, NodeKind, SourceTree};
use crate::package::without_byte_order_mark;

/// Longer patterns are left out, because matching costs the product of both lengths.
const MAXIMUM_PATTERN: usize = 4_096;
/// Steps that all questions to one [`GitIgnores`] may cost; after that nothing is ignored.
const MAXIMUM_STEPS: u64 = 1_000_000_000;

/// Says whether git would ignore `path` by the `.gitignore` files of the tree.
///
/// The path need not exist; it counts as a directory only if the tree has one there. For many paths ask one
/// [`GitIgnores`].
pub fn git_ignored(tree: &dyn SourceTree, path: &str) -> bool {
    GitIgnores::new(tree).ignores(path)
}

/// The `.gitignore` files of a tree, read once each, and what they say of its directories.
pub struct GitIgnores<'a> {
    tree: &'a dyn SourceTree,
    directories: HashMap<Box<str>, Rc<Directory>>,
    budget: Budget,
}

struct Directory {
    /// Bytes of a path in it that name the directory, with the slash behind it.
    prefix: usize,
    /// Whether it, or one above it, is ignored: what lies below cannot be brought back.
    ignored: bool,
    lines: Vec<IgnoreLine>,
    /// The nearest directory above that has lines.
    above: Option<Rc<Directory>>,
    entries: Vec<Node>,
}

impl std::fmt::Debug for GitIgnores<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("GitIgnores").finish_non_exhaustive()
    }
}

impl<'a> GitIgnores<'a> {
    /// Reads nothing yet.
    pub fn new(tree: &'a dyn SourceTree) -> Self {
        Self { tree, directories: HashMap::new(), budget: Budget::new(MAXIMUM_STEPS) }
    }

    /// Says whether git would ignore `path`.
    pub fn ignores(&mut self, path: &str) -> bool {
        let Some(path) = javascript::resolve("", path).filter(|path| !path.is_empty()) else { return false };
        let (parent, name) = javascript::split_last(&path);
        let parent = self.directory(parent);
        let is_it = |node: &Node| node.name == name && matches!(node.kind, NodeKind::Directory | NodeKind::Submodule);
        self.decide(&parent, &path, || parent.entries.iter().any(is_it))
    }

    /// A directory, those above it read first.
    fn directory(&mut self, path: &str) -> Rc<Directory> {
        if let Some(known) = self.directories.get(path) {
            return Rc::clone(known);
        }
        let ends = path.match_indices('/').map(|(end, _)| end).chain((!path.is_empty()).then_some(path.len()));
        let mut directory = self.read("", None);
        for end in ends {
            let start = directory.prefix;
            let exists = directory
                .entries
                .iter()
                .any(|node| node.name == path[start..end] && matches!(node.kind, NodeKind::Directory));
            directory = if exists {
                self.read(&path[..end], Some(directory))
            } else {
                Rc::new(self.below(&path[..end], directory))
            };
        }
        directory
    }

    /// A directory that the tree does not have or that is not read yet: only those above it can say something.
    fn below(&self, path: &str, parent: Rc<Directory>) -> Directory {
        let ignored = self.decide(&parent, path, || true);
        let above = if parent.lines.is_empty() { parent.above.clone() } else { Some(parent) };
        Directory { prefix: path.len() + 1, ignored, lines: Vec::new(), above, entries: Vec::new() }
    }

    fn read(&mut self, path: &str, parent: Option<Rc<Directory>>) -> Rc<Directory> {
        if let Some(known) = self.directories.get(path) {
            return Rc::clone(known);
        }
        let mut directory = match parent {
            Some(parent) => self.below(path, parent),
            None => Directory { prefix: 0, ignored: false, lines: Vec::new(), above: None, entries: Vec::new() },
        };
        if !directory.ignored {
            directory.entries = self.tree.list(path);
            let is_file = |node: &Node| node.name == ".gitignore" && matches!(node.kind, NodeKind::File { .. });
            let has_file = directory.entries.iter().any(is_file);
            let content = has_file.then(|| self.tree.read(&javascript::join(path, ".gitignore"))).flatten();
            directory.lines = content.map(|content| parse(&content)).unwrap_or_default();
        }
        let directory = Rc::new(directory);
        self.directories.insert(path.into(), Rc::clone(&directory));
        directory
    }

    /// Asks the directories above a path, the nearest first; the last line of a file that matches decides.
    fn decide(&self, parent: &Directory, path: &str, is_directory: impl Fn() -> bool) -> bool {
        if parent.ignored {
            return true;
        }
        let name = &path.as_bytes()[parent.prefix..];
        let mut asked = Some(parent);
        while let Some(directory) = asked {
            let from_file = &path.as_bytes()[directory.prefix..];
            let decisive = directory.lines.iter().rev().find(|line| {
                let text = if line.anchored { from_file } else { name };
                self.budget.spend(1 + (line.tokens.len() * text.len()) as u64)
                    && matches(&line.tokens, text)
                    && (!line.only_directories || is_directory())
            });
            if let Some(line) = decisive {
                return !line.negated;
            }
            asked = directory.above.as_deref();
        }
        false
    }
}

struct IgnoreLine {
    tokens: Vec<Token>,
    negated: bool,
    only_directories: bool,
    /// Whether it is compared with the path from its file's directory, not with the name alone.
    anchored: bool,
}

fn parse(content: &[u8]) -> Vec<IgnoreLine> {
    let content = without_byte_order_mark(content);
    content.split(|&byte| byte == b'\n').filter_map(parse_line).collect()
}

fn parse_line(line: &[u8]) -> Option<IgnoreLine> {
    let line = trim_end(line.strip_suffix(b"\r").unwrap_or(line));
    if line.is_empty() || line.starts_with(b"#") || line.len() > MAXIMUM_PATTERN {
        return None;
    }
    let (negated, line) = line.strip_prefix(b"!").map_or((false, line), |line| (true, line));
    let (only_directories, line) = match line.strip_suffix(b"/") {
        Some(line) => (true, line),
        None => (false, line),
    };
    let anchored = line.contains(&b'/');
    let line = if anchored { line.strip_prefix(b"/").unwrap_or(line) } else { line };
    let tokens = tokenize(line)?;
    Some(IgnoreLine { tokens, negated, only_directories, anchored })
}

/// Removes trailing spaces that no backslash protects.
fn trim_end(line: &[u8]) -> &[u8] {
    let mut end = 0;
    let mut index = 0;
    while index < line.len() {
        index += if line[index] == b'\\' { 2 } else { 1 };
        let last = index.min(line.len());
        if line[last - 1] != b' ' || index - end > 1 && line[last - 2] == b'\\' {
            end = last;
        }
    }
    &line[..end]
}

#[derive(Debug)]
enum Token {
    Byte(u8),
    AnyByte,
    /// Any bytes but slashes.
    Star,
    /// Any bytes at all.
    Everything,
    /// Nothing, or anything that ends in a slash.
    Directories,
    Class {
        negated: bool,
        ranges: Vec<(u8, u8)>,
        sets: Vec<fn(&u8) -> bool>,
    },
}

fn tokenize(pattern: &[u8]) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut index = 0;
    while index < pattern.len() {
        match pattern[index] {
            b'\\' => {
                tokens.push(Token::Byte(*pattern.get(index + 1)?));
                index += 2;
            }
            b'?' => {
                tokens.push(Token::AnyByte);
                index += 1;
            }
            b'*' => {
                let stars = pattern[index..].iter().take_while(|&&byte| byte == b'*').count();
                let starts = index == 0 || pattern[index - 1] == b'/';
                let rest = &pattern[index + stars..];
                index += stars;
                if stars > 1 && starts && rest.is_empty() {
                    tokens.push(Token::Everything);
                } else if stars > 1 && starts && rest[0] == b'/' {
                    tokens.push(Token::Directories);
                    index += 1;
                } else {
                    tokens.push(Token::Star);
                }
            }
            b'[' => {
                let (class, consumed) = class(&pattern[index..])?;
                tokens.push(class);
                index += consumed;
            }
            byte => {
                tokens.push(Token::Byte(byte));
                index += 1;
            }
        }
    }
    Some(tokens)
}

fn class(text: &[u8]) -> Option<(Token, usize)> {
    let negated = matches!(text.get(1), Some(b'!' | b'^'));
    let mut index = if negated { 2 } else { 1 };
    let start = index;
    let (mut ranges, mut sets) = (Vec::new(), Vec::new());
    loop {
        let byte = *text.get(index)?;
        if byte == b']' && index > start {
            return Some((Token::Class { negated, ranges, sets }, index + 1));
        }
        if text[index..].starts_with(b"[:") {
            let name_start = index + 2;
            let length = text[name_start..].iter().position(|&byte| byte == b']')?;
            if let Some(name) = text[name_start..name_start + length].strip_suffix(b":") {
                sets.push(posix_set(name)?);
                index = name_start + length + 1;
                continue;
            }
        }
        let (first, next) = class_byte(text, index)?;
        if text.get(next) == Some(&b'-') && text.get(next + 1).is_some_and(|&byte| byte != b']') {
            let (last, after) = class_byte(text, next + 1)?;
            ranges.push((first, last));
            index = after;
        } else {
            ranges.push((first, first));
            index = next;
        }
    }
}

fn class_byte(text: &[u8], index: usize) -> Option<(u8, usize)> {
    match text.get(index)? {
        b'\\' => Some((*text.get(index + 1)?, index + 2)),
        byte => Some((*byte, index + 1)),
    }
}

fn posix_set(name: &[u8]) -> Option<fn(&u8) -> bool> {
    Some(match name {
        b"alnum" => u8::is_ascii_alphanumeric,
        b"alpha" => u8::is_ascii_alphabetic,
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"cntrl" => u8::is_ascii_control,
        b"digit" => u8::is_ascii_digit,
        b"graph" => u8::is_ascii_graphic,
        b"lower" => u8::is_ascii_lowercase,
        b"print" => |byte| byte.is_ascii_graphic() || *byte == b' ',
        b"punct" => u8::is_ascii_punctuation,
        b"space" => |byte| byte.is_ascii_whitespace() || *byte == 0x0b,
        b"upper" => u8::is_ascii_uppercase,
        b"xdigit" => u8::is_ascii_hexdigit,
        _ => return None,
    })
}

/// Follows all ways to match at once: a state is the index of the next token, entered or being repeated.
fn matches(tokens: &[Token], text: &[u8]) -> bool {
    // Most patterns are literal at both ends, which decides nearly every comparison without any state.
    let literal = |token: &Token, byte: &u8| matches!(token, Token::Byte(expected) if expected == byte);
    let is_literal = |token: &&Token| matches!(token, Token::Byte(_));
    let head = tokens.iter().take_while(is_literal).count();
    let tail = tokens[head..].iter().rev().take_while(is_literal).count();
    if text.len() < head + tail {
        return false;
    }
    let (first, rest) = text.split_at(head);
    let (middle, last) = rest.split_at(rest.len() - tail);
    if !tokens[..head].iter().zip(first).all(|(token, byte)| literal(token, byte))
        || !tokens[tokens.len() - tail..].iter().zip(last).all(|(token, byte)| literal(token, byte))
    {
        return false;
    }
    match &tokens[head..tokens.len() - tail] {
        [] => middle.is_empty(),
        [Token::Star] => !middle.contains(&b'/'),
        rest => matches_states(rest, middle),
    }
}

/// Runs the pattern as a nondeterministic automaton: linear in the text, whatever the pattern.
fn matches_states(tokens: &[Token], text: &[u8]) -> bool {
    let mut current = vec![false; tokens.len() + 1];
    let mut inside = current.clone();
    let (mut next, mut next_inside) = (current.clone(), current.clone());
    current[0] = true;
    for &byte in text {
        skip_empty(tokens, &mut current);
        next.fill(false);
        next_inside.fill(false);
        for (index, token) in tokens.iter().enumerate() {
            match token {
                Token::Byte(expected) => next[index + 1] |= current[index] && byte == *expected,
                Token::AnyByte => next[index + 1] |= current[index] && byte != b'/',
                Token::Class { negated, ranges, sets } => {
                    let listed = ranges.iter().any(|(first, last)| (first..=last).contains(&&byte))
                        || sets.iter().any(|set| set(&byte));
                    next[index + 1] |= current[index] && byte != b'/' && listed != *negated;
                }
                Token::Star => next[index] |= current[index] && byte != b'/',
                Token::Everything => next[index] |= current[index],
                Token::Directories => {
                    if current[index] || inside[index] {
                        next_inside[index] = true;
                        next[index + 1] |= byte == b'/';
                    }
                }
            }
        }
        std::mem::swap(&mut current, &mut next);
        std::mem::swap(&mut inside, &mut next_inside);
    }
    skip_empty(tokens, &mut current);
    current[tokens.len()]
}

fn skip_empty(tokens: &[Token], states: &mut [bool]) {
    for (index, token) in tokens.iter().enumerate() {
        if states[index] && matches!(token, Token::Star | Token::Everything | Token::Directories) {
            states[index + 1] = true;
        }
    }
}
