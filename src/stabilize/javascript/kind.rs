use oxc_span::SourceType;

/// How a file is read as JavaScript or TypeScript, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// `.js`: a script or a module, whichever its text is.
    Unstated,
    /// `.mjs`.
    Module,
    /// `.cjs`.
    CommonJs,
    /// `.jsx`.
    Jsx,
    /// `.ts`, `.mts`, `.cts`.
    TypeScript,
    /// `.tsx`.
    Tsx,
    /// `.d.ts`, `.d.mts`, `.d.cts`.
    Declarations,
}

impl SourceKind {
    /// Reads the kind from a path inside the package; `None` for every other language.
    pub fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
        let (stem, extension) = name.rsplit_once('.')?;
        match extension {
            "js" => Some(Self::Unstated),
            "mjs" => Some(Self::Module),
            "cjs" => Some(Self::CommonJs),
            "jsx" => Some(Self::Jsx),
            "tsx" => Some(Self::Tsx),
            "ts" | "mts" | "cts" if stem.ends_with(".d") => Some(Self::Declarations),
            "ts" | "mts" | "cts" => Some(Self::TypeScript),
            _ => None,
        }
    }

    /// What a file of this kind may be, too, to be read as one after the other until one fits.
    ///
    /// TypeScript's grammar is no superset of what Node runs, and Node's own has no types; `.js` files hold elements in
    /// some packages.
    pub(crate) fn alternatives(&self) -> &[Self] {
        match self {
            Self::Unstated => &[Self::Unstated, Self::Jsx],
            kind => std::slice::from_ref(kind),
        }
    }

    /// The grammars to try, in this order; what a file means must be the same on both sides under one of them.
    pub(super) fn grammars(self) -> Vec<SourceType> {
        match self {
            Self::Unstated => vec![SourceType::unambiguous(), SourceType::mjs(), SourceType::cjs()],
            Self::Module => vec![SourceType::mjs()],
            Self::CommonJs => vec![SourceType::cjs()],
            Self::Jsx => vec![SourceType::jsx()],
            Self::TypeScript => vec![SourceType::ts()],
            Self::Tsx => vec![SourceType::tsx()],
            Self::Declarations => vec![SourceType::d_ts()],
        }
    }

    /// The grammars of a script and of a module, where a file of this kind can be either.
    pub(super) fn goals(self) -> Option<[SourceType; 2]> {
        let module = match self {
            Self::Module | Self::CommonJs | Self::Declarations => return None,
            Self::Unstated => SourceType::mjs(),
            Self::Jsx => SourceType::jsx(),
            Self::TypeScript => SourceType::ts(),
            Self::Tsx => SourceType::tsx(),
        };
        Some([module.with_commonjs(true), module.with_module(true)])
    }

    pub(super) fn has_types(self) -> bool {
        matches!(self, Self::TypeScript | Self::Tsx | Self::Declarations)
    }

    pub(super) fn has_elements(self) -> bool {
        matches!(self, Self::Jsx | Self::Tsx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_the_kind() {
        assert_eq!(SourceKind::of("dist/index.js"), Some(SourceKind::Unstated));
        assert_eq!(SourceKind::of("dist/index.d.mts"), Some(SourceKind::Declarations));
        assert_eq!(SourceKind::of("a.cts"), Some(SourceKind::TypeScript));
        assert_eq!(SourceKind::of("a.d.ts.map"), None);
        assert_eq!(SourceKind::of("js"), None);
    }
}
