//! Characters that make a text read differently for people than for machines.
//!
//! What is looked for is invisible, changes the order in which text is shown, or looks like another letter. Each has
//! honest uses; [`Hidden`] says what a character is, and [`scan`] leaves out the places where it belongs: joiners
//! between letters of scripts that join, selectors behind emoji, flags, a byte order mark at the start.

use std::fmt;

/// What a hidden character is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hidden {
    /// Changes the order in which the text behind it is shown (Trojan Source).
    Bidirectional,
    /// Takes no room.
    Invisible,
    /// Letters of a plane that nothing shows (U+E0000 and after).
    Tag,
    /// Selectors that select nothing: two in a row, or behind what has no variants.
    VariationSelectors,
    /// A row of characters that no standard gives a meaning.
    PrivateUse,
    /// A word of Latin letters in which some look like Latin ones and are not.
    MixedScripts,
}

impl fmt::Display for Hidden {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Bidirectional => "characters that change the direction of text",
            Self::Invisible => "invisible characters",
            Self::Tag => "tag characters, which nothing shows",
            Self::VariationSelectors => "variation selectors that select nothing",
            Self::PrivateUse => "a row of private-use characters",
            Self::MixedScripts => "Latin words with letters of another script that look the same",
        })
    }
}

/// One kind of hidden characters in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sighting {
    pub(super) hidden: Hidden,
    /// The first such character.
    pub(super) first: char,
    /// The line of the first, counted from 0.
    pub(super) line: usize,
    pub(super) count: usize,
}

/// Fewer private-use characters in a row are icons.
const PRIVATE_USE_RUN: usize = 8;
/// Words as short as this are ranges of a pattern (`[a-zA-Zа-я]`) as a rule.
const SHORT_WORD: usize = 3;

/// Finds hidden characters, one sighting per kind.
///
/// Everything that is looked for lies beyond ASCII, so only the words around such characters are read one by one.
pub(super) fn scan(text: &str) -> Vec<Sighting> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = Found { text, sightings: Vec::new() };
    let mut end = 0;
    while let Some(beyond) = next_beyond_ascii(text, end) {
        let word = text.as_bytes()[end..beyond].iter().rev().take_while(|byte| is_ascii_word(byte)).count();
        end = scan_words(beyond - word, &mut found);
    }
    found.sightings
}

/// Where the first character beyond ASCII is, from `start` on.
fn next_beyond_ascii(text: &str, start: usize) -> Option<usize> {
    let chunks = text.as_bytes()[start..].chunks(64).zip((start..).step_by(64));
    let (chunk, first) = chunks.into_iter().find(|(chunk, _)| !chunk.is_ascii())?;
    Some(first + chunk.iter().position(|byte| !byte.is_ascii())?)
}

/// Reads on from the beginning of a word to the first ASCII character that belongs to none, and returns its place.
fn scan_words(start: usize, found: &mut Found<'_>) -> usize {
    let (text, mut before) = (found.text, found.text[..start].chars().next_back());
    let (mut run, mut word, mut flag) = (0, Word::default(), false);
    let mut characters = text[start..].char_indices().peekable();
    while let Some((index, character)) = characters.next() {
        let at = start + index;
        if u8::try_from(character).is_ok_and(|byte| byte.is_ascii() && !is_ascii_word(&byte)) {
            word.finish(found, at);
            return at;
        }
        let after = characters.peek().map(|(_, after)| *after);
        flag = character == '\u{1f3f4}' || (flag && is_tag(character));
        run = if is_private_use(character) { run + 1 } else { 0 };
        if run == PRIVATE_USE_RUN {
            found.add(Hidden::PrivateUse, character, at);
        }
        if let Some(hidden) = hidden_at(character, before, after, flag) {
            found.add(hidden, character, at);
        }
        if character.is_alphanumeric() || matches!(character, '_' | '$') {
            word.add(character);
        } else {
            word.finish(found, at);
        }
        before = Some(character);
    }
    word.finish(found, text.len());
    text.len()
}

fn is_ascii_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')
}

struct Found<'a> {
    text: &'a str,
    sightings: Vec<Sighting>,
}

impl Found<'_> {
    fn add(&mut self, hidden: Hidden, first: char, at: usize) {
        match self.sightings.iter_mut().find(|sighting| sighting.hidden == hidden) {
            Some(sighting) => sighting.count += 1,
            None => {
                let line = self.text[..at].matches('\n').count();
                self.sightings.push(Sighting { hidden, first, line, count: 1 });
            }
        }
    }
}

/// What a character is at this place, if it is hidden and does not belong there.
fn hidden_at(character: char, before: Option<char>, after: Option<char>, flag: bool) -> Option<Hidden> {
    let in_word =
        |other: Option<char>| other.is_some_and(|other| u8::try_from(other).is_ok_and(|byte| is_ascii_word(&byte)));
    let is_letter = |other: Option<char>| other.is_some_and(|c| !c.is_ascii() && !c.is_whitespace());
    match character {
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Some(Hidden::Bidirectional),
        // Marks beside text that is written from right to left keep punctuation in its place.
        '\u{200e}' | '\u{200f}' | '\u{61c}' => (in_word(before) && in_word(after)).then_some(Hidden::Bidirectional),
        // Joiners shape letters of many scripts and emoji; names of JavaScript may hold them, too.
        '\u{200c}' | '\u{200d}' => {
            let doubled = [before, after].into_iter().flatten().any(is_joiner);
            (in_word(before) || doubled).then_some(Hidden::Invisible)
        }
        // A place where lines may break, in scripts that put no space between words.
        '\u{200b}' => (!is_letter(before) || !is_letter(after)).then_some(Hidden::Invisible),
        // A place where a long word may break.
        '\u{ad}' => {
            let inside = |other: Option<char>| other.is_some_and(char::is_alphabetic);
            (!inside(before) || !inside(after)).then_some(Hidden::Invisible)
        }
        '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{2060}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' => Some(Hidden::Invisible),
        '\u{180b}'..='\u{180f}' => (!is_letter(before)).then_some(Hidden::Invisible),
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => {
            let selects = before.is_some_and(|other| {
                !is_selector(other) && (!other.is_ascii() || matches!(other, '#' | '*' | '0'..='9'))
            });
            // A program that handles emoji may name the one selector that they have.
            let named = character == '\u{fe0f}' && !before.is_some_and(is_selector) && !in_word(before);
            (!selects && !named).then_some(Hidden::VariationSelectors)
        }
        // The flags of England, Scotland and Wales are spelled with them.
        _ if is_tag(character) => (!flag).then_some(Hidden::Tag),
        _ => None,
    }
}

fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

fn is_selector(character: char) -> bool {
    matches!(character, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

fn is_tag(character: char) -> bool {
    matches!(character, '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}')
}

fn is_private_use(character: char) -> bool {
    matches!(character, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{ffffd}' | '\u{100000}'..='\u{10fffd}')
}

/// Whether a Cyrillic or Greek letter is drawn as a Latin one.
fn looks_latin(character: char) -> bool {
    const CYRILLIC: &str = "аеорсухіјѕԁԛԝһӏАВЕКМНОРСТХЅІЈ";
    const GREEK: &str = "οΑΒΕΖΗΙΚΜΝΟΡΤΥΧ";
    CYRILLIC.contains(character) || GREEK.contains(character)
}

/// One word as it is read.
#[derive(Default)]
struct Word {
    length: usize,
    latin: usize,
    lookalike: Option<char>,
    /// Whether it holds a letter that nobody takes for a Latin one, so that it does not pretend to be Latin.
    foreign: bool,
}

impl Word {
    fn add(&mut self, character: char) {
        self.length += 1;
        if character.is_ascii_alphabetic() {
            self.latin += 1;
        } else if looks_latin(character) {
            self.lookalike.get_or_insert(character);
        } else if !character.is_ascii() {
            self.foreign = true;
        }
    }

    fn finish(&mut self, found: &mut Found<'_>, at: usize) {
        let word = std::mem::take(self);
        if let Some(first) = word.lookalike
            && word.latin > 0
            && word.length > SHORT_WORD
            && !word.foreign
        {
            found.add(Hidden::MixedScripts, first, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Hidden> {
        scan(text).into_iter().map(|sighting| sighting.hidden).collect()
    }

    #[test]
    fn hidden_characters_are_seen() {
        for (text, expected) in [
            ("if (level != \"user\u{202e} \u{2066}// admin\u{2069} \u{2066}\") {", Hidden::Bidirectional),
            ("const admin\u{200d} = 1", Hidden::Invisible),
            ("const { timeout,\u{3164}} = query", Hidden::Invisible),
            ("a\u{200b}b", Hidden::Invisible),
            ("let x = 'a\u{200b}\u{200c}\u{200d}'", Hidden::Invisible),
            ("x\u{feff}y", Hidden::Invisible),
            ("eval(decode(`\u{fe00}\u{fe01}\u{e0100}`))", Hidden::VariationSelectors),
            ("ignore\u{e0068}\u{e0069}", Hidden::Tag),
            ("`\u{e000}\u{e001}\u{e002}\u{e003}\u{e004}\u{e005}\u{e006}\u{e007}`", Hidden::PrivateUse),
            ("isАdmin(user)", Hidden::MixedScripts),
            ("fetch('https://exаmple.com')", Hidden::MixedScripts),
        ] {
            assert!(kinds(text).contains(&expected), "{}: {:?}", text.escape_unicode(), kinds(text));
        }
    }

    #[test]
    fn honest_text_is_left_alone() {
        for text in [
            "plain text",
            "\u{feff}'use strict';",
            "Größe, façade, naïve, 日本語, Привет, мир",
            "❤\u{fe0f} 1\u{fe0f}\u{20e3} 👩\u{200d}💻 🏳\u{fe0f}\u{200d}🌈 '\u{fe0f}' \"\u{200d}\"",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "مرحبا بالعالم (abc) שלום עולם",
            "می\u{200c}خواهم क\u{94d}\u{200d}ष",
            "\u{5e9}\u{200f}. x",
            "สวัสดี\u{200b}ชาวโลก แต่\u{200b}ไม่",
            "Donau\u{ad}dampf\u{ad}schiff",
            "/[a-zA-Zа-яА-ЯёЁ]+/ Δx μs π2 2πr",
            "JSON-файл и файлJSON",
            ".icon::before { content: '\u{f101}' }",
            "葛\u{e0100}",
        ] {
            assert_eq!(kinds(text), [], "{}", text.escape_unicode());
        }
    }

    #[test]
    fn only_the_words_around_them_are_read_and_nothing_is_missed() {
        let far = "plain ".repeat(40);
        for (text, line) in [("isАdmin", 0), ("\nisАdmin", 1), ("\n\nАdmin", 2), ("дом\nadminА", 1)] {
            for (before, after) in [("", ""), (far.as_str(), ""), ("", far.as_str()), (".", "."), ("ж ", " ж")] {
                let text = format!("{before}{text}{after}");
                let text = if after.starts_with('p') { text.replace(after, &format!(" {after}")) } else { text };
                let [sighting] = &scan(&text)[..] else { panic!("{text}: {:?}", scan(&text)) };
                assert_eq!((sighting.hidden, sighting.line), (Hidden::MixedScripts, line), "{text}");
            }
        }
    }

    #[test]
    fn a_sighting_says_how_many_and_where() {
        let sightings = scan("a\n\u{202a}b\u{202c}");
        assert_eq!(sightings, [Sighting { hidden: Hidden::Bidirectional, first: '\u{202a}', line: 1, count: 2 }]);
    }
}
