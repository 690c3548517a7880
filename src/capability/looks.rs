//! Whether a text looks as if it was not written by hand, by measures that can be stated.

use crate::stabilize::javascript::{LexemeKind, lexemes};

use super::literal::{count_escapes, has_invisible_run, is_obfuscator_name};

/// Shortest text that is judged at all, bytes; invisible characters apart.
const MINIMUM_SIZE: usize = 512;
/// How a text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Looks {
    /// Long lines, hardly any white space and short names, as minifiers write.
    pub minified: bool,
    /// Made hard to read: names of an obfuscator, text written as escapes, members named by strings, programs of
    /// brackets, invisible characters.
    pub obfuscated: bool,
}

#[derive(Debug, Default)]
struct Measures {
    /// Bytes of code and of the white space in it, without comments.
    code: usize,
    space: usize,
    /// Lines on which code begins.
    lines: usize,
    /// Names, keywords apart; those of at most two letters, and those of an obfuscator.
    names: usize,
    short_names: usize,
    obfuscator_names: usize,
    keywords: usize,
    /// Bytes in strings, as they are written, and escapes of plain characters among them.
    string_bytes: usize,
    escapes: usize,
    dots: usize,
    members_by_text: usize,
    /// The characters that programs can be written with alone: `[]()!+{}`.
    brackets: usize,
}

/// Measures a text of JavaScript.
///
/// *Minified*: at least 512 bytes, on average 200 bytes of code or more a line, at most 12 % white space outside of
/// strings, at least 40 names of which 35 % or more have one or two letters, and a keyword. *Obfuscated*, any of: eight
/// names like `_0x1a2b` that are 5 % of all names; 40 escapes like `\x41` that are a quarter of the text in strings; 50
/// members named by a string and more of them than by a dot, those apart that are given a value and could be named by a dot; 90 % brackets, `!` and `+`; eight invisible characters in
/// a row.
pub fn looks(text: &str) -> Looks {
    let invisible = has_invisible_run(text);
    if text.len() < MINIMUM_SIZE {
        return Looks { minified: false, obfuscated: invisible };
    }
    let measures = measure(text);
    Looks { minified: measures.is_minified(), obfuscated: invisible || measures.is_obfuscated() }
}

impl Measures {
    fn is_minified(&self) -> bool {
        self.code >= MINIMUM_SIZE
            && self.code >= self.lines * 200
            && self.space * 100 <= self.code * 12
            && self.names >= 40
            && self.short_names * 100 >= self.names * 35
            && self.keywords > 0
    }

    fn is_obfuscated(&self) -> bool {
        let has_names = self.obfuscator_names >= 8 && self.obfuscator_names * 20 >= self.names;
        let has_escapes = self.escapes >= 40 && self.escapes * 4 * 4 >= self.string_bytes;
        let has_members = self.members_by_text >= 50 && self.members_by_text > self.dots;
        // A text of comments alone has no code to speak of.
        let is_brackets = self.brackets >= 50 && self.brackets * 10 >= self.code * 9;
        has_names || has_escapes || has_members || is_brackets
    }
}

/// Words that are part of the language, and so say nothing about how names are chosen.
fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "function"
            | "return"
            | "var"
            | "let"
            | "const"
            | "if"
            | "else"
            | "for"
            | "while"
            | "do"
            | "new"
            | "this"
            | "typeof"
            | "void"
            | "in"
            | "of"
            | "class"
            | "import"
            | "export"
            | "from"
            | "async"
            | "await"
            | "try"
            | "catch"
            | "throw"
            | "switch"
            | "case"
            | "true"
            | "false"
            | "null"
    )
}

fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$');
    text.bytes().all(is_part) && text.starts_with(|first: char| !first.is_ascii_digit())
}

/// Whether what stands before is given a value, as compilers write members of an enumeration.
fn is_assigned(rest: &str) -> bool {
    let mut marks = rest.trim_start().bytes();
    marks.next() == Some(b'=') && !matches!(marks.next(), Some(b'=' | b'>'))
}

fn measure(text: &str) -> Measures {
    let mut measures = Measures::default();
    let mut end = 0;
    let mut before = ["", ""];
    for piece in lexemes(text) {
        let gap = text.get(end..piece.start).unwrap_or_default();
        if end == 0 || gap.contains('\n') {
            measures.lines += 1;
        }
        // Comments between pieces count as nothing, and so does indentation around them.
        if gap.bytes().all(|byte| byte.is_ascii_whitespace()) {
            measures.space += gap.len();
            measures.code += gap.len();
        }
        let quotes = if piece.kind == LexemeKind::String { 2 } else { 0 };
        measures.code += piece.text.len() + quotes;
        end = piece.start + piece.text.len() + quotes;
        match piece.kind {
            LexemeKind::String => {
                measures.string_bytes += piece.text.len();
                measures.escapes += count_escapes(piece.text);
                let after_value =
                    before[1] == "[" && !matches!(before[0], "" | "(" | "," | "=" | "[" | ":" | "{" | ";");
                let is_member = after_value && text.as_bytes().get(end) == Some(&b']');
                let is_counted = is_member && !(is_name(piece.text) && is_assigned(&text[end + 1..]));
                measures.members_by_text += usize::from(is_counted);
            }
            LexemeKind::Word if is_keyword(piece.text) => measures.keywords += 1,
            LexemeKind::Word if piece.text.starts_with(|first: char| first.is_ascii_digit()) => {}
            LexemeKind::Word => {
                measures.names += 1;
                // What follows a dot keeps its name when programs are minified.
                measures.short_names += usize::from(piece.text.len() <= 2 && before[1] != ".");
                measures.obfuscator_names += usize::from(is_obfuscator_name(piece.text));
            }
            LexemeKind::Mark => {
                measures.dots += usize::from(piece.text == ".");
                measures.brackets += usize::from(matches!(piece.text, "[" | "]" | "(" | ")" | "{" | "}" | "!" | "+"));
            }
        }
        before = [before[1], piece.text];
    }
    measures
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn minified_code() -> String {
        "function a(b,c){var d=b.length;for(var e=0;e<d;e++){if(c[e]!==b[e])return!1}return!0}".repeat(12)
    }

    #[rstest]
    #[case(minified_code(), true, false)]
    #[case(format!("/*! licence\n * of\n * some\n * lines\n */\n{}", minified_code()), true, false)]
    #[case("var _0x1a2b=['a'];(function(_0x3c4d,_0x5e6f){_0x3c4d(_0x5e6f['push'](_0x1a2b))}(_0x1a2b,0x1f));\n".repeat(8), false, true)]
    #[case(format!("x = \"{}\";\n", "\\x41\\x42".repeat(80)), false, true)]
    #[case("[][(![]+[])[+[]]+(![]+[])[!+[]+!+[]]]".repeat(30), false, true)]
    #[case(format!("const a = '{}';\n", "\u{fe01}".repeat(9)), false, true)]
    #[case("a['b'](c['d']);\n".repeat(60), false, true)]
    #[case("E[\"missing\"] = \"text\";\nF[F[\"A\"] = 0] = \"A\";\n".repeat(60), false, false)]
    #[case("a['b'] == c['d'];\n".repeat(60), false, true)]
    #[case("a['\u{e4}b'] = c;\n".repeat(60), false, true)]
    #[case("export function add(left, right) {\n  const sum = left + right;\n  return sum;\n}\n".repeat(20), false, false)]
    #[case("export declare function a(b: string, c: number): Promise<void>;\n".repeat(40), false, false)]
    #[case(format!("[{}]", "{\"id\":1,\"name\":\"a\",\"ok\":true},".repeat(100)), false, false)]
    #[case("const table = [0x00, 0x01, 0xff, 0x1f];\n".repeat(40), false, false)]
    #[case(format!("// {}\nlet a = 1;\n", "long comment ".repeat(200)), false, false)]
    #[case("x(a);".to_owned(), false, false)]
    #[case("// nothing but a comment\n".repeat(40), false, false)]
    #[case("let family = 'a\u{200d}b';\n".repeat(40), false, false)]
    fn what_is_measured_decides(#[case] text: String, #[case] minified: bool, #[case] obfuscated: bool) {
        assert_eq!(looks(&text), Looks { minified, obfuscated }, "{:?}", measure(&text));
    }
}
