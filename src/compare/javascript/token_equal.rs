use oxc_span::ContentEq as _;

use super::comments::orders;
use crate::stabilize::javascript::{Parsed, SourceKind, read_pair};

/// Whether two files are the same program: equal tokens, equal trees, equal comments where a tool obeys them.
///
/// Both must be valid. Tokens are compared as they are written, so another escape, quote or number is a difference;
/// trees are compared because line ends can end statements. What may differ is white space and plain comments. That is
/// weaker than byte equality: a program that reads its own text can tell the two apart.
pub fn token_equal(published: &[u8], candidate: &[u8], kind: SourceKind) -> bool {
    read_pair(kind, published, candidate, |published, candidate| is_same(published, candidate).then_some(())).is_some()
}

fn is_same(published: &Parsed<'_>, candidate: &Parsed<'_>) -> bool {
    let same_tokens = published.tokens.len() == candidate.tokens.len()
        && published
            .tokens
            .iter()
            .zip(&candidate.tokens)
            .all(|(left, right)| published.token(left) == candidate.token(right));
    // The tree's own comparison includes directives, `#!`, and whether it is a script or a module.
    same_tokens
        && published.program.content_eq(&candidate.program)
        && orders(published).is_some_and(|published| Some(published) == orders(candidate))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equal(left: &str, right: &str) -> bool {
        let result = token_equal(left.as_bytes(), right.as_bytes(), SourceKind::Unstated);
        assert_eq!(result, token_equal(right.as_bytes(), left.as_bytes(), SourceKind::Unstated), "symmetric");
        result
    }

    #[test]
    fn white_space_and_plain_comments_do_not_count() {
        assert!(equal("a( b );\n", "/* hello */ a(b); // there"));
        assert!(equal("function f() {\n  return x;\n}\n", "function f(){return x;}"));
        assert!(equal("import a from 'b'\na()", "import a from 'b'\n\n\na()"));
        assert!(equal("/** @param a the a */ f(a)", "f(a)"));
        assert!(equal("var a=`x ${ b }`", "var a = `x ${b}`"));
    }

    #[test]
    fn what_could_run_differently_is_a_difference() {
        for (left, right) in [
            ("a()", "a();b()"),
            ("a", "a;"),
            ("return_\nx", "return_;x"),
            ("function f(){return x}", "function f(){return\nx}"),
            ("a\n++b", "a++\nb"),
            ("a + +b", "a ++ +b"),
            ("'a'", "\"a\""),
            ("'\\x61'", "'a'"),
            ("1.0", "1"),
            ("0x10", "16"),
            ("`a\\n`", "`a\n`"),
            ("`a b`", "`a  b`"),
            ("/a/g", "/a/gi"),
            ("/a b/", "/a  b/"),
            ("'use strict'; x", "x"),
            ("('use strict'); x", "'use strict'; x"),
            ("'use\\x20strict'; x", "'use strict'; x"),
            ("(a, b)", "a, b"),
            ("\\u0061()", "a()"),
            ("#!/bin/a\nx", "#!/bin/b\nx"),
            ("#!/bin/a\nx", "x"),
            ("x = 1 // a\n/* b */ ; y()", "x = 1 // a /* b */ ; y()"),
            ("f(/*#__PURE__*/ g())", "f(g())"),
            ("/*#__PURE__*/ g(); h()", "g(); /*#__PURE__*/ h()"),
            ("import(/* webpackIgnore: true */ a)", "import(a)"),
            ("x //# sourceMappingURL=https://example.org/a", "x"),
            ("text(function () {/* run() */})", "text(function () {/* walk() */})"),
            ("a <!-- b", "a <!-- c"),
            ("a\n--> b", "a\n--> c"),
            ("a\u{2028}b", "a b"),
        ] {
            assert!(!equal(left, right), "{left} | {right}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_never_equal() {
        for text in ["a b", "(", "'", "\u{202e}a", "a = <b/>", "@@"] {
            assert!(!equal(text, text), "{text}");
        }
        assert!(!token_equal(b"a\xff", b"a\xff", SourceKind::Module));
        // A comment as a module, and what runs as a script.
        assert!(!equal("typeof await /a//*/\nrun()\n//*/", "typeof await /a//*/\ntext\n//*/"));
    }

    #[test]
    fn declarations_are_compared_alike() {
        let equal = |left: &str, right: &str| token_equal(left.as_bytes(), right.as_bytes(), SourceKind::Declarations);
        assert!(equal(
            "export declare const a: Array<Map<string,b>>;",
            "export declare const a: Array<Map<string, b>>; // b"
        ));
        assert!(!equal("/// <reference types=\"a\" />\nexport {};", "export {};"));
        assert!(!equal("export declare const a: 1;", "export declare const a: 2;"));
        assert!(!equal("interface A { a: 1; b: 2 }", "interface A { a: 1, b: 2 }"));
        let jsx = |left: &str, right: &str| token_equal(left.as_bytes(), right.as_bytes(), SourceKind::Jsx);
        assert!(jsx("a = <b c='d' >e</b>", "a=<b c='d'>e</b>"));
        assert!(!jsx("a = <b> e</b>", "a = <b>e</b>"));
        assert!(!jsx("/** @jsxImportSource x */ a = <b/>", "a = <b/>"));
    }

    proptest::proptest! {
        #[test]
        fn space_between_tokens_never_matters_and_a_changed_token_always_does(
            names in proptest::collection::vec("[a-c]{1,2}", 1..8), space in "[ \t]{1,3}", at in 0_usize..8
        ) {
            let compact: String = names.iter().map(|name| format!("_{name}(1);")).collect();
            let spaced: String = names.iter().map(|name| format!("_{name}{space}({space}1{space});\n/* {name} */")).collect();
            proptest::prop_assert!(equal(&compact, &spaced));
            let mut changed = names.clone();
            let at = at % names.len();
            changed[at].push('z');
            let changed: String = changed.iter().map(|name| format!("_{name}(1);")).collect();
            proptest::prop_assert!(!equal(&changed, &spaced));
        }
    }
}
