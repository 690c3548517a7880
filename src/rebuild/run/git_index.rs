//! An index as git keeps it, so that programs that ask git for the tracked files get an answer.
//!
//! There is no history beside it: what wants the commit itself is told that it is missing.

use std::collections::BTreeMap;

use crate::package::Sha1Digest;
use crate::source::tree::TreeFile;

/// Longest name whose length fits.
const MAX_NAME: usize = 0xfff;

/// The index of the files, format version 2.
pub(super) fn index(files: &[(String, TreeFile)]) -> Vec<u8> {
    let sorted: BTreeMap<&[u8], &TreeFile> = files.iter().map(|(path, file)| (path.as_bytes(), file)).collect();
    let mut bytes = Vec::with_capacity(sorted.len() * 128);
    bytes.extend(b"DIRC");
    bytes.extend(2_u32.to_be_bytes());
    bytes.extend((sorted.len() as u32).to_be_bytes());
    for (path, file) in sorted {
        let start = bytes.len();
        // Times, device and inode: unknown, so that git looks at the file itself.
        bytes.extend([0; 24]);
        let mode: u32 = match (file.link, file.executable) {
            (true, _) => 0o120_000,
            (false, true) => 0o100_755,
            (false, false) => 0o100_644,
        };
        bytes.extend(mode.to_be_bytes());
        // User, group and size.
        bytes.extend([0; 12]);
        bytes.extend(file.blob.0);
        bytes.extend((path.len().min(MAX_NAME) as u16).to_be_bytes());
        bytes.extend(path);
        // At least one NUL, up to a multiple of eight.
        let length = bytes.len() - start;
        bytes.resize(start + (length / 8 + 1) * 8, 0);
    }
    let sum = Sha1Digest::of(&bytes);
    bytes.extend(sum.0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::BlobId;

    #[test]
    fn entries_are_sorted_and_padded() {
        let file = |executable| TreeFile { blob: BlobId([7; 20]), executable, link: false };
        let bytes = index(&[("b".to_owned(), file(true)), ("a/c".to_owned(), file(false))]);
        assert_eq!(&bytes[..12], b"DIRC\0\0\0\x02\0\0\0\x02");
        // 62 bytes and the name, padded to a multiple of eight with at least one zero.
        let (first, second) = (&bytes[12..12 + 72], &bytes[12 + 72..12 + 72 + 64]);
        assert_eq!(&first[24..28], &0o100_644_u32.to_be_bytes());
        assert_eq!(&first[60..], b"\0\x03a/c\0\0\0\0\0\0\0");
        assert_eq!(&second[24..28], &0o100_755_u32.to_be_bytes());
        assert_eq!(&second[60..], b"\0\x01b\0");
        assert_eq!(bytes.len(), 12 + 72 + 64 + 20);
    }
}
