//! The honest packages that are built into the program.

use crate::demo::{Case, CaseError};

macro_rules! descriptions {
    ($($id:literal),* $(,)?) => {
        &[$(($id, include_str!(concat!("../../fixtures/attack-suite/", $id, ".toml")))),*]
    };
}

/// Every description by id.
pub const DESCRIPTIONS: &[(&str, &str)] = descriptions![
    "wood-plane",
    "tide-table",
    "twin-lens",
    "peg-board",
    "type-case",
    "dist-press",
    "bench-vise",
    "fret-saw",
    "map-reader",
    "kiln-setup",
    "iron-binding",
    "nest-box",
    "glass-view",
    "index-card",
    "seed-data",
    "potter-wheel",
    "tape-measure",
    "stamp-pad",
    "picture-frame",
    "clock-face",
    "field-guide",
    "rope-tool",
    "mill-stone",
    "lock-smith",
];

/// Parses all descriptions.
pub fn packages() -> Result<Vec<Case>, CaseError> {
    DESCRIPTIONS.iter().map(|(id, text)| Case::parse(id, text)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::demo::CaseKind;

    #[test]
    fn every_description_in_the_folder_is_embedded_and_honest() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/attack-suite");
        let on_disk: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().trim_end_matches(".toml").to_owned())
            .collect();
        let embedded: BTreeSet<String> = DESCRIPTIONS.iter().map(|(id, _)| (*id).to_owned()).collect();
        assert_eq!(on_disk, embedded);
        for case in packages().unwrap() {
            assert_eq!(case.kind, CaseKind::Honest, "{}", case.id);
            let labels: Vec<&str> = case.releases.iter().map(|release| release.from.as_str()).collect();
            assert_eq!(labels, ["1.0.0", "1.1.0", "1.2.0"], "{}", case.id);
            assert_eq!(case.repositories.len(), 1, "{}", case.id);
        }
    }
}
