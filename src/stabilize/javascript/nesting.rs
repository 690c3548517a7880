//! Bounds how deep a parser can recurse on a text, before it is let near it.
//!
//! The parser calls itself for every bracket, prefix operator, arrow, `else if` and so on, so a hostile file of a few
//! megabytes could exhaust any stack. This pass reads the text without recursion and counts, for each open bracket,
//! the tokens since the last place at which the parser must have returned to it; their sum is an upper bound.
//!
//! It needs to know strings, templates, comments and regular expressions apart, and whether a `/` divides or begins a
//! regular expression is not always plain without parsing. Where it is not, both readings are followed until one of
//! them cannot be (an unclosed string, a bracket closed by another) or both meet again. The parser follows one of the
//! readings that are alive, or has given up, so a bound that holds for all holds for it.

use std::mem;

/// Most readings that are followed at a time.
const MAXIMUM_READINGS: usize = 8;
/// Most bracket comparisons in finding readings that have met.
const MAXIMUM_COMPARISONS: usize = 20_000_000;

/// Whether the parser's recursion stays below `limit` tokens on this text.
pub(super) fn is_bounded(text: &str, has_types: bool, limit: usize) -> bool {
    let bytes = text.as_bytes();
    let mut readings = vec![Reading::new(bytes)];
    let mut comparisons = 0;
    loop {
        // Nearly always there is but one.
        if let [reading] = readings.as_mut_slice() {
            let step = loop {
                if reading.position >= bytes.len() {
                    return true;
                }
                match reading.step(bytes, has_types) {
                    Step::Goes if reading.depth() > limit => return false,
                    Step::Goes => {}
                    other => break other,
                }
            };
            match step {
                Step::Forks(other) if reading.depth().max(other.depth()) <= limit => readings.push(*other),
                _ => return false,
            }
        }
        // The one that is furthest behind goes on, so that others can be met.
        let furthest_behind = (0..readings.len()).min_by_key(|index| readings[*index].position);
        let Some(index) = furthest_behind else { return false };
        if readings[index].position >= bytes.len() {
            return true;
        }
        match readings[index].step(bytes, has_types) {
            Step::Goes => {}
            Step::Forks(other) => readings.push(*other),
            Step::Ends => {
                readings.swap_remove(index);
                continue;
            }
            Step::Unsure => return false,
        }
        if readings.iter().any(|reading| reading.depth() > limit) || readings.len() > MAXIMUM_READINGS {
            return false;
        }
        if readings.len() > 1 {
            join_met(&mut readings, &mut comparisons);
            if comparisons > MAXIMUM_COMPARISONS {
                return false;
            }
        }
    }
}

/// Joins readings that are at the same place in the same state; the deeper count stays.
fn join_met(readings: &mut Vec<Reading>, comparisons: &mut usize) {
    let mut kept: Vec<Reading> = Vec::with_capacity(readings.len());
    for reading in readings.drain(..) {
        let met = kept.iter_mut().find(|other| {
            let same_place = other.position == reading.position && other.levels.len() == reading.levels.len();
            if same_place {
                *comparisons += reading.levels.len() + 1;
            }
            same_place && other.state() == reading.state() && {
                let openers = other.levels.iter().map(|level| (level.opener, level.is_head));
                openers.eq(reading.levels.iter().map(|level| (level.opener, level.is_head)))
            }
        });
        match met {
            Some(other) => other.deepen(&reading),
            None => kept.push(reading),
        }
    }
    *readings = kept;
}

enum Step {
    Goes,
    Forks(Box<Reading>),
    /// No parser goes on here.
    Ends,
    /// The text holds what this pass does not judge.
    Unsure,
}

/// What the last token lets a `/` be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    /// A regular expression.
    Operator,
    /// A division, unless a line ended in between.
    Value,
    /// Either.
    Either,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Chain {
    /// Tokens since the parser was last back at this level.
    tokens: usize,
    /// Those of them that outlast a comma: statements that hold statements, open angle brackets.
    lasting: usize,
}

#[derive(Debug, Clone)]
struct Level {
    opener: u8,
    /// Whether the bracket follows `if`, `for`, `while` or `with`.
    is_head: bool,
    chain: Chain,
}

#[derive(Debug, Clone)]
struct Reading {
    position: usize,
    levels: Vec<Level>,
    chain: Chain,
    /// What `;` ended, in case `else` or `while` goes on with it.
    ended: Chain,
    /// Sum of the tokens of all levels further out.
    outer: usize,
    last: Last,
    /// The last token's first byte, or 0 for a word.
    last_byte: u8,
    last_is_head: bool,
    /// Whether a line ended since the last token.
    on_new_line: bool,
    /// Whether a statement may begin at the next, and whether it did at the last token.
    statement_starts: bool,
    statement_started: bool,
}

/// What a word is that a statement or an expression may go on with.
type Classes = u8;
/// `(` behind it opens the head of a statement.
const HEAD: Classes = 1;
/// Begins a statement that outlasts a comma.
const LASTING: Classes = 2;
/// Begins a statement and nothing else when it follows `}`.
const STATEMENT: Classes = 4;
/// Is followed by an expression.
const OPERATOR: Classes = 8;
/// Is a value in one place and something else in another.
const EITHER: Classes = 16;

/// One match for all classes: most words have none, and this runs for every word of every program.
fn classes(word: &[u8]) -> Classes {
    match word {
        b"if" | b"for" => HEAD | LASTING | STATEMENT | EITHER,
        b"while" | b"with" => HEAD | LASTING,
        b"else" | b"do" => LASTING | OPERATOR,
        b"const" | b"export" | b"function" | b"import" | b"let" => STATEMENT | EITHER,
        b"class" | b"switch" | b"try" | b"var" => STATEMENT,
        b"return" | b"throw" => STATEMENT | OPERATOR,
        b"case" | b"delete" | b"extends" | b"in" | b"instanceof" | b"new" | b"typeof" => OPERATOR,
        b"abstract" | b"accessor" | b"as" | b"asserts" | b"async" | b"await" | b"break" | b"catch" | b"continue"
        | b"debugger" | b"declare" | b"default" | b"defer" | b"finally" | b"from" | b"get" | b"global" | b"infer"
        | b"is" | b"keyof" | b"module" | b"namespace" | b"of" | b"out" | b"readonly" | b"satisfies" | b"set"
        | b"static" | b"type" | b"unique" | b"using" | b"void" | b"yield" => EITHER,
        _ => 0,
    }
}

impl Reading {
    fn new(bytes: &[u8]) -> Self {
        let mut position = 0;
        if bytes.starts_with(b"#!") {
            position = line_end(bytes, 0);
        }
        Self {
            position,
            levels: Vec::new(),
            chain: Chain::default(),
            ended: Chain::default(),
            outer: 0,
            last: Last::Operator,
            last_byte: b';',
            last_is_head: false,
            on_new_line: true,
            statement_starts: true,
            statement_started: false,
        }
    }

    fn depth(&self) -> usize {
        self.outer + self.chain.tokens.max(self.ended.tokens)
    }

    fn state(&self) -> (Last, u8, bool, bool, bool, bool) {
        let starts = (self.statement_starts, self.statement_started);
        (self.last, self.last_byte, self.last_is_head, self.on_new_line, starts.0, starts.1)
    }

    fn deepen(&mut self, other: &Self) {
        let deeper = |left: &mut Chain, right: &Chain| {
            left.tokens = left.tokens.max(right.tokens);
            left.lasting = left.lasting.max(right.lasting);
        };
        deeper(&mut self.chain, &other.chain);
        deeper(&mut self.ended, &other.ended);
        for (level, other) in self.levels.iter_mut().zip(&other.levels) {
            deeper(&mut level.chain, &other.chain);
        }
        self.outer = self.levels.iter().map(|level| level.chain.tokens).sum();
    }

    /// Reads one token, with what is before it.
    fn step(&mut self, bytes: &[u8], has_types: bool) -> Step {
        let byte = loop {
            match bytes.get(self.position) {
                None => return Step::Goes,
                Some(b'\n' | b'\r') => self.on_new_line = true,
                Some(b' ' | b'\t' | 0x0b | 0x0c) => {}
                Some(&byte) => break byte,
            }
            self.position += 1;
        };
        let rest = &bytes[self.position..];
        match byte {
            0xe2 if is_wide_line_end(rest) => {
                self.on_new_line = true;
                self.position += 3;
                Step::Goes
            }
            0xef if rest.starts_with("\u{feff}".as_bytes()) => {
                self.position += 3;
                Step::Goes
            }
            0xc2 if rest.starts_with("\u{a0}".as_bytes()) => {
                self.position += 2;
                Step::Goes
            }
            b'/' if rest.starts_with(b"//") => {
                self.position = line_end(bytes, self.position);
                Step::Goes
            }
            b'/' if rest.starts_with(b"/*") => self.block_comment(bytes),
            b'<' if rest.starts_with(b"<!--") => Step::Unsure,
            b'-' if self.on_new_line && rest.starts_with(b"-->") => Step::Unsure,
            b'/' => self.slash(bytes),
            b'\'' | b'"' => self.string(bytes, byte),
            b'`' => {
                self.token(Last::Operator, byte);
                self.open(b'`');
                self.template(bytes, self.position + 1)
            }
            b'(' | b'[' | b'{' => {
                let is_head = byte == b'(' && self.last_is_head;
                self.token(Last::Operator, byte);
                self.open(byte);
                if let Some(level) = self.levels.last_mut() {
                    level.is_head = is_head;
                }
                self.statement_starts = byte == b'{';
                self.position += 1;
                Step::Goes
            }
            b')' | b']' | b'}' => self.close(bytes, byte),
            _ if is_word(byte) => {
                self.word(bytes);
                Step::Goes
            }
            _ => {
                self.punctuation(rest, has_types);
                Step::Goes
            }
        }
    }

    fn token(&mut self, last: Last, byte: u8) {
        self.chain.tokens += 1;
        self.ended = Chain::default();
        self.last = last;
        self.last_byte = byte;
        self.last_is_head = false;
        self.on_new_line = false;
        self.statement_started = mem::take(&mut self.statement_starts);
    }

    fn open(&mut self, opener: u8) {
        self.outer += self.chain.tokens;
        self.levels.push(Level { opener, is_head: false, chain: mem::take(&mut self.chain) });
    }

    fn close(&mut self, bytes: &[u8], byte: u8) -> Step {
        let Some(level) = self.levels.pop() else { return Step::Ends };
        let closes = match level.opener {
            b'(' => b')',
            b'[' => b']',
            _ => b'}',
        };
        if level.opener == b'`' || byte != closes {
            return Step::Ends;
        }
        self.outer -= level.chain.tokens;
        self.chain = level.chain;
        if level.opener == b'$' {
            self.token(Last::Operator, byte);
            return self.template(bytes, self.position + 1);
        }
        let last = match byte {
            b'}' => Last::Either,
            b')' if level.is_head => Last::Either,
            _ => Last::Value,
        };
        self.token(last, byte);
        self.statement_starts = byte != b']';
        self.position += 1;
        Step::Goes
    }

    /// Goes on inside a template up to its end or its next `${`.
    fn template(&mut self, bytes: &[u8], mut at: usize) -> Step {
        loop {
            match bytes.get(at) {
                None => return Step::Ends,
                Some(b'\\') => at += 2,
                Some(b'`') => {
                    let Some(level) = self.levels.pop() else { return Step::Ends };
                    self.outer -= level.chain.tokens;
                    self.chain = level.chain;
                    self.token(Last::Value, b'`');
                    self.position = at + 1;
                    return Step::Goes;
                }
                Some(b'$') if bytes.get(at + 1) == Some(&b'{') => {
                    self.token(Last::Operator, b'{');
                    self.open(b'$');
                    self.position = at + 2;
                    return Step::Goes;
                }
                Some(_) => at += 1,
            }
        }
    }

    fn string(&mut self, bytes: &[u8], quote: u8) -> Step {
        let mut at = self.position + 1;
        loop {
            match bytes.get(at) {
                None | Some(b'\n' | b'\r') => return Step::Ends,
                Some(b'\\') if bytes[at..].starts_with(b"\\\r\n") => at += 3,
                Some(b'\\') => at += 2,
                Some(byte) if *byte == quote => break,
                Some(_) => at += 1,
            }
        }
        self.token(Last::Value, quote);
        self.position = at + 1;
        Step::Goes
    }

    fn block_comment(&mut self, bytes: &[u8]) -> Step {
        let body = &bytes[self.position + 2..];
        let Some(length) = memchr::memmem::find(body, b"*/") else { return Step::Ends };
        let body = &body[..length];
        let has_wide = || memchr::memchr_iter(0xe2, body).any(|at| is_wide_line_end(&body[at..]));
        if memchr::memchr2(b'\n', b'\r', body).is_some() || has_wide() {
            self.on_new_line = true;
        }
        self.position += length + 4;
        Step::Goes
    }

    fn slash(&mut self, bytes: &[u8]) -> Step {
        let last = match self.last {
            Last::Value if self.on_new_line => Last::Either,
            other => other,
        };
        let other = (last == Last::Either).then(|| self.clone());
        if last != Last::Operator {
            self.token(Last::Operator, b'/');
            self.position += 1;
            let Some(mut other) = other else { return Step::Goes };
            return match other.regular_expression(bytes) {
                Step::Goes => Step::Forks(Box::new(other)),
                _ => Step::Goes,
            };
        }
        self.regular_expression(bytes)
    }

    fn regular_expression(&mut self, bytes: &[u8]) -> Step {
        let (mut at, mut in_class) = (self.position + 1, false);
        loop {
            match bytes.get(at) {
                None | Some(b'\n' | b'\r') => return Step::Ends,
                Some(_) if is_wide_line_end(&bytes[at..]) => return Step::Ends,
                Some(b'\\') if matches!(bytes.get(at + 1), Some(b'\n' | b'\r')) => return Step::Ends,
                Some(b'\\') => at += 1,
                Some(b'[') => in_class = true,
                Some(b']') => in_class = false,
                Some(b'/') if !in_class => break,
                Some(_) => {}
            }
            at += 1;
        }
        at += 1;
        at += bytes[at..].iter().take_while(|byte| is_word(**byte)).count();
        self.token(Last::Value, b'/');
        self.position = at;
        Step::Goes
    }

    fn word(&mut self, bytes: &[u8]) {
        let start = self.position;
        let rest = &bytes[start..];
        let plain = rest.iter().take_while(|byte| byte.is_ascii() && is_word(**byte) && **byte != b'\\').count();
        let (mut length, mut is_odd) = (plain, false);
        while let Some(&byte) = rest.get(length)
            && is_word(byte)
            && !(byte == 0xe2 && is_wide_line_end(&rest[length..]))
        {
            is_odd |= byte == b'\\' || !byte.is_ascii();
            length += 1;
        }
        let mut word = &rest[..length];
        if word[0].is_ascii_digit() && rest.get(length) == Some(&b'.') {
            let next = rest.get(length + 1).copied().unwrap_or_default();
            if next.is_ascii_digit() || !is_word(next) && next != b'.' {
                length += 1;
                length += rest[length..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
                (word, is_odd) = (b"0", false);
            }
        }
        let is_name = matches!(self.last_byte, b'.' | b'#');
        let classes = if is_name { 0 } else { classes(word) };
        let is_any_of = |of: Classes| classes & of != 0;
        let last = match () {
            () if is_any_of(OPERATOR) => Last::Operator,
            () if is_any_of(EITHER) || is_odd => Last::Either,
            () => Last::Value,
        };
        if is_any_of(LASTING) && matches!(word, b"else" | b"while") && self.ended != Chain::default() {
            self.chain = self.ended;
        } else if self.last_byte == b'}' && is_any_of(STATEMENT) {
            self.chain = Chain::default();
        }
        self.token(last, 0);
        self.chain.lasting += usize::from(is_any_of(LASTING));
        self.last_is_head = is_any_of(HEAD) || word == b"await";
        self.statement_starts = is_any_of(LASTING) && matches!(word, b"else" | b"do");
        self.position = start + length;
    }

    fn punctuation(&mut self, rest: &[u8], has_types: bool) {
        let byte = rest[0];
        let last = match byte {
            b'+' | b'-' if rest.get(1) == Some(&byte) => {
                self.position += 1;
                if self.last == Last::Value && !self.on_new_line { Last::Value } else { Last::Either }
            }
            b'!' | b'>' if has_types && self.last != Last::Operator => Last::Either,
            _ => Last::Operator,
        };
        // `...` is followed by an expression, `.` by a name.
        let is_spread = rest.starts_with(b"...");
        self.position += if is_spread { 3 } else { 1 };
        let labels = byte == b':' && self.last_byte == 0 && self.statement_started;
        let ended = self.chain;
        self.token(last, if is_spread { b'=' } else { byte });
        match byte {
            b';' => {
                self.ended = ended;
                self.chain = Chain::default();
            }
            b',' => self.chain.tokens = self.chain.lasting,
            b':' if labels => self.chain.lasting += 1,
            b'<' if has_types => self.chain.lasting += 1,
            _ => {}
        }
        self.statement_starts = matches!(byte, b';' | b':');
    }
}

fn is_word(byte: u8) -> bool {
    WORD[usize::from(byte)]
}

/// The bytes that words are made of.
const WORD: [bool; 256] = {
    let (mut word, mut byte) = ([false; 256], 0);
    while byte < 256 {
        word[byte] = (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'_' | b'$' | b'\\') || byte >= 0x80;
        byte += 1;
    }
    word
};

fn is_wide_line_end(bytes: &[u8]) -> bool {
    bytes.starts_with("\u{2028}".as_bytes()) || bytes.starts_with("\u{2029}".as_bytes())
}

fn line_end(bytes: &[u8], from: usize) -> usize {
    memchr::memchr3_iter(b'\n', b'\r', 0xe2, &bytes[from..])
        .map(|at| from + at)
        .find(|at| bytes[*at] != 0xe2 || is_wide_line_end(&bytes[*at..]))
        .unwrap_or(bytes.len())
}

#[cfg(test)]
#[path = "nesting_tests.rs"]
mod tests;
