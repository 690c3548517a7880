use std::fmt;

/// Bounds on what one artifact may cost; all of them are reported by name when hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArtifactLimits {
    /// Compressed size, bytes.
    pub compressed_size: u64,
    /// Sum of everything the compressed stream inflates to, bytes.
    pub unpacked_size: u64,
    /// Number of entries of any type.
    pub entries: u64,
    /// Unpacked over compressed size, judged once more than [`Self::RATIO_GRACE`] bytes are unpacked.
    pub ratio: u64,
    /// Bytes of contents kept in memory for later comparison; more is read again when needed.
    pub retained_size: usize,
}

impl ArtifactLimits {
    /// Small archives of repetitive text reach high ratios honestly.
    pub const RATIO_GRACE: u64 = 64 << 20;
    /// Bytes an entry's headers (PAX records, long names) may take, all together.
    pub const HEADER_SIZE: u64 = 1 << 20;
    /// Contents that are put aside of files that the source does not have, bytes.
    pub const ASIDE_SIZE: usize = 4 << 20;
    /// Contents that are put aside of files that it has, bytes; most packages turn out to need none of them.
    pub const ASIDE_SAME_SIZE: usize = 2 << 20;
    /// All paths together, bytes.
    pub const PATHS_LENGTH: usize = 32 << 20;
    /// Longest path, bytes.
    pub const PATH_LENGTH: usize = 4096;
    /// Most folders of a path inside the package: each of them is looked up in the source.
    pub const PATH_DEPTH: usize = 64;
}

impl Default for ArtifactLimits {
    fn default() -> Self {
        Self { compressed_size: 1 << 30, unpacked_size: 8 << 30, entries: 200_000, ratio: 400, retained_size: 2 << 20 }
    }
}

/// Which limit ended a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitKind {
    /// [`ArtifactLimits::compressed_size`]
    CompressedSize,
    /// [`ArtifactLimits::unpacked_size`]
    UnpackedSize,
    /// [`ArtifactLimits::entries`]
    Entries,
    /// [`ArtifactLimits::ratio`]
    Ratio,
    /// [`ArtifactLimits::HEADER_SIZE`]
    HeaderSize,
}

impl fmt::Display for LimitKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::CompressedSize => "compressed size (`artifact.compressed-size` in the configuration)",
            Self::UnpackedSize => "unpacked size (`artifact.unpacked-size` in the configuration)",
            Self::Entries => "the number of entries (`artifact.entries` in the configuration)",
            Self::Ratio => "the compression ratio (`artifact.ratio` in the configuration)",
            Self::HeaderSize => "the size of one entry's headers",
        })
    }
}
