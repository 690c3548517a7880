//! Whether a file is a program whatever it is called.

use oxc_ast::ast;
use oxc_ast_visit::Visit;

use crate::stabilize::javascript::{SourceKind, read_tree};

/// Whether a text is a JavaScript program that does something; prose, pictures, types and data are none.
pub fn reads_as_program(content: &[u8]) -> bool {
    // Nothing is called without one of these, and most texts that are no programs end at their first word.
    memchr::memchr2(b'(', b'`', content).is_some()
        && read_tree(SourceKind::Unstated, content, |program| {
            let mut acts = Acts(false);
            acts.visit_program(program);
            acts.0.then_some(())
        })
        .is_some()
}

/// Whether anything is called.
struct Acts(bool);

impl<'a> Visit<'a> for Acts {
    fn visit_expression(&mut self, it: &ast::Expression<'a>) {
        self.0 |= matches!(
            it.get_inner_expression(),
            ast::Expression::CallExpression(_)
                | ast::Expression::NewExpression(_)
                | ast::Expression::ImportExpression(_)
                | ast::Expression::TaggedTemplateExpression(_)
                | ast::Expression::ChainExpression(_)
        );
        if !self.0 {
            oxc_ast_visit::walk::walk_expression(self, it);
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("require('x')", true)]
    #[case("/* a { color: red } */ a?.(1)", true)]
    #[case("tag`x`", true)]
    #[case("exports.run = () => { new Worker('x') }", true)]
    #[case("# Title\n\nSee (below).", false)]
    #[case("License (MIT) of 2020", false)]
    #[case("a { background: url('x.png') }", false)]
    #[case("{\"version\": 3, \"sources\": [\"a(b)\"]}", false)]
    #[case("export declare function f(a: string): void;", false)]
    #[case("/** See f(x). */\nimport f from './f';\nexport default f;", false)]
    #[case("name: (a)", false)]
    #[case("\u{89}PNG(", false)]
    fn a_program_does_something(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(reads_as_program(text.as_bytes()), expected);
    }
}
