//! One component of a glob pattern, between two slashes, and how it is compared with a name.
//!
//! Names are compared without regard to letter case, and a leading dot is not special. The common shapes have their
//! own fast comparison; in the original these differ slightly from the general one, so here too.

use super::character_class::fold;
use super::extglob::{self, ComponentError, Dialect, Node};
use super::fingerprint::Fingerprint;
use super::program::{Budget, Program};

/// A component of a pattern.
#[derive(Debug, Clone)]
pub(super) enum Component {
    /// `**`: any number of components.
    Globstar,
    /// Text without letters, compared as it is.
    Exact(String),
    /// Text compared without regard to letter case.
    Text(String),
    /// Only stars: any name.
    Any,
    /// `*` and then text, held in lower case: names that end like this.
    Suffix(String),
    /// Question marks and then text: names of this many code units that end like this.
    Length(usize, String),
    /// `*.*`: names with a dot.
    Dotted,
    /// `.*`: names that begin with a dot.
    Hidden,
    /// Everything else.
    Program(Program),
}

impl Component {
    /// Reads one component, which holds no slash.
    pub(super) fn parse(text: &[u16], dialect: Dialect) -> Result<Self, ComponentError> {
        let string = String::from_utf16_lossy(text);
        if let Some(shape) = Self::common_shape(&string) {
            return Ok(shape);
        }
        let compiled = extglob::compile(text, dialect)?;
        if compiled.magic {
            return Ok(Self::Program(Program::new(&compiled.node)));
        }
        let has_letters = string.to_uppercase() != string.to_lowercase();
        Ok(match literal(&compiled.node, has_letters) {
            Some(text) if has_letters => Self::Text(text),
            Some(text) => Self::Exact(text),
            None => Self::Program(Program::new(&compiled.node)),
        })
    }

    fn common_shape(text: &str) -> Option<Self> {
        let is_plain = |text: &str| !text.contains(['+', '@', '!', '?', '*', '[', '(']);
        let after_stars = text.trim_start_matches('*');
        let after_marks = text.trim_start_matches('?');
        if text.is_empty() {
            return Some(Self::Exact(String::new()));
        }
        if text == "**" {
            return Some(Self::Globstar);
        }
        if after_stars.is_empty() {
            return Some(Self::Any);
        }
        if after_stars.len() < text.len() {
            if is_plain(after_stars) {
                return Some(Self::Suffix(after_stars.to_lowercase()));
            }
            let is_dotted = after_stars.strip_prefix('.').is_some_and(|rest| rest.trim_start_matches('*').is_empty());
            return is_dotted.then_some(Self::Dotted);
        }
        if after_marks.len() < text.len() && is_plain(after_marks) {
            return Some(Self::Length(text.encode_utf16().count(), after_marks.to_lowercase()));
        }
        let after_dot = text.strip_prefix('.')?;
        (!after_dot.is_empty() && after_dot.trim_start_matches('*').is_empty()).then_some(Self::Hidden)
    }

    /// What it demands of the name that matches.
    pub(super) fn demand(&self) -> Fingerprint {
        match self {
            Self::Globstar | Self::Any | Self::Dotted => Fingerprint::EMPTY,
            Self::Exact(text) | Self::Text(text) => Fingerprint::of_text(text),
            Self::Suffix(suffix) | Self::Length(_, suffix) => Fingerprint::of_suffix(suffix),
            Self::Hidden => Fingerprint::of_ends(Some(b'.'), None),
            Self::Program(program) => program.demand(),
        }
    }

    /// Says whether `name` matches; false for [`Component::Globstar`], which only the whole pattern understands.
    pub(super) fn matches(&self, name: &str, budget: &Budget) -> bool {
        match self {
            Self::Globstar => false,
            Self::Exact(text) => text == name,
            Self::Text(text) => equals_folded(text, name),
            Self::Any => !name.is_empty(),
            Self::Suffix(suffix) => ends_with_lowercase(name, suffix),
            Self::Length(length, suffix) => name.encode_utf16().count() == *length && ends_with_lowercase(name, suffix),
            Self::Dotted => name.contains('.'),
            Self::Hidden => name.starts_with('.'),
            Self::Program(program) => program.matches(name, budget),
        }
    }
}

/// The text of an expression that is nothing else. With letters the original keeps a regular expression, in which an
/// escaped `|` has a meaning; without, it compares the text.
fn literal(node: &Node, has_letters: bool) -> Option<String> {
    let Node::Alternatives(branches) = node else { return None };
    if branches.len() > 1 && has_letters {
        return None;
    }
    let mut texts = Vec::new();
    for branch in branches {
        let Node::Sequence(nodes) = branch else { return None };
        let mut units = Vec::new();
        push_units(nodes, &mut units)?;
        texts.push(String::from_utf16_lossy(&units));
    }
    Some(texts.join("|"))
}

fn push_units(nodes: &[Node], units: &mut Vec<u16>) -> Option<()> {
    for node in nodes {
        match node {
            Node::Unit(unit) => units.push(*unit),
            Node::Sequence(nodes) => push_units(nodes, units)?,
            // Put there by the compiler between the branches of an escaped `|`.
            Node::Repeat { .. } => {}
            _ => return None,
        }
    }
    Some(())
}

fn equals_folded(left: &str, right: &str) -> bool {
    if left.is_ascii() {
        // No letter outside ASCII folds to one inside.
        return left.eq_ignore_ascii_case(right);
    }
    left.encode_utf16().map(fold).eq(right.encode_utf16().map(fold))
}

fn ends_with_lowercase(name: &str, suffix: &str) -> bool {
    if name.is_ascii() {
        let (name, suffix) = (name.as_bytes(), suffix.as_bytes());
        return name.len() >= suffix.len() && name[name.len() - suffix.len()..].eq_ignore_ascii_case(suffix);
    }
    name.to_lowercase().ends_with(suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        let units: Vec<u16> = pattern.encode_utf16().collect();
        Component::parse(&units, Dialect::StarMayBeEmpty).unwrap().matches(name, &Budget::new(1_000_000))
    }

    #[test]
    fn common_shapes() {
        assert!(matches("*.JS", "a.js"));
        assert!(matches("*", ".hidden"));
        assert!(matches("??.md", "ab.MD"));
        assert!(!matches("??.md", "abc.md"));
        assert!(matches(".*", ".a"));
        assert!(!matches("*.*", "a"));
        // The original's shortcut compares the backslash too.
        assert!(!matches(r"*\.js", "a.js"));
    }

    #[test]
    fn extended_globs() {
        assert!(matches("!(a|b).js", "c.js"));
        assert!(!matches("!(a|b).js", "a.js"));
        assert!(matches("+(a|b)c", "abac"));
        assert!(matches("?(x)y", "Y"));
        assert!(matches("@(a|@(b|c))", "c"));
        assert!(matches("*(a|b)", "abba"));
        assert!(!matches("*(a|b)", "abc"));
        assert!(matches("(a", "(a"));
        assert!(matches("*(a", "x(a"));
    }

    #[test]
    fn classes() {
        assert!(matches("[a-c]x", "Bx"));
        assert!(!matches("[!a-c]x", "bx"));
        assert!(matches("a[[:digit:]]", "a7"));
        assert!(matches("[*]", "*"));
        assert!(matches("[a", "[A"));
        assert!(!matches("[b-a]", "a"));
        assert!(matches(r"a\*", "a*"));
    }

    #[test]
    fn nested_negations_end() {
        let pattern = "!(a)".repeat(40);
        let units: Vec<u16> = pattern.encode_utf16().collect();
        assert!(matches!(Component::parse(&units, Dialect::StarMayBeEmpty), Err(ComponentError::TooComplex)));
        let nested: Vec<u16> = "*(".repeat(5_000).encode_utf16().collect();
        assert!(matches!(Component::parse(&nested, Dialect::StarMayBeEmpty), Err(ComponentError::TooComplex)));
    }

    #[test]
    fn budgets_end() {
        let units: Vec<u16> = format!("{}b", "*(a|?)".repeat(50)).encode_utf16().collect();
        let component = Component::parse(&units, Dialect::StarMayBeEmpty).unwrap();
        let budget = Budget::new(10_000);
        assert!(!component.matches(&"a".repeat(10_000), &budget));
        assert!(budget.is_spent());
    }
}
