use std::cell::{Cell, OnceCell};
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::thread;

use oxc_allocator::Allocator;
use oxc_ast::ast::Program;
use oxc_parser::config::TokensParserConfig;
use oxc_parser::{Kind, ParseOptions, Parser};
use oxc_span::SourceType;

use super::SourceKind;
use super::goal::doubts;
use super::nesting::is_bounded;

/// Largest text that is read, bytes.
const MAXIMUM_SIZE: usize = 4 << 20;
/// The name of the threads that parse; one of them fails over a text that its parser cannot bear.
pub(crate) const PARSER_THREAD: &str = "javascript";
/// Most tokens the parser may be nested in.
const MAXIMUM_NESTING: usize = 1 << 16;
/// Stack for each token of nesting, bytes. The worst found is 2.1 kB (tuple types), with code that is hardly optimised.
const STACK_PER_TOKEN: usize = 5 << 10;
/// The stack that parsing needs, bytes; hardly any of it is touched by files that people wrote.
pub const STACK_SIZE: usize = MAXIMUM_NESTING * STACK_PER_TOKEN;

/// Most memory of a tree that is kept for the next, bytes.
const MAXIMUM_ARENA: usize = 32 << 20;

/// One token of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SourceToken {
    /// First byte.
    pub(crate) start: usize,
    /// Byte after the last.
    pub(crate) end: usize,
    kind: Kind,
}

/// A text that was read without any error.
pub(crate) struct Parsed<'a> {
    /// The text.
    pub(crate) text: &'a str,
    /// Its tree.
    pub(crate) program: Program<'a>,
    /// Its tokens in order, `#!` and comments apart.
    pub(crate) tokens: Vec<SourceToken>,
    /// Its comments in order, with their delimiters.
    pub(crate) comments: Vec<Range<usize>>,
}

impl Parsed<'_> {
    /// A token's kind and text.
    pub(crate) fn token(&self, token: &SourceToken) -> (Kind, &str) {
        (token.kind, &self.text[token.start..token.end])
    }

    /// Whether a place lies in a string, a regular expression, a template's text or a comment that began before it.
    fn encloses(&self, place: usize) -> bool {
        let token = self.tokens.partition_point(|token| token.start < place).checked_sub(1);
        let comment = self.comments.partition_point(|comment| comment.start < place).checked_sub(1);
        token.is_some_and(|index| place < self.tokens[index].end)
            || comment.is_some_and(|index| place < self.comments[index].end)
    }
}

/// Reads both sides under the first grammar that fits both and for which `judge` has an answer.
///
/// `None` where a side is too large, too deeply nested, not valid, or one program as a script and another as a module.
pub(crate) fn read_pair<R: Send>(
    kind: SourceKind,
    published: &[u8],
    candidate: &[u8],
    judge: impl Fn(&Parsed<'_>, &Parsed<'_>) -> Option<R> + Sync,
) -> Option<R> {
    let (published, candidate) = (bounded_text(kind, published)?, bounded_text(kind, candidate)?);
    on_large_stack(|| {
        let meanings = (Meaning::of(kind, published), Meaning::of(kind, candidate));
        kind.grammars().into_iter().find_map(|grammar| {
            let allocators = (Allocator::default(), Allocator::default());
            let published = parse(&allocators.0, published, grammar)?;
            let candidate = parse(&allocators.1, candidate, grammar)?;
            let is_one = meanings.0.is_one(&published) && meanings.1.is_one(&candidate);
            is_one.then(|| judge(&published, &candidate)).flatten()
        })
    })
}

/// Reads one text under the first grammar that fits.
pub(crate) fn read_one<R: Send>(
    kind: SourceKind,
    content: &[u8],
    judge: impl Fn(&Parsed<'_>) -> Option<R> + Sync,
) -> Option<R> {
    under_grammars(kind, content, |allocator, text, grammar, meaning| {
        let parsed = parse(allocator, text, grammar)?;
        meaning.is_one(&parsed).then(|| judge(&parsed)).flatten()
    })
}

/// Like [`read_one`], for what asks for the tree alone: nothing is collected beside it, unless its meaning is in doubt.
pub(crate) fn read_tree<R: Send>(
    kind: SourceKind,
    content: &[u8],
    judge: impl Fn(&Program<'_>) -> Option<R> + Sync,
) -> Option<R> {
    under_grammars(kind, content, |allocator, text, grammar, meaning| {
        if meaning.is_in_doubt() {
            let parsed = parse(allocator, text, grammar)?;
            return meaning.is_one(&parsed).then(|| judge(&parsed.program)).flatten();
        }
        let result = Parser::new(allocator, text, grammar).with_options(options(grammar)).parse();
        if result.panicked || !result.diagnostics.is_empty() {
            return None;
        }
        judge(&result.program)
    })
}

/// Whether `judge` holds of a text's tree as a script or as a module, or the text is too much to be read.
pub(crate) fn read_any(text: &str, judge: impl Fn(&Program<'_>) -> bool + Sync) -> bool {
    let kind = SourceKind::Unstated;
    let Some(text) = bounded_text(kind, text.as_bytes()) else { return true };
    let read = || {
        let holds = kind.grammars().into_iter().any(|grammar| {
            with_arena(|allocator| {
                let result = Parser::new(allocator, text, grammar).with_options(options(grammar)).parse();
                !result.panicked && result.diagnostics.is_empty() && judge(&result.program)
            })
        });
        Some(holds)
    };
    on_large_stack(read).unwrap_or(true)
}

/// Reads one text under the first grammar for which `read` has an answer.
fn under_grammars<R: Send>(
    kind: SourceKind,
    content: &[u8],
    read: impl Fn(&Allocator, &str, SourceType, &Meaning<'_>) -> Option<R> + Sync,
) -> Option<R> {
    let text = bounded_text(kind, content)?;
    on_large_stack(|| {
        let meaning = Meaning::of(kind, text);
        let under = |grammar| with_arena(|allocator| read(allocator, text, grammar, &meaning));
        kind.grammars().into_iter().find_map(under)
    })
}

/// Whether a text has the same tokens as a script and as a module, or is valid as one of them only.
struct Meaning<'a> {
    text: &'a str,
    /// What it is read as; none where its name says it.
    goals: Option<[SourceType; 2]>,
    /// Where the goals may part.
    doubts: Vec<usize>,
    /// What both readings said, once it was asked.
    compared: OnceCell<bool>,
}

impl<'a> Meaning<'a> {
    fn of(kind: SourceKind, text: &'a str) -> Self {
        let goals = kind.goals();
        let doubts = if goals.is_some() { doubts(text) } else { Vec::new() };
        Self { text, goals, doubts, compared: OnceCell::new() }
    }

    fn is_in_doubt(&self) -> bool {
        !self.doubts.is_empty()
    }

    /// All readings agree up to the first doubt that one of them finds in code: where none does, there is no other reading.
    fn is_one(&self, parsed: &Parsed<'_>) -> bool {
        self.doubts.iter().all(|&place| parsed.encloses(place)) || *self.compared.get_or_init(|| self.compare())
    }

    fn compare(&self) -> bool {
        let Some(goals) = self.goals else { return true };
        let read = goals.map(|grammar| {
            let allocator = Allocator::default();
            let parsed = parse(&allocator, self.text, grammar)?;
            Some((parsed.tokens.iter().map(|token| token.start..token.end).collect::<Vec<_>>(), parsed.comments))
        });
        match read {
            [Some(script), Some(module)] => script == module,
            _ => true,
        }
    }
}

/// Lends the memory that the last tree on this thread was in, while it is kept.
fn with_arena<R>(work: impl FnOnce(&Allocator) -> R) -> R {
    let mut arena = ARENA.take().unwrap_or_default();
    let result = work(&arena);
    arena.reset();
    if KEEPS_ARENA.get() && arena.capacity() <= MAXIMUM_ARENA {
        ARENA.set(Some(arena));
    }
    result
}

/// Keeps the memory of one tree for the next as long as `work` reads many: fresh pages cost nearly as much as parsing.
pub(crate) fn keeping_arena<R>(work: impl FnOnce() -> R) -> R {
    KEEPS_ARENA.set(true);
    let result = work();
    KEEPS_ARENA.set(false);
    ARENA.set(None);
    result
}

fn bounded_text(kind: SourceKind, content: &[u8]) -> Option<&str> {
    if content.len() > MAXIMUM_SIZE {
        return None;
    }
    let text = std::str::from_utf8(content).ok()?;
    // Every byte may nest, so a short text is shallow enough whatever it holds. In a longer one the text between JSX
    // elements has no tokens that could be told without parsing.
    let is_shallow =
        text.len() <= MAXIMUM_NESTING || !kind.has_elements() && is_bounded(text, kind.has_types(), MAXIMUM_NESTING);
    is_shallow.then_some(text)
}

thread_local! {
    static HAS_LARGE_STACK: Cell<bool> = const { Cell::new(false) };
    static KEEPS_ARENA: Cell<bool> = const { Cell::new(false) };
    static ARENA: Cell<Option<Allocator>> = const { Cell::new(None) };
}

/// Tells that this thread was started with [`STACK_SIZE`], so that no other is needed to parse.
pub fn mark_large_stack() {
    HAS_LARGE_STACK.set(true);
}

/// A parser that panics on a text has not read it.
fn on_large_stack<R: Send>(work: impl FnOnce() -> Option<R> + Send) -> Option<R> {
    // A thread costs more than most files do.
    if HAS_LARGE_STACK.get() {
        return std::panic::catch_unwind(AssertUnwindSafe(work)).ok().flatten();
    }
    thread::scope(|scope| {
        let builder = thread::Builder::new().name(PARSER_THREAD.to_owned());
        let thread = builder.stack_size(STACK_SIZE).spawn_scoped(scope, work).ok()?;
        thread.join().ok()?
    })
}

fn options(grammar: SourceType) -> ParseOptions {
    ParseOptions {
        // Node wraps such files in a function.
        allow_return_outside_function: !grammar.is_module(),
        ..ParseOptions::default()
    }
}

fn parse<'a>(allocator: &'a Allocator, text: &'a str, grammar: SourceType) -> Option<Parsed<'a>> {
    let parser = Parser::new(allocator, text, grammar).with_options(options(grammar)).with_config(TokensParserConfig);
    let result = parser.parse();
    if result.panicked || !result.diagnostics.is_empty() {
        return None;
    }
    let range = |start: u32, end: u32| start as usize..end as usize;
    let tokens: Vec<SourceToken> = result
        .tokens
        .iter()
        .map(|token| {
            let Range { start, end } = range(token.start(), token.end());
            SourceToken { start, end, kind: token.kind() }
        })
        .collect();
    let comments: Vec<_> =
        result.program.comments.iter().map(|comment| range(comment.span.start, comment.span.end)).collect();
    let hashbang = result.program.hashbang.as_ref().map(|line| range(line.span.start, line.span.end));
    is_covered(text, hashbang, &tokens, &comments).then_some(Parsed { text, program: result.program, tokens, comments })
}

/// Whether tokens and comments follow each other and only white space lies between them.
fn is_covered(text: &str, hashbang: Option<Range<usize>>, tokens: &[SourceToken], comments: &[Range<usize>]) -> bool {
    let mut pieces: Vec<Range<usize>> = hashbang.into_iter().collect();
    pieces.extend(tokens.iter().map(|token| token.start..token.end));
    pieces.extend(comments.iter().cloned());
    pieces.sort_by_key(|piece| piece.start);
    let is_space = |character: char| character.is_whitespace() || character == '\u{feff}';
    let mut end = 0;
    for piece in pieces {
        match text.get(end..piece.start) {
            Some(gap) if gap.chars().all(is_space) => end = piece.end,
            _ => return false,
        }
    }
    text.get(end..).is_some_and(|gap| gap.chars().all(is_space))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(kind: SourceKind, text: &str) -> Option<Vec<String>> {
        read_one(kind, text.as_bytes(), |parsed| {
            Some(parsed.tokens.iter().map(|token| parsed.token(token).1.to_owned()).collect())
        })
    }

    #[test]
    fn tokens_are_those_of_the_grammar() {
        let text = "#!/usr/bin/env node\n`a${b}c`; x = /[/]/g.test(y) / 2 // z";
        let expected = ["`a${", "b", "}c`", ";", "x", "=", "/[/]/g", ".", "test", "(", "y", ")", "/", "2"];
        assert_eq!(tokens(SourceKind::CommonJs, text).unwrap(), expected);
        let text = "let a: A<B<c>> = b >> 1";
        let expected = ["let", "a", ":", "A", "<", "B", "<", "c", ">", ">", "=", "b", ">>", "1"];
        assert_eq!(tokens(SourceKind::TypeScript, text).unwrap(), expected);
        assert_eq!(tokens(SourceKind::Jsx, "a = <b> c {d}</b>").unwrap()[5], " c ");
    }

    #[test]
    fn what_does_not_parse_is_not_read() {
        for text in ["(", "a b", "let a; let", "'", "`", "\u{200b}", "a = {", "return"] {
            assert_eq!(tokens(SourceKind::Module, text), None, "{text}");
        }
        assert!(read_one(SourceKind::Module, b"\xff", |_| Some(())).is_none());
        assert!(tokens(SourceKind::CommonJs, "return").is_some());
        assert!(tokens(SourceKind::Unstated, "await a").is_some());
        assert!(tokens(SourceKind::Unstated, "return a").is_some());
    }

    #[test]
    fn what_is_another_program_as_a_script_than_as_a_module_is_not_read() {
        let script_runs = "var a;\ntypeof await /a//*/\nrequire('child_process').exec('x')\n//*/";
        let module_runs = "var a;\nawait /a//process.mainModule.require('child_process').exec('x')";
        let block_or_object = "var a;\nawait\n{}\n/a//*/\nrun()\n//*/";
        for text in [script_runs, module_runs, block_or_object, "x <!-- y; run()"] {
            for kind in [SourceKind::Unstated, SourceKind::TypeScript] {
                assert_eq!(tokens(kind, text), None, "{text}");
                assert_eq!(read_pair(kind, text.as_bytes(), text.as_bytes(), |_, _| Some(())), None);
                assert_eq!(read_tree(kind, text.as_bytes(), |_| Some(())), None);
            }
            let one = [SourceKind::Module, SourceKind::CommonJs].map(|kind| tokens(kind, text).is_some());
            assert_eq!(one, [true, true], "the name says which it is: {text}");
        }
        // Honest texts that only look so.
        for text in ["async function f() { await /a/.exec(b) }", "f('<!-- a -->')", "await import('a').then(b => /c/)"]
        {
            assert!(tokens(SourceKind::Unstated, text).is_some(), "{text}");
        }
        assert!(tokens(SourceKind::Unstated, "import a from 'b'; await /a/.exec(a)").is_some(), "a module");
    }

    #[test]
    fn deep_nesting_is_read_or_refused_and_never_exhausts_the_stack() {
        let shapes: [(SourceKind, &str, &str); 12] = [
            (SourceKind::Unstated, "[", "]"),
            (SourceKind::Unstated, "(", ")"),
            (SourceKind::Unstated, "{", "}"),
            (SourceKind::Unstated, "a={a:", "}"),
            (SourceKind::Unstated, "!", ""),
            (SourceKind::Unstated, "(a=(b))=>", ""),
            (SourceKind::Unstated, "if(a);else ", ""),
            (SourceKind::Unstated, "(class{a(){", "}})"),
            (SourceKind::TypeScript, "[", "]"),
            (SourceKind::TypeScript, "keyof ", ""),
            (SourceKind::TypeScript, "A<", ">"),
            (SourceKind::Jsx, "<a>", "</a>"),
        ];
        for (kind, open, close) in shapes {
            let head = if kind == SourceKind::TypeScript { "let x: " } else { "" };
            for depth in [10_000, 20_000, 40_000, 60_000, 100_000, 400_000] {
                let text = format!("{head}{}a{}", open.repeat(depth), close.repeat(depth));
                let read = tokens(kind, &text);
                assert!(depth < 100_000 || read.is_none(), "{open} {depth}");
            }
        }
        assert!(tokens(SourceKind::Unstated, &format!("{}a{}", "[".repeat(60_000), "]".repeat(60_000))).is_some());
    }

    #[test]
    fn a_long_list_is_not_nested() {
        let text = format!("a=[{}];{}", "{b:1,c:'d'},".repeat(50_000), "function f(){return/x/.test(y)}".repeat(5_000));
        assert!(tokens(SourceKind::Unstated, &text).is_some());
        assert_eq!(tokens(SourceKind::Unstated, &format!("a;{}", " ".repeat(MAXIMUM_SIZE))), None);
    }

    /// How many brackets are open at most, by the parser's own tokens.
    fn deepest_bracket(parsed: &Parsed<'_>) -> usize {
        let (mut depth, mut deepest) = (0_usize, 0);
        for token in &parsed.tokens {
            let text = parsed.token(token).1;
            let is_template = text.starts_with(['`', '}']) && token.end - token.start > 1;
            if matches!(text, ")" | "]" | "}") || is_template && text.starts_with('}') {
                depth -= 1;
            }
            if matches!(text, "(" | "[" | "{") || is_template && text.ends_with("${") {
                depth += 1;
            }
            deepest = deepest.max(depth);
        }
        deepest
    }

    fn odd_text() -> impl proptest::strategy::Strategy<Value = String> {
        use proptest::prelude::*;
        let pieces = prop::sample::select(vec![
            "/",
            "/",
            "/",
            "/'/",
            "/[/`]/",
            "/(/",
            "'",
            "\"",
            "`",
            "${",
            "}",
            "{",
            "(",
            ")",
            "[",
            "]",
            "{}",
            "()",
            "[]",
            "a",
            "a",
            "if(a)",
            "while(a)",
            "yield ",
            "await ",
            "await ",
            "<!--",
            "async function a()",
            "++",
            "--",
            "!",
            "\n",
            "\n",
            ";",
            "=",
            ",",
            "return ",
            "=>",
            "<",
            ">",
            ":",
            " as ",
            "//",
            "/*",
            "*/",
            "1.",
            "1",
            ".",
            "b.if",
            "break",
            "function a()",
            "class A",
            "do ",
            "else ",
            "of ",
            "'('",
            "`(`",
            "\\",
            "g",
            "-",
            "let a=",
            "x:",
            "?",
            "typeof ",
            "void ",
            "type A=",
            "#!",
            "\u{2028}",
            "\r",
        ]);
        prop::collection::vec(pieces, 1..14).prop_map(|pieces| pieces.concat())
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(1_024))]

        #[test]
        fn a_text_that_is_read_has_no_other_reading(text in odd_text()) {
            let meaning = Meaning::of(SourceKind::Unstated, &text);
            if tokens(SourceKind::Unstated, &text).is_some() {
                proptest::prop_assert!(meaning.compare());
            }
        }

        #[test]
        fn no_bracket_of_the_parser_goes_uncounted(text in odd_text(), is_typed: bool) {
            let kind = if is_typed { SourceKind::TypeScript } else { SourceKind::Unstated };
            if let Some(depth @ 1..) = read_one(kind, text.as_bytes(), |parsed| Some(deepest_bracket(parsed))) {
                proptest::prop_assert!(!is_bounded(&text, is_typed, depth - 1), "{} {:?}", depth, text);
            }
        }
    }
}
