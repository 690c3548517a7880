use crate::package::{PackageName, Version, without_byte_order_mark};

/// How a manifest's version relates to the release's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StatedVersion {
    /// It is the release's, and so is the name.
    Exact,
    /// The version is the release's under another name, or a placeholder that a release tool replaces.
    Compatible,
    /// It is another one.
    Other,
}

#[derive(serde::Deserialize)]
struct Stated {
    name: Option<String>,
    version: Option<String>,
}

impl StatedVersion {
    /// Reads a manifest; one that cannot be read states another version.
    pub(super) fn read(content: &[u8], name: &PackageName, version: &Version) -> Self {
        let Ok(Stated { name: stated_name, version: Some(stated) }) =
            serde_json::from_slice(without_byte_order_mark(content))
        else {
            return Self::Other;
        };
        if stated == version.as_str() {
            let same = stated_name.is_none_or(|stated| stated == name.as_str());
            return if same { Self::Exact } else { Self::Compatible };
        }
        if stated.starts_with("0.0.0") { Self::Compatible } else { Self::Other }
    }
}
