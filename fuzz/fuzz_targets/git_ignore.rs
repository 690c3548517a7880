//! Any `.gitignore` is answered for, the same way each time, and nothing below an ignored directory comes back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarproof::pack::npm::packlist::{GitIgnores, git_ignored};
use tarproof_fuzz::MemoryTree;

fuzz_target!(|data: &[u8]| {
    let tree = MemoryTree::from_bytes(data);
    let mut ignores = GitIgnores::new(&tree);
    for path in tree.paths() {
        let ignored = ignores.ignores(path);
        assert_eq!(ignored, git_ignored(&tree, path), "{path}");
        let mut above = path.match_indices('/').map(|(end, _)| &path[..end]);
        assert!(ignored || !above.any(|directory| ignores.ignores(directory)), "{path}");
    }
});
