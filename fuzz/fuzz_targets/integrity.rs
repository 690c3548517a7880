//! A subresource integrity value means the same after it was written out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarproof::package::{BlobId, Integrity, Sha256Digest};
use tarproof_fuzz::split_at_nul;

fuzz_target!(|data: &[u8]| {
    let (text, content) = split_at_nul(data);
    let Ok(text) = std::str::from_utf8(text) else { return };
    if let Ok(integrity) = Integrity::parse(text) {
        let again = Integrity::parse(&integrity.to_string()).expect("what we write we read");
        assert_eq!(again, integrity);
        assert_eq!(again.check(content), integrity.check(content));
    }
    if let Ok(id) = BlobId::parse(text) {
        assert_eq!(id.to_string(), text.to_ascii_lowercase());
    }
    if let Ok(digest) = Sha256Digest::parse(text) {
        assert_eq!(digest.to_string(), text.to_ascii_lowercase());
    }
});
