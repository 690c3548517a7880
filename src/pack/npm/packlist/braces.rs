//! Brace expansion as npm's glob library does it: `a{b,c}`, `a{1..3}`, nested sets, and bash's oddities.
//!
//! Works on UTF-16 code units, like the strings it imitates. The number of results and their total length are bounded.

const MAXIMUM_EXPANSIONS: usize = 4_096;
const MAXIMUM_UNITS: usize = 400_000;
const MAXIMUM_NESTING: usize = 64;
/// Finding pairs costs the square of this.
const MAXIMUM_PATTERN_UNITS: usize = 8_192;

/// Code units of private meaning that stand for an escaped character until the end; none of them is valid alone.
const ESCAPED_BACKSLASH: u16 = 0xdc01;
const ESCAPED_OPEN: u16 = 0xdc02;
const ESCAPED_CLOSE: u16 = 0xdc03;
const ESCAPED_COMMA: u16 = 0xdc04;
const ESCAPED_PERIOD: u16 = 0xdc05;

const OPEN: u16 = b'{' as u16;
const CLOSE: u16 = b'}' as u16;
const COMMA: u16 = b',' as u16;

/// The pattern has more alternatives, or more text, than is expanded.
#[derive(Debug)]
pub(super) struct TooManyAlternatives;

type Units = Vec<u16>;

/// Expands every brace set of `pattern`; a pattern without one comes back as it is.
pub(super) fn expand(pattern: &[u16]) -> Result<Vec<Units>, TooManyAlternatives> {
    let first_open = pattern.iter().position(|&unit| unit == OPEN);
    let closes_later = first_open.is_some_and(|open| pattern[open..].contains(&CLOSE));
    if !closes_later {
        return Ok(vec![pattern.to_vec()]);
    }
    if pattern.len() > MAXIMUM_PATTERN_UNITS {
        return Err(TooManyAlternatives);
    }
    let mut text = pattern.to_vec();
    if text.starts_with(&[OPEN, CLOSE]) {
        text.splice(0..2, "\\{\\}".encode_utf16());
    }
    let expanded = expand_set(escape(&text), true, 0)?;
    Ok(expanded.into_iter().map(|units| units.into_iter().map(unescape_unit).collect()).collect())
}

fn escape(text: &[u16]) -> Units {
    const BACKSLASH: u16 = b'\\' as u16;
    let mut escaped = Vec::with_capacity(text.len());
    let mut index = 0;
    while index < text.len() {
        let replacement = match (text[index], text.get(index + 1).copied().map(u32::from).and_then(char::from_u32)) {
            (BACKSLASH, Some('\\')) => Some(ESCAPED_BACKSLASH),
            (BACKSLASH, Some('{')) => Some(ESCAPED_OPEN),
            (BACKSLASH, Some('}')) => Some(ESCAPED_CLOSE),
            (BACKSLASH, Some(',')) => Some(ESCAPED_COMMA),
            (BACKSLASH, Some('.')) => Some(ESCAPED_PERIOD),
            _ => None,
        };
        escaped.push(replacement.unwrap_or(text[index]));
        index += if replacement.is_some() { 2 } else { 1 };
    }
    escaped
}

fn unescape_unit(unit: u16) -> u16 {
    match unit {
        ESCAPED_BACKSLASH => u16::from(b'\\'),
        ESCAPED_OPEN => OPEN,
        ESCAPED_CLOSE => CLOSE,
        ESCAPED_COMMA => COMMA,
        ESCAPED_PERIOD => u16::from(b'.'),
        unit => unit,
    }
}

/// Finds the first balanced pair of braces; where the outermost stays open, the leftmost pair that does close.
fn balanced(text: &[u16]) -> Option<(usize, usize)> {
    let mut open_positions: Vec<usize> = Vec::new();
    let mut leftmost: Option<(usize, usize)> = None;
    for (index, &unit) in text.iter().enumerate() {
        if unit == OPEN {
            open_positions.push(index);
        } else if unit == CLOSE
            && let Some(open) = open_positions.pop()
        {
            if open_positions.is_empty() {
                return Some((open, index));
            }
            if leftmost.is_none_or(|(left, _)| open < left) {
                leftmost = Some((open, index));
            }
        }
    }
    leftmost
}

/// Splits the inside of a set at its commas, leaving those of nested sets alone.
fn comma_parts(text: &[u16]) -> Vec<Units> {
    let mut parts: Vec<Units> = vec![Vec::new()];
    let mut rest = text;
    loop {
        let pair = balanced(rest);
        let plain_end = pair.map_or(rest.len(), |(open, _)| open);
        for &unit in &rest[..plain_end] {
            if unit == COMMA {
                parts.push(Vec::new());
            } else if let Some(last) = parts.last_mut() {
                last.push(unit);
            }
        }
        let Some((open, close)) = pair else { return parts };
        if let Some(last) = parts.last_mut() {
            last.extend_from_slice(&rest[open..=close]);
        }
        rest = &rest[close + 1..];
    }
}

fn combine(
    prefixes: &[Units],
    before: &[u16],
    values: &[Units],
    drop_empty: bool,
) -> Result<Vec<Units>, TooManyAlternatives> {
    let mut combined = Vec::new();
    let mut length = 0;
    for prefix in prefixes {
        for value in values {
            let expansion = [prefix.as_slice(), before, value].concat();
            if drop_empty && expansion.is_empty() {
                continue;
            }
            length += expansion.len();
            if combined.len() >= MAXIMUM_EXPANSIONS || length > MAXIMUM_UNITS {
                return Err(TooManyAlternatives);
            }
            combined.push(expansion);
        }
    }
    Ok(combined)
}

/// Says whether a later comma and a closing brace may still make `{a},b}` a set.
fn may_continue(after: &[u16]) -> bool {
    let last_close = after.iter().rposition(|&unit| unit == CLOSE);
    last_close.is_some_and(|last| (0..last).any(|index| after[index] == COMMA && after.get(index + 1) != Some(&COMMA)))
}

fn expand_set(mut text: Units, mut is_top: bool, nesting: usize) -> Result<Vec<Units>, TooManyAlternatives> {
    if nesting > MAXIMUM_NESTING {
        return Err(TooManyAlternatives);
    }
    let mut results: Vec<Units> = vec![Vec::new()];
    let mut drop_empty = false;
    let mut first_group = true;
    let mut rounds = 0;
    loop {
        rounds += 1;
        if rounds > MAXIMUM_EXPANSIONS {
            return Err(TooManyAlternatives);
        }
        let Some((open, close)) = balanced(&text) else {
            return combine(&results, &text, &[Vec::new()], drop_empty);
        };
        let (before, body, after) = (&text[..open], &text[open + 1..close], &text[close + 1..]);
        let drops_here = |drop_empty: bool| drop_empty && after.is_empty();
        if before.last() == Some(&u16::from(b'$')) {
            results = combine(&results, &text[..=close], &[Vec::new()], drops_here(drop_empty))?;
            first_group = false;
        } else {
            let sequence = parse_sequence(body);
            if sequence.is_none() && !body.contains(&COMMA) {
                if may_continue(after) {
                    text[close] = ESCAPED_CLOSE;
                    is_top = true;
                    continue;
                }
                return combine(&results, &text, &[Vec::new()], drop_empty);
            }
            if first_group {
                drop_empty = is_top && sequence.is_none();
                first_group = false;
            }
            let values = match sequence {
                Some(sequence) => sequence.values()?,
                None => set_values(body, nesting)?,
            };
            results = combine(&results, before, &values, drops_here(drop_empty))?;
        }
        if after.is_empty() {
            return Ok(results);
        }
        text = after.to_vec();
    }
}

fn set_values(body: &[u16], nesting: usize) -> Result<Vec<Units>, TooManyAlternatives> {
    let mut parts = comma_parts(body);
    if let [only] = parts.as_mut_slice() {
        let expanded = expand_set(std::mem::take(only), false, nesting + 1)?;
        parts = expanded.into_iter().map(|units| [&[OPEN], units.as_slice(), &[CLOSE]].concat()).collect();
        if parts.len() == 1 {
            return Ok(parts);
        }
    }
    let mut values = Vec::new();
    for part in parts {
        values.extend(expand_set(part, false, nesting + 1)?);
        if values.len() > MAXIMUM_EXPANSIONS {
            return Err(TooManyAlternatives);
        }
    }
    Ok(values)
}

struct Sequence {
    first: i64,
    last: i64,
    step: i64,
    width: usize,
    padded: bool,
    letters: bool,
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_padded(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    digits.len() > 1 && digits[0] == b'0'
}

fn parse_sequence(body: &[u16]) -> Option<Sequence> {
    let text = String::from_utf16(body).ok()?;
    let parts: Vec<&str> = text.split("..").collect();
    let (first, last, step) = match parts.as_slice() {
        [first, last] => (*first, *last, "1"),
        [first, last, step] => (*first, *last, *step),
        _ => return None,
    };
    if !is_integer(step) {
        return None;
    }
    let is_letter = |text: &str| text.len() == 1 && text.as_bytes()[0].is_ascii_alphabetic();
    let letters = is_letter(first) && is_letter(last);
    let numbers = is_integer(first) && is_integer(last);
    if !letters && !numbers {
        return None;
    }
    let number = |text: &str| {
        if letters { i64::from(text.as_bytes()[0]) } else { text.parse().unwrap_or(i64::MAX / 4) }
    };
    Some(Sequence {
        first: number(first),
        last: number(last),
        step: step.parse::<i64>().unwrap_or(i64::MAX / 4).saturating_abs().clamp(1, i64::MAX / 4),
        width: first.len().max(last.len()),
        padded: parts.iter().any(|part| is_padded(part)),
        letters,
    })
}

impl Sequence {
    fn values(&self) -> Result<Vec<Units>, TooManyAlternatives> {
        let mut values = Vec::new();
        let descending = self.last < self.first;
        let mut current = self.first;
        while if descending { current >= self.last } else { current <= self.last } {
            if values.len() >= MAXIMUM_EXPANSIONS {
                return Err(TooManyAlternatives);
            }
            values.push(self.render(current).encode_utf16().collect());
            current = if descending { current.saturating_sub(self.step) } else { current.saturating_add(self.step) };
        }
        Ok(values)
    }

    fn render(&self, number: i64) -> String {
        if self.letters {
            let letter = u8::try_from(number).map_or('\\', char::from);
            return if letter == '\\' { String::new() } else { letter.to_string() };
        }
        match (self.padded, number < 0) {
            (false, _) => number.to_string(),
            (true, false) => format!("{number:0width$}", width = self.width.min(64)),
            (true, true) => format!("-{:0width$}", number.unsigned_abs(), width = self.width.min(64) - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(pattern: &str) -> Vec<String> {
        let units: Units = pattern.encode_utf16().collect();
        expand(&units).unwrap().into_iter().map(|units| String::from_utf16(&units).unwrap()).collect()
    }

    #[test]
    fn sets_and_sequences_expand() {
        assert_eq!(expanded("a{b,c{d,e}}f"), ["abf", "acdf", "acef"]);
        assert_eq!(expanded("{01..3}"), ["01", "02", "03"]);
        assert_eq!(expanded("{c..a..2}"), ["c", "a"]);
        assert_eq!(expanded("a{},b}c"), ["a}c", "abc"]);
        assert_eq!(expanded("x{{a,b}}y"), ["x{a}y", "x{b}y"]);
        assert_eq!(expanded("a{b}c"), ["a{b}c"]);
        assert_eq!(expanded("${a,b}{c,d}"), ["${a,b}c", "${a,b}d"]);
        assert_eq!(expanded(r"{a\,b,c}"), ["a,b", "c"]);
        assert_eq!(expanded("{,.map}"), [".map"]);
    }

    #[test]
    fn hostile_patterns_are_bounded() {
        let doubling: Units = "{a,b}".repeat(40).encode_utf16().collect();
        assert!(expand(&doubling).is_err());
        let range: Units = "{1..999999999}".encode_utf16().collect();
        assert!(expand(&range).is_err());
        let nested: Units = format!("{}{}", "{a,".repeat(5_000), "}".repeat(5_000)).encode_utf16().collect();
        assert!(expand(&nested).is_err());
        let open: Units = "{".repeat(60_000).encode_utf16().chain([CLOSE]).collect();
        assert!(expand(&open).is_err());
    }
}
