//! The one shape of archive that every reader reads alike.
//!
//! Installers differ in what they make of unusual headers: a size in base 256, a body behind a directory, a
//! PAX record stated twice, bytes in the padding. Each such difference is a place where one reader sees the
//! honest file and another installs something else. So the raw blocks are checked, before any parser sees
//! them, against a profile that leaves no room: what falls outside is refused as ambiguous, not read in the
//! hope that this parser agrees with the next.
//!
//! Phases per member: an optional extended header (`x`, `g` or `L`) with its body, the header itself, the
//! body, zero padding. After the first zero block only zeros may follow.

use std::collections::BTreeSet;

const BLOCK: usize = 512;
/// Largest body of an extended header, bytes.
const EXTENDED_SIZE: u64 = 1 << 20;

/// Follows the raw blocks of one archive.
#[derive(Debug)]
pub(super) struct Profile {
    state: State,
    header: Vec<u8>,
    extended: Vec<u8>,
    /// What stands before the next member's own header.
    pending: Option<Pending>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Body { content: u64, padding: u64, kind: Body },
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Content,
    Pax,
    Global,
    LongName,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pending {
    size: Option<u64>,
    names_link: bool,
    /// Whether it states the member's name, and if so whether that ends in `/`.
    name_ends_in_slash: Option<bool>,
}

/// Why two readers may read the archive differently.
pub(super) type Ambiguity = String;

impl Profile {
    pub(super) fn new() -> Self {
        Self { state: State::Header, header: Vec::with_capacity(BLOCK), extended: Vec::new(), pending: None }
    }

    /// Takes the next bytes of the archive.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> Result<(), Ambiguity> {
        while !bytes.is_empty() {
            match self.state {
                State::Header => {
                    let length = (BLOCK - self.header.len()).min(bytes.len());
                    self.header.extend_from_slice(&bytes[..length]);
                    bytes = &bytes[length..];
                    if self.header.len() == BLOCK {
                        let header = std::mem::take(&mut self.header);
                        self.state = self.header_block(&header)?;
                        self.header = header;
                        self.header.clear();
                        self.finish_body()?;
                    }
                }
                State::Body { content, padding, kind } if content > 0 => {
                    let length = (bytes.len() as u64).min(content) as usize;
                    if kind != Body::Content {
                        self.extended.extend_from_slice(&bytes[..length]);
                    }
                    bytes = &bytes[length..];
                    self.state = State::Body { content: content - length as u64, padding, kind };
                    self.finish_body()?;
                }
                State::Body { padding, kind, .. } => {
                    let length = (bytes.len() as u64).min(padding) as usize;
                    if bytes[..length].iter().any(|byte| *byte != 0) {
                        return Err("bytes stand in the padding behind a member".to_owned());
                    }
                    bytes = &bytes[length..];
                    self.state = State::Body { content: 0, padding: padding - length as u64, kind };
                    self.finish_body()?;
                }
                State::End => {
                    if bytes.iter().any(|byte| *byte != 0) {
                        return Err("data follows the end-of-archive marker".to_owned());
                    }
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn finish_body(&mut self) -> Result<(), Ambiguity> {
        let State::Body { content: 0, padding: 0, kind } = self.state else { return Ok(()) };
        let extended = std::mem::take(&mut self.extended);
        match kind {
            Body::Content => {}
            Body::Pax => self.pending = Some(pax(&extended)?),
            Body::Global => global(&extended)?,
            Body::LongName => {
                let name = extended.strip_suffix(&[0]).unwrap_or(&extended);
                if name.is_empty() || name.contains(&0) {
                    return Err("a long name holds a zero byte".to_owned());
                }
                let name_ends_in_slash = Some(name.ends_with(b"/"));
                self.pending = Some(Pending { size: None, names_link: false, name_ends_in_slash });
            }
        }
        self.state = State::Header;
        Ok(())
    }

    fn header_block(&mut self, header: &[u8]) -> Result<State, Ambiguity> {
        if header.iter().all(|byte| *byte == 0) {
            return match self.pending {
                Some(_) => Err("an extended header belongs to no member".to_owned()),
                None => Ok(State::End),
            };
        }
        check_sum(header)?;
        check_prefix(header)?;
        let size = octal(&header[124..136]).ok_or("a size is not written in octal digits")?;
        let kind = header[156];
        let linked = header[157] != 0;
        let body = |kind| State::Body { content: size, padding: size.next_multiple_of(BLOCK as u64) - size, kind };
        if matches!(kind, b'x' | b'g' | b'L') {
            if self.pending.is_some() {
                return Err("two extended headers stand before one member".to_owned());
            }
            if size == 0 || size > EXTENDED_SIZE || linked {
                return Err("an extended header is empty, too large or names a link".to_owned());
            }
            return Ok(body(match kind {
                b'x' => Body::Pax,
                b'g' => Body::Global,
                _ => Body::LongName,
            }));
        }
        let pending = self.pending.take();
        if pending.and_then(|pending| pending.size).is_some_and(|stated| stated != size) {
            return Err("an extended header states another size than the header".to_owned());
        }
        match kind {
            b'0' | 0 | b'7' => {
                let name = &header[..header[..100].iter().position(|byte| *byte == 0).unwrap_or(100)];
                // node-tar takes such a file for a directory, and its content for the next headers, whichever header
                // the name comes from. Without a name the prefix and its separator are left.
                let stated = pending.and_then(|pending| pending.name_ends_in_slash);
                if name.ends_with(b"/") || stated == Some(true) || (stated.is_none() && name.is_empty()) {
                    return Err("a file's name ends like a directory's".to_owned());
                }
                if linked || pending.is_some_and(|pending| pending.names_link) {
                    return Err("a file names a link target".to_owned());
                }
                Ok(body(Body::Content))
            }
            b'1'..=b'6' if size == 0 => Ok(State::Header),
            b'1'..=b'6' => Err("a member that is no file has content".to_owned()),
            other => Err(format!("a member has the type `{}`", other.escape_ascii())),
        }
    }
}

/// Reads a number field: octal digits, then a space or zero byte; base 256 is for sizes that no package has.
fn octal(field: &[u8]) -> Option<u64> {
    let start = field.iter().position(|byte| *byte != b' ')?;
    let digits = field[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = field[start..].split_at(digits);
    if digits == 0 || rest.is_empty() || !rest.iter().all(|byte| matches!(byte, 0 | b' ')) {
        // A field of zero bytes means zero to every reader.
        return field.iter().all(|byte| *byte == 0).then_some(0);
    }
    u64::from_str_radix(std::str::from_utf8(number).ok()?, 8).ok()
}

fn check_sum(header: &[u8]) -> Result<(), Ambiguity> {
    let stated = octal(&header[148..156]).ok_or("a checksum is not written in octal digits")?;
    let bytes = header[..148].iter().chain(&[b' '; 8]).chain(&header[156..]);
    let sum: u64 = bytes.map(|byte| u64::from(*byte)).sum();
    if sum == stated { Ok(()) } else { Err("a header's checksum is wrong".to_owned()) }
}

/// The name's first part may only be where every reader looks for it.
fn check_prefix(header: &[u8]) -> Result<(), Ambiguity> {
    let area = &header[345..500];
    let used =
        if &header[257..265] == b"ustar\x0000" { area.iter().position(|byte| *byte == 0).unwrap_or(155) } else { 0 };
    // Byte 475 decides for some readers how long the prefix is.
    if area[used..].iter().any(|byte| *byte != 0) {
        return Err("a header holds bytes where a name's first part may or may not be".to_owned());
    }
    Ok(())
}

fn records(body: &[u8]) -> Result<Vec<(&str, &[u8])>, Ambiguity> {
    let malformed = || "an extended header is malformed".to_owned();
    let mut rest = body;
    let mut keys = BTreeSet::new();
    let mut records = Vec::new();
    while !rest.is_empty() {
        let space = rest.iter().take(12).position(|byte| *byte == b' ').ok_or_else(malformed)?;
        let length: usize = std::str::from_utf8(&rest[..space])
            .ok()
            .filter(|text| !text.starts_with(['0', '+']))
            .and_then(|text| text.parse().ok())
            .ok_or_else(malformed)?;
        let record = rest.get(space + 1..length).and_then(|record| record.strip_suffix(b"\n")).ok_or_else(malformed)?;
        rest = &rest[length..];
        let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(malformed)?;
        let key = std::str::from_utf8(&record[..equals]).map_err(|_| malformed())?;
        let value = &record[equals + 1..];
        if !keys.insert(key) {
            return Err(format!("an extended header states `{}` twice", key.escape_debug()));
        }
        if value.iter().any(|byte| matches!(byte, b'\n' | 0)) {
            return Err(format!(
                "the value of `{}` in an extended header holds a line end or a zero byte",
                key.escape_debug()
            ));
        }
        records.push((key, value));
    }
    Ok(records)
}

fn pax(body: &[u8]) -> Result<Pending, Ambiguity> {
    let mut pending = Pending { size: None, names_link: false, name_ends_in_slash: None };
    for (key, value) in records(body)? {
        match key {
            "size" => {
                let digits =
                    std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
                let size = digits.and_then(|text| text.parse().ok());
                pending.size = Some(size.ok_or("an extended header states a size that is no number")?);
            }
            "linkpath" => pending.names_link = true,
            "path" if value.is_empty() || value == b"/" => {
                return Err("an extended header states an empty path".to_owned());
            }
            "path" => pending.name_ends_in_slash = Some(value.ends_with(b"/")),
            key if key.starts_with("GNU.sparse") => return Err("a member is sparse".to_owned()),
            _ => {}
        }
    }
    Ok(pending)
}

/// `git archive` records the commit it packed as a comment; anything else would apply to every member.
fn global(body: &[u8]) -> Result<(), Ambiguity> {
    match records(body)?.iter().find(|(key, _)| *key != "comment") {
        Some((key, _)) => Err(format!("a header for the whole archive sets `{}`", key.escape_debug())),
        None => Ok(()),
    }
}
