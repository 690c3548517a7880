//! `provenance-dropped`

use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};
use crate::registry::{Neighbour, Neighbours};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::ProvenanceDropped,
    id: "provenance-dropped",
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    risk: Risk::Medium,
    weighing: Weighing::Context,
    summary: "An earlier release stated its provenance, and this one does not.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let Some(metadata) = evidence.metadata.filter(|metadata| !metadata.has_provenance) else { return Vec::new() };
    let Neighbours { earlier, lower, .. } = &metadata.neighbours;
    let stated = |other: &&Neighbour| other.has_provenance && other.is_before(metadata);
    let Some(other) = earlier.iter().chain(lower).find(stated) else { return Vec::new() };
    let message = format!("release {} states a provenance attestation, this one states none", other.version);
    vec![Finding::new(Rule::ProvenanceDropped, None, message)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{metadata, neighbour};

    fn judged(this: bool, other: bool, at: i64) -> usize {
        let mut metadata = metadata("1.1.0");
        metadata.has_provenance = this;
        metadata.neighbours.lower = Some(Neighbour { has_provenance: other, ..neighbour("1.0.0", at) });
        judge(&Evidence { metadata: Some(&metadata), ..Evidence::default() }).len()
    }

    #[test]
    fn fires() {
        assert_eq!(judged(false, true, 50), 1);
    }

    #[test]
    fn stays_silent() {
        assert_eq!(judged(true, true, 50), 0);
        assert_eq!(judged(false, false, 50), 0);
        assert_eq!(judged(false, true, 150), 0, "that release came later");
    }
}
