//! Names of tiles and bundles, and what stands in a bundle.

use tlog_tiles::Tile;

/// A tile has up to `2^HEIGHT` hashes, a bundle as many entries.
pub(super) const HEIGHT: u8 = 8;
/// Entries of a full bundle.
pub(super) const FULL: u64 = 1 << HEIGHT;
/// Largest bundle of the format, bytes.
pub(super) const MAX_BUNDLE: usize = (1 << HEIGHT) * (2 + u16::MAX as usize);

/// The bundle with the entries whose hashes are in `tile`, one of level 0.
pub(super) fn bundle_of(tile: &Tile) -> Tile {
    let mut bundle = *tile;
    bundle.set_is_data();
    bundle
}

/// Where a tile or bundle is in the log: `tile/1/x001/234.p/5`, `tile/entries/000`.
pub(super) fn path(tile: &Tile) -> String {
    let path = tile.path();
    let name = path.strip_prefix("tile/8/").expect("all tiles are of this height");
    name.strip_prefix("data/").map_or_else(|| format!("tile/{name}"), |number| format!("tile/entries/{number}"))
}

/// The tile or bundle at `path`; `None` for a path that none has.
pub(super) fn at(path: &str) -> Option<Tile> {
    let name = path.strip_prefix("tile/")?;
    // `Tile::from_path` ends the program on levels and widths that no tile has.
    if let Some((_, width)) = name.split_once(".p/")
        && !matches!(width.parse::<u16>(), Ok(1..=255))
    {
        return None;
    }
    let name = match name.strip_prefix("entries/") {
        Some(number) => format!("data/{number}"),
        None if matches!(name.split_once('/')?.0.parse::<u8>(), Ok(0..=7)) => name.to_owned(),
        None => return None,
    };
    Tile::from_path(&format!("tile/8/{name}")).ok()
}

/// Whether everything in a tile or bundle is of the first `size` entries.
pub(super) fn is_within(tile: &Tile, size: u64) -> bool {
    let complete = size >> (u32::from(HEIGHT) * u32::from(tile.level()));
    // Beyond any size, the start would not fit.
    tile.level_index() <= complete >> HEIGHT && tile.level_index() * FULL + u64::from(tile.width()) <= complete
}

/// Whether a log of `size` entries needs this tile or bundle, given that it is within.
pub(super) fn is_needed(tile: &Tile, size: u64) -> bool {
    let complete = size >> (u32::from(HEIGHT) * u32::from(tile.level()));
    let width = u64::from(tile.width());
    width == FULL || tile.level_index() * FULL + width == complete
}

/// Adds an entry to a bundle.
pub(super) fn add_entry(bundle: &mut Vec<u8>, entry: &[u8]) {
    let length = u16::try_from(entry.len()).expect("entries are short lines");
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
}

/// The entries of a bundle; `None` where it does not hold exactly `count`.
pub(super) fn entries(mut bundle: &[u8], count: u32) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::new();
    // No more than were asked for: a bundle of zeros holds millions of empty ones.
    for _ in 0..count {
        let (length, rest) = bundle.split_first_chunk::<2>()?;
        let (entry, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        entries.push(entry);
        bundle = rest;
    }
    bundle.is_empty().then_some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification_and_nothing_else() {
        let full = Tile::new(8, 0, 1_234_067, 256, false);
        assert_eq!(path(&full), "tile/0/x001/x234/067");
        assert_eq!(path(&Tile::new(8, 2, 5, 7, false)), "tile/2/005.p/7");
        assert_eq!(path(&bundle_of(&Tile::new(8, 0, 0, 3, false))), "tile/entries/000.p/3");
        for good in ["tile/0/000", "tile/7/x001/234.p/255", "tile/entries/x001/x234/067.p/1"] {
            assert_eq!(path(&at(good).unwrap()), good);
        }
        for bad in [
            "",
            "tile",
            "tile/0",
            "tile/0/0",
            "tile/8/0/000",
            "tile/data/000",
            "tile/99/000",
            "tile/00/000",
            "tile/0/000.p/0",
            "tile/0/000.p/00",
            "tile/0/000.p/256",
            "tile/0/000.p/1/2",
            "tile/0/000.p",
            "tile/-1/000",
            "tile/entries/.tarproof-x",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
            "tile/0/é",
            "tile/entries/",
        ] {
            assert!(at(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn what_lies_within_a_tree_is_told() {
        let within = |path: &str, size| is_within(&at(path).unwrap(), size);
        assert!(within("tile/0/000.p/3", 3) && !within("tile/0/000.p/4", 3));
        assert!(within("tile/0/000", 256) && !within("tile/0/000", 255) && !within("tile/0/001.p/1", 256));
        assert!(within("tile/1/000.p/1", 256) && !within("tile/1/000.p/2", 511));
        let needed = |path: &str, size| is_needed(&at(path).unwrap(), size);
        assert!(needed("tile/0/000", 300) && needed("tile/0/001.p/44", 300) && needed("tile/1/000.p/1", 300));
        assert!(!needed("tile/0/000.p/3", 300) && !needed("tile/entries/001.p/43", 300));
        assert!(!within("tile/7/x999/x999/x999/999", u64::MAX) && within("tile/entries/000.p/1", u64::MAX));
        assert!(!within("tile/0/x018/x446/x744/x073/x709/x551/614", 1 << 60));
    }

    #[test]
    fn a_bundle_holds_what_was_added() {
        let mut bundle = Vec::new();
        for entry in [&b"a"[..], b"", b"bcd"] {
            add_entry(&mut bundle, entry);
        }
        assert_eq!(bundle, b"\0\x01a\0\0\0\x03bcd");
        assert_eq!(entries(&bundle, 3).unwrap(), [&b"a"[..], b"", b"bcd"]);
        assert!(entries(&bundle, 2).is_none() && entries(&bundle, 4).is_none());
        for length in 0..bundle.len() {
            assert!(entries(&bundle[..length], 3).is_none(), "{length}");
        }
    }
}
