use serde_json::Value;

use super::MalformedClaim;
use crate::package::{CommitId, Integrity, Sha1Digest};

/// The claims of a version's metadata object that have a form to check.
#[derive(Debug, Default)]
pub(super) struct Claims {
    pub(super) integrity: Option<Integrity>,
    pub(super) shasum: Option<Sha1Digest>,
    pub(super) git_head: Option<CommitId>,
    pub(super) npm_version: Option<String>,
    pub(super) node_version: Option<String>,
    pub(super) publisher: Option<String>,
    pub(super) has_provenance: bool,
    pub(super) malformed: Vec<MalformedClaim>,
}

impl Claims {
    /// Reads the claims; what is absent stays so, and what is malformed is set apart.
    pub(super) fn read(manifest: &Value) -> Self {
        let mut malformed = Vec::new();
        let dist = manifest.get("dist").unwrap_or(&Value::Null);
        let text = |key: &str| manifest.get(key).and_then(Value::as_str).map(str::to_owned);
        Self {
            integrity: parsed("dist.integrity", dist.get("integrity"), &mut malformed, |text| {
                Integrity::parse(text).ok()
            }),
            shasum: parsed("dist.shasum", dist.get("shasum"), &mut malformed, |text| Sha1Digest::parse(text).ok()),
            git_head: parsed("gitHead", manifest.get("gitHead"), &mut malformed, |text| CommitId::parse(text).ok()),
            npm_version: text("_npmVersion"),
            node_version: text("_nodeVersion"),
            publisher: manifest
                .get("_npmUser")
                .and_then(|user| user.get("name"))
                .and_then(Value::as_str)
                .map(str::to_owned),
            has_provenance: dist
                .get("attestations")
                .and_then(|attestations| attestations.get("provenance"))
                .is_some_and(|provenance| !provenance.is_null()),
            malformed,
        }
    }
}

fn parsed<T>(
    claim: &'static str,
    value: Option<&Value>,
    malformed: &mut Vec<MalformedClaim>,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    let written = match value? {
        // Empty texts come from publishing tools that found nothing to state.
        Value::Null => return None,
        Value::String(text) if text.is_empty() => return None,
        Value::String(text) => {
            if let Some(parsed) = parse(text) {
                return Some(parsed);
            }
            text.clone()
        }
        other => other.to_string(),
    };
    malformed.push(MalformedClaim::new(claim, &written));
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_claim_is_optional() {
        for manifest in [json!({}), json!(null), json!([]), json!({"dist": null, "_npmUser": [], "gitHead": ""})] {
            let claims = Claims::read(&manifest);
            assert!(claims.integrity.is_none() && claims.git_head.is_none() && !claims.has_provenance);
            assert!(claims.malformed.is_empty(), "{manifest}");
        }
    }

    #[test]
    fn malformed_claims_are_set_apart() {
        let claims = Claims::read(&json!({
            "gitHead": "HEAD",
            "dist": {"integrity": "md5-AAAA", "shasum": 7, "attestations": {"provenance": {}}},
            "_npmUser": {"name": "someone", "email": "x"},
        }));
        let names: Vec<_> = claims.malformed.iter().map(|malformed| malformed.claim).collect();
        assert_eq!(names, ["dist.integrity", "dist.shasum", "gitHead"]);
        assert_eq!(claims.publisher.as_deref(), Some("someone"));
        assert!(claims.has_provenance);
    }
}
