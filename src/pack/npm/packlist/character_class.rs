//! Bracket expressions such as `[a-z]`, `[!_]` and `[[:alpha:]]`.

use super::extglob::Node;

/// The POSIX classes, and whether they are written as the opposite of what they exclude.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Posix {
    Alnum,
    Alpha,
    Ascii,
    Blank,
    Control,
    Digit,
    Graph,
    Lower,
    Print,
    Punctuation,
    Space,
    Upper,
    Word,
    HexDigit,
}

const POSIX_CLASSES: [(&str, Posix); 14] = [
    ("[:alnum:]", Posix::Alnum),
    ("[:alpha:]", Posix::Alpha),
    ("[:ascii:]", Posix::Ascii),
    ("[:blank:]", Posix::Blank),
    ("[:cntrl:]", Posix::Control),
    ("[:digit:]", Posix::Digit),
    ("[:graph:]", Posix::Graph),
    ("[:lower:]", Posix::Lower),
    ("[:print:]", Posix::Print),
    ("[:punct:]", Posix::Punctuation),
    ("[:space:]", Posix::Space),
    ("[:upper:]", Posix::Upper),
    ("[:word:]", Posix::Word),
    ("[:xdigit:]", Posix::HexDigit),
];

impl Posix {
    fn contains(self, unit: u16) -> bool {
        let Some(character) = char::from_u32(u32::from(unit)) else { return false };
        match self {
            Self::Alnum => character.is_alphanumeric(),
            Self::Alpha => character.is_alphabetic(),
            Self::Ascii => character.is_ascii(),
            Self::Blank => character == '\t' || (character.is_whitespace() && !character.is_control()),
            Self::Control => character.is_control(),
            Self::Digit => character.is_numeric(),
            // Written in the original as what the class excludes.
            Self::Graph => character.is_whitespace() && !character.is_control() || character.is_control(),
            Self::Print => character.is_control(),
            Self::Lower => character.is_lowercase(),
            Self::Punctuation => is_punctuation(character),
            Self::Space => character.is_whitespace() && character != '\u{85}',
            Self::Upper => character.is_uppercase(),
            Self::Word => character.is_alphanumeric() || character == '_',
            Self::HexDigit => character.is_ascii_hexdigit(),
        }
    }

    fn needs_unicode(self) -> bool {
        !matches!(self, Self::Ascii | Self::HexDigit)
    }

    fn is_exclusion(self) -> bool {
        matches!(self, Self::Graph | Self::Print)
    }
}

fn is_punctuation(character: char) -> bool {
    match character {
        '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~' => false,
        character if character.is_ascii() => character.is_ascii_punctuation(),
        '¡' | '§' | '«' | '¶' | '·' | '»' | '¿' => true,
        character => matches!(character, '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{2043}' | '\u{3001}'..='\u{3003}'),
    }
}

/// A set of UTF-16 code units, compared without regard to letter case.
#[derive(Debug, Clone, Default)]
pub(super) struct Class {
    negated: bool,
    ranges: Vec<(u16, u16)>,
    posix: Vec<Posix>,
    excluded: Vec<Posix>,
}

impl Class {
    /// Says whether `unit` belongs to the class.
    pub(super) fn matches(&self, unit: u16) -> bool {
        let variants = case_variants(unit);
        let in_any = |test: &dyn Fn(u16) -> bool| variants.iter().any(|&variant| test(variant));
        let included = in_any(&|unit| {
            self.ranges.iter().any(|&(first, last)| (first..=last).contains(&unit))
                || self.posix.iter().any(|class| class.contains(unit))
        });
        let excluded = in_any(&|unit| self.excluded.iter().any(|class| class.contains(unit)));
        let has_included = !(self.ranges.is_empty() && self.posix.is_empty());
        (has_included && included != self.negated) || (!self.excluded.is_empty() && excluded == self.negated)
    }
}

/// The upper-case form that JavaScript's case-insensitive matching compares.
pub(super) fn fold(unit: u16) -> u16 {
    if unit < 128 {
        return u16::from((unit as u8).to_ascii_uppercase());
    }
    let Some(character) = char::from_u32(u32::from(unit)) else { return unit };
    let mut upper = character.to_uppercase();
    match (upper.next().map(u32::from).map(u16::try_from), upper.next()) {
        (Some(Ok(folded)), None) if folded >= 128 => folded,
        _ => unit,
    }
}

fn case_variants(unit: u16) -> [u16; 3] {
    let lower = char::from_u32(u32::from(unit)).map_or(unit, |character| {
        let mut lower = character.to_lowercase();
        match (lower.next().map(u32::from).map(u16::try_from), lower.next()) {
            (Some(Ok(lower)), None) if fold(lower) == fold(unit) => lower,
            _ => unit,
        }
    });
    [unit, fold(unit), lower]
}

/// A bracket expression that was read.
#[derive(Debug)]
pub(super) struct ParsedClass {
    pub(super) node: Node,
    pub(super) needs_unicode: bool,
    pub(super) magic: bool,
    /// Code units read, with both brackets.
    pub(super) consumed: usize,
}

fn starts_with(text: &[u16], position: usize, prefix: &str) -> bool {
    text.get(position..).is_some_and(|rest| rest.len() >= prefix.len())
        && prefix.bytes().zip(&text[position..]).all(|(byte, &unit)| unit == u16::from(byte))
}

/// Reads the bracket expression at `position`; `None` where it is not closed and so stands for itself.
pub(super) fn parse(text: &[u16], position: usize) -> Option<ParsedClass> {
    let is = |unit: u16, byte: u8| unit == u16::from(byte);
    let poisoned =
        |needs_unicode| ParsedClass { node: Node::Never, needs_unicode, magic: true, consumed: text.len() - position };
    let mut class = Class::default();
    let mut needs_unicode = false;
    let mut single: Option<u16> = None;
    let mut entries = 0;
    let mut range_start: Option<u16> = None;
    let mut escaping = false;
    let mut started = false;
    let mut index = position + 1;
    loop {
        let unit = *text.get(index)?;
        if index == position + 1 && (is(unit, b'!') || is(unit, b'^')) {
            class.negated = true;
            index += 1;
            continue;
        }
        if is(unit, b']') && started && !escaping {
            index += 1;
            break;
        }
        started = true;
        if is(unit, b'\\') && !escaping {
            escaping = true;
            index += 1;
            continue;
        }
        if is(unit, b'[')
            && !escaping
            && let Some((name, posix)) = POSIX_CLASSES.iter().find(|(name, _)| starts_with(text, index, name))
        {
            if range_start.is_some() {
                return Some(poisoned(false));
            }
            index += name.len();
            entries += 2;
            if posix.is_exclusion() {
                class.excluded.push(*posix);
            } else {
                class.posix.push(*posix);
            }
            needs_unicode |= posix.needs_unicode();
            continue;
        }
        escaping = false;
        if let Some(first) = range_start.take() {
            if unit >= first {
                class.ranges.push((first, unit));
                entries += if unit == first { 1 } else { 2 };
                single = Some(unit);
            }
            index += 1;
        } else if starts_with(text, index + 1, "-]") {
            class.ranges.extend([(unit, unit), (u16::from(b'-'), u16::from(b'-'))]);
            entries += 2;
            index += 2;
        } else if starts_with(text, index + 1, "-") {
            range_start = Some(unit);
            index += 2;
        } else {
            class.ranges.push((unit, unit));
            entries += 1;
            single = Some(unit);
            index += 1;
        }
    }
    if entries == 0 {
        return Some(poisoned(false));
    }
    let consumed = index - position;
    if let (1, Some(unit), false) = (entries, single, class.negated) {
        return Some(ParsedClass { node: Node::Unit(unit), needs_unicode: false, magic: false, consumed });
    }
    Some(ParsedClass { node: Node::Class(class), needs_unicode, magic: true, consumed })
}
