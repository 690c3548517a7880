//! What the keys of a manifest are read by.

/// When a key of the manifest takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyReach {
    /// Decides what an installation downloads or runs.
    Install,
    /// Decides which file an import, a `bin` call or another consumer's tool takes.
    Import,
    /// Says which package this is.
    Identity,
    /// Read by people and by the package's own development tools.
    Inert,
}

impl KeyReach {
    /// Classifies a top-level key; keys that npm does not document are `Inert` unless a known consumer reads them.
    pub fn of(key: &str) -> Self {
        match key {
            "scripts"
            | "dependencies"
            | "optionalDependencies"
            | "peerDependencies"
            | "peerDependenciesMeta"
            | "dependenciesMeta"
            | "bundleDependencies"
            | "bundledDependencies"
            | "gypfile"
            | "binary"
            | "engines"
            | "engineStrict"
            | "os"
            | "cpu"
            | "libc"
            | "preferGlobal"
            | "hasInstallScript"
            | "hasShrinkwrap"
            | "_hasShrinkwrap" => Self::Install,
            "main" | "module" | "exports" | "imports" | "type" | "types" | "typings" | "typesVersions" | "browser"
            | "bin" | "man" | "directories" | "config" | "sideEffects" | "browserify" | "browserify-shim" | "unpkg"
            | "jsdelivr" | "cdn" | "umd" | "umd:main" | "esnext" | "es2015" | "es2020" | "esm" | "esm2015"
            | "esm2020" | "esm2022" | "fesm5" | "fesm2015" | "fesm2020" | "fesm2022" | "jsnext:main" | "jsnext"
            | "react-native" | "metro" | "electron" | "style" | "sass" | "less" | "svelte" | "source" | "worker"
            | "webworker" | "web" | "deno" | "bun" | "module-sync" | "jspm" | "modern" | "alias" | "_moduleAliases"
            | "oclif" | "contributes" | "activationEvents" | "main-es5" | "schematics" | "builders" | "generators"
            | "executors" | "ng-update" | "nx-migrations" | "ng-add" | "nativescript" | "cordova" | "ember-addon"
            | "loopback" | "egg" | "plugin" | "plugins" | "web-types" | "customElements" | "flow:main" | "runkit"
            | "exodus" | "dist" | "__proto__" | "constructor" | "prototype" | "then" => Self::Import,
            "name" | "version" | "private" | "license" | "licenses" | "repository" | "gitHead" => Self::Identity,
            _ => Self::Inert,
        }
    }
}

/// Keys that npm documents for people; nothing installs or imports by them, but nobody strips them by accident either.
pub(super) fn informational(key: &str) -> bool {
    matches!(
        key,
        "description"
            | "keywords"
            | "homepage"
            | "bugs"
            | "author"
            | "contributors"
            | "maintainers"
            | "funding"
            | "readme"
            | "readmeFilename"
    )
}

/// The dependency maps whose values are version ranges.
pub(super) fn dependency_map(key: &str) -> bool {
    matches!(key, "dependencies" | "devDependencies" | "optionalDependencies" | "peerDependencies")
}
