use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

/// A tar archive by the byte, so that it can be as wrong as it needs to be.
#[derive(Debug, Clone, Default)]
pub(crate) struct Archive {
    bytes: Vec<u8>,
}

impl Archive {
    /// Type bytes of what stands before the member that it is about.
    pub(crate) const PAX: u8 = b'x';
    pub(crate) const GLOBAL_PAX: u8 = b'g';
    pub(crate) const GNU_LONG_NAME: u8 = b'L';
    pub(crate) const GNU_LONG_LINK: u8 = b'K';

    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The smallest honest package, still open for more members.
    pub(crate) fn package() -> Self {
        Self::new().file("package/package.json", br#"{"name":"odd-archive","version":"1.0.0"}"#)
    }

    /// A regular file.
    pub(crate) fn file(self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        self.member(b'0', path.as_ref(), content.as_ref())
    }

    /// A member of any type with the size that its content has.
    pub(crate) fn member(self, kind: u8, path: &[u8], content: &[u8]) -> Self {
        let size = content.len() as u64;
        self.header(kind, path, b"", size, 0o644).content(content)
    }

    /// A symbolic (`2`) or hard (`1`) link.
    pub(crate) fn link(self, kind: u8, path: &str, target: &str) -> Self {
        self.header(kind, path.as_bytes(), target.as_bytes(), 0, 0o777)
    }

    /// Extended records for the next member, or for all with [`Self::GLOBAL_PAX`].
    pub(crate) fn records(self, kind: u8, records: &[(&str, &[u8])]) -> Self {
        let mut content = Vec::new();
        for (key, value) in records {
            // A record's length counts its own digits.
            let rest = key.len() + value.len() + 3;
            let length = (1..).map(|digits| rest + digits).find(|length| length.to_string().len() + rest == *length);
            write!(content, "{} {key}=", length.unwrap()).unwrap();
            content.extend_from_slice(value);
            content.push(b'\n');
        }
        self.member(kind, b"PaxHeader", &content)
    }

    /// A header alone, whatever follows it.
    pub(crate) fn header(mut self, kind: u8, path: &[u8], target: &[u8], size: u64, mode: u32) -> Self {
        let mut header = [0; 512];
        assert!(path.len() <= 100 && target.len() <= 100, "use a long name for this");
        header[..path.len()].copy_from_slice(path);
        header[100..108].copy_from_slice(format!("{mode:07o}\0").as_bytes());
        header[108..116].copy_from_slice(b"0000000\0");
        header[116..124].copy_from_slice(b"0000000\0");
        if size < 1 << 33 {
            header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
        } else {
            // The binary form, for what does not fit eleven octal digits.
            header[124] = 0x80;
            header[128..136].copy_from_slice(&size.to_be_bytes());
        }
        header[136..148].copy_from_slice(b"03706720700\0");
        header[148..156].fill(b' ');
        header[156] = kind;
        header[157..157 + target.len()].copy_from_slice(target);
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.bytes.extend_from_slice(&header);
        self
    }

    /// Content, padded to whole blocks.
    pub(crate) fn content(mut self, content: &[u8]) -> Self {
        self.bytes.extend_from_slice(content);
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0);
        self
    }

    /// Bytes as they are.
    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// The end-of-archive marker.
    pub(crate) fn end(self) -> Self {
        self.raw(&[0; 1024])
    }

    /// Not compressed.
    pub(crate) fn plain(self) -> Vec<u8> {
        self.bytes
    }

    /// One gzip member.
    pub(crate) fn gzip(self) -> Vec<u8> {
        gzip(&self.bytes)
    }

    /// The archive cut in two, each half a gzip member of its own.
    pub(crate) fn gzip_in_two(self, cut: usize) -> Vec<u8> {
        let (first, second) = self.bytes.split_at(cut);
        [gzip(first), gzip(second)].concat()
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
