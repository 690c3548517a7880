//! A tarball of a few megabytes that inflates to gigabytes, made without compressing gigabytes.

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use super::tarball::{END_OF_ARCHIVE, Member, TarballError, member_header};

const CHUNK: usize = 1 << 22;
const CHUNKS: usize = 512;

/// What the bomb's one member inflates to, in bytes.
pub const BOMB_CONTENT_LENGTH: u64 = (CHUNK * CHUNKS) as u64;

/// Builds a valid `.tgz` whose one member, `package/zeros.bin`, holds [`BOMB_CONTENT_LENGTH`] zeros.
///
/// A full flush makes compressed chunks independent of each other, so that one of them can be repeated.
pub fn tarball_bomb() -> Result<Vec<u8>, TarballError> {
    bomb_of(CHUNKS)
}

fn bomb_of(chunks: usize) -> Result<Vec<u8>, TarballError> {
    let member = Member::File { mode: 0o644, size: (CHUNK * chunks) as u64 };
    let header = member_header("package/zeros.bin", member)?;
    let zeros = vec![0; CHUNK];
    let mut crc = checksum(&header);
    let chunk_crc = checksum(&zeros);
    // Fixed fields of a gzip header: magic, deflate, no flags, no time, best level, unknown system.
    let mut bomb = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];
    bomb.extend(independent_block(&header)?);
    let block = independent_block(&zeros)?;
    for _ in 0..chunks {
        bomb.extend_from_slice(&block);
        crc.combine(&chunk_crc);
    }
    bomb.extend(independent_block(&END_OF_ARCHIVE)?);
    crc.combine(&checksum(&END_OF_ARCHIVE));
    // An empty last block ends the stream.
    bomb.extend([3, 0]);
    bomb.extend(crc.sum().to_le_bytes());
    bomb.extend(crc.amount().to_le_bytes());
    Ok(bomb)
}

fn checksum(bytes: &[u8]) -> Crc {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc
}

fn independent_block(bytes: &[u8]) -> Result<Vec<u8>, TarballError> {
    let mut compressor = Compress::new(Compression::best(), false);
    let mut block = Vec::with_capacity(bytes.len() / 100 + 1024);
    let status = compressor.compress_vec(bytes, &mut block, FlushCompress::Full).map_err(std::io::Error::other)?;
    if status != Status::Ok || compressor.total_in() != bytes.len() as u64 {
        return Err(std::io::Error::other("the block does not fit its buffer").into());
    }
    Ok(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bomb_is_a_valid_archive_of_high_ratio() {
        let size = tarball_bomb().unwrap().len() as u64;
        assert!(size < BOMB_CONTENT_LENGTH / 900, "{size}");
        // Inflating all of it would take longer than the rest of the tests.
        let bomb = bomb_of(3).unwrap();
        let mut reader = flate2::read::GzDecoder::new(bomb.as_slice());
        let length = std::io::copy(&mut reader, &mut std::io::sink()).unwrap();
        assert_eq!(length, (3 * CHUNK + 512 + 1024) as u64);
    }
}
