//! As much of DER as certificates and timestamps take, written out so that the mock services need no library that the
//! program itself relies on.

/// One element: tag, length, content.
pub(super) fn element(tag: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let mut element = vec![tag];
    match content.len() {
        length @ 0..=0x7f => element.push(length as u8),
        length @ 0x80..=0xff => element.extend([0x81, length as u8]),
        length => element.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    element.extend_from_slice(content);
    element
}

pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(0x30, parts.concat())
}

pub(super) fn set(parts: &[&[u8]]) -> Vec<u8> {
    element(0x31, parts.concat())
}

/// `[number]` around other elements.
pub(super) fn tagged(number: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    element(0xa0 | number, content)
}

pub(super) fn integer(value: u8) -> Vec<u8> {
    assert!(value < 0x80);
    element(0x02, [value])
}

pub(super) fn octets(content: impl AsRef<[u8]>) -> Vec<u8> {
    element(0x04, content)
}

pub(super) fn bits(content: &[u8]) -> Vec<u8> {
    element(0x03, [&[0], content].concat())
}

pub(super) fn text(content: &str) -> Vec<u8> {
    element(0x0c, content)
}

pub(super) fn identifier(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u32> = dotted.split('.').map(|arc| arc.parse().unwrap()).collect();
    let mut content = vec![(arcs[0] * 40 + arcs[1]) as u8];
    for arc in &arcs[2..] {
        let groups = (0..5).rev().map(|group| (arc >> (7 * group)) as u8 & 0x7f);
        let mut groups: Vec<u8> = groups.skip_while(|group| *group == 0).collect();
        let last = groups.pop().unwrap_or(0);
        content.extend(groups.iter().map(|group| group | 0x80));
        content.push(last);
    }
    element(0x06, content)
}

/// A time before 2050, as certificates hold it.
pub(super) fn utc_time(seconds: i64) -> Vec<u8> {
    element(0x17, jiff::Timestamp::from_second(seconds).unwrap().strftime("%y%m%d%H%M%SZ").to_string())
}

/// A time as timestamps hold it.
pub(super) fn generalized_time(seconds: i64) -> Vec<u8> {
    element(0x18, jiff::Timestamp::from_second(seconds).unwrap().strftime("%Y%m%d%H%M%SZ").to_string())
}

/// The first element of `der`: the whole of it, its content, and what follows. Short ones only.
pub(super) fn first(der: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let length = usize::from(der[1]);
    assert!(length < 0x80);
    (&der[..2 + length], &der[2..2 + length], &der[2 + length..])
}
