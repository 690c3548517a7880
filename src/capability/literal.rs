//! What a text inside of a program may be: an encoded payload, the address of a wallet, the place of a secret.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::Capability;
use super::names::SECRETS;

/// Shortest text that counts as a payload, characters.
pub(super) const PAYLOAD_LENGTH: usize = 200;
/// Shortest literal that counts as a payload where the program decodes it itself, characters.
pub(super) const DECODED_LENGTH: usize = 40;
/// Least entropy of a payload, bits a character: of hex digits 4 are possible, of base64 6; prose without spaces has
/// about 4.2 but is not in the alphabets below, and repeated patterns have less.
const HEX_ENTROPY: f64 = 3.0;
const BASE64_ENTROPY: f64 = 4.5;
/// Text in no known alphabet, without white space.
const OTHER_ENTROPY: f64 = 5.2;
/// Fewest escapes of one text that count.
const ESCAPES: usize = 16;
/// Fewest invisible characters in a row that count; emoji have one or two.
const INVISIBLE_RUN: usize = 8;
/// Shortest address of a wallet, characters.
const ADDRESS_LENGTH: usize = 26;
/// Longest text that is looked through for addresses, bytes; of what is longer the beginning is.
const MAXIMUM_SEARCHED: usize = 256 << 10;

/// What the text is, with the evidence.
pub(super) fn judge(text: &str, found: &mut dyn FnMut(Capability, String)) {
    if let Some(encoding) = payload(text) {
        found(Capability::EncodedPayload, format!("{} characters of {encoding}", text.chars().count()));
    }
    if has_invisible_run(text) {
        found(Capability::EncodedPayload, "invisible characters".to_owned());
    }
    let text = &text[..text.floor_char_boundary(MAXIMUM_SEARCHED)];
    for secret in secrets(text) {
        found(Capability::Environment, format!("`{secret}`"));
    }
    if text.len() < ADDRESS_LENGTH {
        return;
    }
    // Within a payload, everything looks like an address somewhere.
    for word in text.split(|character: char| !character.is_ascii_alphanumeric()) {
        if let Some(chain) = wallet(word) {
            found(Capability::WalletAddress, format!("{chain} {word}"));
        }
    }
}

/// The secrets that a text names; all of them are looked for at once.
fn secrets(text: &str) -> impl Iterator<Item = &'static str> + use<> {
    static ALL: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(SECRETS).ok());
    let mut named = [false; SECRETS.len()];
    match &*ALL {
        Some(all) => all.find_overlapping_iter(text).for_each(|found| named[found.pattern()] = true),
        None => named = SECRETS.map(|secret| text.contains(secret)),
    }
    SECRETS.into_iter().zip(named).filter_map(|(secret, is_named)| is_named.then_some(secret))
}

/// The encoding that a long text seems to be in.
pub(super) fn payload(text: &str) -> Option<&'static str> {
    if text.len() < PAYLOAD_LENGTH {
        return None;
    }
    // A picture is long as well: what follows the comma is judged, whatever stands before it.
    let data = match text.strip_prefix("data:") {
        Some(url) => url.split_once(',').map_or(url, |(_, data)| data),
        None => text,
    };
    if data.len() < PAYLOAD_LENGTH {
        return None;
    }
    let is_hex = |byte: u8| byte.is_ascii_hexdigit();
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=');
    let bytes = data.as_bytes();
    let entropy = entropy(data);
    if bytes.iter().copied().all(|byte| is_hex(byte) || byte.is_ascii_whitespace()) {
        return (entropy >= HEX_ENTROPY).then_some("hex");
    }
    let spaces = bytes.iter().filter(|byte| byte.is_ascii_whitespace()).count();
    if bytes.iter().copied().all(|byte| is_base64(byte) || matches!(byte, b'\n' | b'\r')) {
        // A path or an identifier has one case or many separators.
        let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
        return (entropy >= BASE64_ENTROPY && digits * 40 > bytes.len()).then_some("base64");
    }
    (spaces * 100 < bytes.len() && entropy >= OTHER_ENTROPY && data.is_ascii() && !looks_written(data))
        .then_some("dense text")
}

/// Regular expressions, tables of grammars and minified code kept in a text have brackets everywhere.
fn looks_written(text: &str) -> bool {
    let brackets = text.bytes().filter(|byte| b"(){}[]<>;=|\\".contains(byte)).count();
    brackets * 8 > text.len()
}

/// Shannon's entropy, bits a byte.
fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let total = text.len() as f64;
    let share = |count: &u32| {
        let share = f64::from(*count) / total;
        -share * share.log2()
    };
    counts.iter().filter(|count| **count > 0).map(share).sum()
}

/// Whether the literal as it is written is mostly `\x41` or `\u0041`.
pub(super) fn is_escaped(written: &str) -> bool {
    let escapes = if written.len() < 2 * ESCAPES { 0 } else { count_escapes(written) };
    escapes >= ESCAPES && escapes * 8 >= written.len()
}

/// How many `\x` and `\u00` stand in a text.
pub(super) fn count_escapes(written: &str) -> usize {
    written.matches("\\x").count() + written.matches("\\u00").count()
}

/// Whether characters that nobody sees stand in a row.
pub(super) fn has_invisible_run(text: &str) -> bool {
    // None is ASCII, so a line that is ends every row.
    text.split('\n').filter(|line| !line.is_ascii()).any(has_invisible_run_in_line)
}

fn has_invisible_run_in_line(line: &str) -> bool {
    let mut run = 0;
    line.chars().any(|character| {
        let is_invisible = matches!(
            character,
            '\u{200b}'..='\u{200f}'
                | '\u{2060}'..='\u{2064}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{3164}'
                | '\u{ffa0}'
                | '\u{e0000}'..='\u{e01ef}'
        );
        run = if is_invisible { run + 1 } else { 0 };
        run >= INVISIBLE_RUN
    })
}

/// The chain whose addresses look like this word.
///
/// Checksums are not computed: somebody who plants a wrong address is as interesting. What keeps ordinary words out is
/// the length, the alphabet, and that digits and both cases are mixed.
pub(super) fn wallet(word: &str) -> Option<&'static str> {
    let length = word.len();
    if !(ADDRESS_LENGTH..=90).contains(&length) {
        return None;
    }
    if let Some(digits) = word.strip_prefix("0x") {
        let is_address = length == 42 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        return (is_address && distinct(digits) >= 8).then_some("ethereum");
    }
    if let Some(rest) = word.strip_prefix("bc1").or_else(|| word.strip_prefix("BC1")) {
        let is_bech32 = |byte: u8| b"qpzry9x8gf2tvdw0s3jn54khce6mua7l".contains(&byte.to_ascii_lowercase());
        let fits = matches!(rest.len(), 39 | 59) && rest.bytes().all(is_bech32);
        return (fits && distinct(rest) >= 8).then_some("bitcoin");
    }
    if !is_base58(word) || !is_mixed(word) || distinct(word) < 12 {
        return None;
    }
    match (word.as_bytes()[0], length) {
        (b'1' | b'3', 26..=35) => Some("bitcoin"),
        (b'T', 34) => Some("tron"),
        (b'L' | b'M', 34) => Some("litecoin"),
        (b'r', 33..=34) => Some("ripple"),
        (b'4' | b'8', 95) => Some("monero"),
        _ => None,
    }
}

fn is_base58(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_alphanumeric() && !matches!(byte, b'0' | b'O' | b'I' | b'l'))
}

/// Digits, small and capital letters, none of which is rare.
fn is_mixed(word: &str) -> bool {
    let count = |is: fn(&u8) -> bool| word.bytes().filter(is).count();
    let counts = [count(u8::is_ascii_digit), count(u8::is_ascii_lowercase), count(u8::is_ascii_uppercase)];
    counts.into_iter().all(|count| count >= 3)
}

fn distinct(word: &str) -> usize {
    word.bytes().map(|byte| byte.to_ascii_lowercase()).collect::<std::collections::BTreeSet<_>>().len()
}

/// Whether the element of a list looks like a piece of something encoded.
pub(super) fn is_encoded_piece(text: &str) -> bool {
    let is_in_alphabet = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
    let has = |is: fn(&u8) -> bool| text.bytes().any(|byte| is(&byte));
    text.len() >= 6
        && is_in_alphabet
        && (text.ends_with('=') || has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic))
}

/// Whether the name is one that javascript-obfuscator makes.
pub(super) fn is_obfuscator_name(name: &str) -> bool {
    name.strip_prefix("_0x").is_some_and(|digits| digits.len() >= 3 && digits.bytes().all(|it| it.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn looking_for_all_secrets_at_once_finds_each(
            pieces in prop::collection::vec(
                prop_oneof![prop::sample::select(SECRETS.to_vec()), prop::sample::select(vec![".", "/", "s", "AWS_", "~"])],
                0..6,
            ),
            cut in 0_usize..30,
        ) {
            let text: String = pieces.concat().chars().skip(cut).collect();
            let each: Vec<&str> = SECRETS.into_iter().filter(|secret| text.contains(secret)).collect();
            prop_assert_eq!(secrets(&text).collect::<Vec<_>>(), each);
        }
    }
}
