//! A log as Rekor is one, of both versions. Every entry is the second of two, as if the log began anew for each: that is
//! enough for a proof of inclusion with a path, and more than that nobody asks of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::authority::Key;

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    Sha256::digest(parts.concat()).into()
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    tarproof::package::hex_text(bytes.as_ref())
}

/// Root and path of an entry that stands behind one other.
fn proof(body: &[u8]) -> ([u8; 32], [u8; 32]) {
    let before = hash(&[&[0], b"the first entry"]);
    (hash(&[&[1], &before, &hash(&[&[0], body])]), before)
}

/// A signed note over the root.
fn checkpoint(root: &[u8; 32], key: &Key) -> String {
    let note = format!("log.example\n2\n{}\n", BASE64.encode(root));
    let signature = [&key.log_id()[..4], &key.sign(note.as_bytes())].concat();
    format!("{note}\n\u{2014} log.example {}\n", BASE64.encode(signature))
}

/// Answers as version 1 does, with the time and a signature over it.
pub(super) fn first_version(request: &Value, key: &Key, now: i64) -> Value {
    let proposed = &request["spec"]["proposedContent"];
    let envelope: Value = serde_json::from_str(proposed["envelope"].as_str().unwrap()).unwrap();
    let payload = BASE64.decode(envelope["payload"].as_str().unwrap()).unwrap();
    let digest = |bytes: &[u8]| json!({"algorithm": "sha256", "value": hex(hash(&[bytes]))});
    let body = json!({"apiVersion": "0.0.1", "kind": "dsse", "spec": {
        "envelopeHash": digest(proposed["envelope"].as_str().unwrap().as_bytes()),
        "payloadHash": digest(&payload),
        "signatures": [{"signature": envelope["signatures"][0]["sig"], "verifier": proposed["verifiers"][0]}],
    }});
    let body = serde_json::to_vec(&body).unwrap();
    let (root, path) = proof(&body);
    let (encoded, log_id) = (BASE64.encode(&body), hex(key.log_id()));
    // Canonical JSON: these keys in this order, no white space.
    let promised = format!(r#"{{"body":"{encoded}","integratedTime":{now},"logID":"{log_id}","logIndex":1}}"#);
    json!({"a".repeat(64): {
        "body": encoded, "integratedTime": now, "logID": log_id, "logIndex": 1,
        "verification": {
            "signedEntryTimestamp": BASE64.encode(key.sign(promised.as_bytes())),
            "inclusionProof": {
                "checkpoint": checkpoint(&root, key), "hashes": [hex(path)], "logIndex": 1, "rootHash": hex(root),
                "treeSize": 2,
            },
        },
    }})
}

/// Answers as version 2 does, which says no time.
pub(super) fn second_version(request: &Value, key: &Key) -> Value {
    let request = &request["hashedRekordRequestV002"];
    let body = json!({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": {
        "data": {"algorithm": "SHA2_256", "digest": request["digest"]},
        "signature": request["signature"],
    }}});
    let body = serde_json::to_vec(&body).unwrap();
    let (root, path) = proof(&body);
    json!({
        "logIndex": "1", "logId": {"keyId": BASE64.encode(key.log_id())},
        "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
        "inclusionProof": {
            "logIndex": "1", "rootHash": BASE64.encode(root), "treeSize": "2", "hashes": [BASE64.encode(path)],
            "checkpoint": {"envelope": checkpoint(&root, key)},
        },
        "canonicalizedBody": BASE64.encode(&body),
    })
}
