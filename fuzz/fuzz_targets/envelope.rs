//! An envelope means the same after it was written out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarproof::attest::Envelope;

fuzz_target!(|data: &[u8]| {
    let Ok(envelope) = Envelope::read(data) else { return };
    let written = serde_json::to_vec(&envelope.to_value()).expect("an envelope is JSON");
    assert_eq!(Envelope::read(&written).expect("what we write we read"), envelope);
});
