//! Whether a file is a program whatever it is called.

use oxc_ast::ast;
use oxc_ast_visit::Visit;

use crate::stabilize::javascript::read_any;

/// Whether a text is a JavaScript program that does something, as a script or as a module; prose, pictures, types and data
/// are none. What is too large to be read may be one.
pub fn reads_as_program(content: &[u8]) -> bool {
    // Nothing is called without one of these, and most texts that are no programs end at their first word.
    if memchr::memchr3(b'(', b'`', b'[', content).is_none() {
        return false;
    }
    read_any(&String::from_utf8_lossy(content), |program| {
        let mut acts = Acts(false);
        acts.visit_program(program);
        acts.0
    })
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
        // A class of one's own decides what `instanceof` does.
        self.0 |= matches!(it, ast::Expression::BinaryExpression(it) if it.operator.is_instance_of());
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
    #[case("x <!-- y\nrequire('x')", true)]
    #[case("typeof await /a//*/\nrun()\n//*/", true)]
    #[case("if (new.target) 0; run()", true)]
    #[case("'a' instanceof { [Symbol.hasInstance]: eval }", true)]
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
