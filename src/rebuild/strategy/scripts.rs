//! What a script's or a program's name says about its purpose.

const TEST_PARTS: [&str; 46] = [
    "test",
    "tests",
    "testing",
    "lint",
    "linter",
    "eslint",
    "tslint",
    "prettier",
    "format",
    "fmt",
    "coverage",
    "cov",
    "cover",
    "coveralls",
    "typecheck",
    "check",
    "checks",
    "spec",
    "e2e",
    "bench",
    "benchmark",
    "benchmarks",
    "audit",
    "size",
    "docs",
    "doc",
    "demo",
    "example",
    "examples",
    "storybook",
    "playground",
    "dev",
    "start",
    "serve",
    "watch",
    "verify",
    "validate",
    "typedoc",
    "website",
    "sandbox",
    "smoke",
    "integration",
    "unit",
    "knip",
    "attw",
    "publint",
];

const BUILD_PARTS: [&str; 32] = [
    "build",
    "builds",
    "compile",
    "bundle",
    "dist",
    "transpile",
    "rollup",
    "webpack",
    "tsc",
    "babel",
    "generate",
    "gen",
    "codegen",
    "minify",
    "prepare",
    "prepack",
    "prepublish",
    "prepublishonly",
    "make",
    "esbuild",
    "vite",
    "wasm",
    "dts",
    "declarations",
    "tsup",
    "tshy",
    "unbuild",
    "uglify",
    "esm",
    "cjs",
    "umd",
    "types",
];

const RELEASE_PARTS: [&str; 8] = ["release", "publish", "deploy", "ship", "releases", "publishing", "np", "shipit"];

fn parts(name: &str) -> impl Iterator<Item = String> + '_ {
    name.split([':', '-', '_', '.', '/']).filter(|part| !part.is_empty()).map(str::to_ascii_lowercase)
}

fn has(name: &str, known: &[&str]) -> bool {
    parts(name).any(|part| known.contains(&part.as_str()))
}

/// Whether a script's name says that it only checks, documents or serves.
pub(super) fn is_test_name(name: &str) -> bool {
    let first = parts(name).next().unwrap_or_default();
    let checks_types = matches!(name, "check-types" | "types:check" | "type-check" | "type:check" | "check:types");
    checks_types || TEST_PARTS.contains(&first.as_str()) || (has(name, &TEST_PARTS) && !has(name, &BUILD_PARTS))
}

/// Whether a script's name says that it builds.
pub(super) fn is_build_name(name: &str) -> bool {
    !is_test_name(name) && has(name, &BUILD_PARTS)
}

/// Whether a script's name says that it publishes.
pub(super) fn is_release_name(name: &str) -> bool {
    has(name, &RELEASE_PARTS) && !name.to_ascii_lowercase().starts_with("pre")
}

/// The scripts that build a package, best first, when nothing else says which.
pub(super) const BUILD_SCRIPTS: [&str; 12] = [
    "build",
    "build:prod",
    "build:production",
    "build:all",
    "build:lib",
    "build-all",
    "compile",
    "dist",
    "bundle",
    "transpile",
    "build:dist",
    "make",
];

/// Whether a program checks, formats, measures or documents, and makes nothing that is published.
pub(super) fn is_test_program(program: &str) -> bool {
    const PROGRAMS: [&str; 58] = [
        "jest",
        "vitest",
        "mocha",
        "ava",
        "tap",
        "tape",
        "c8",
        "nyc",
        "karma",
        "wdio",
        "playwright",
        "cypress",
        "uvu",
        "xo",
        "eslint",
        "standard",
        "ts-standard",
        "tslint",
        "oxlint",
        "size-limit",
        "bundlewatch",
        "bundlesize",
        "attw",
        "publint",
        "knip",
        "depcheck",
        "commitlint",
        "lint-staged",
        "audit-ci",
        "codecov",
        "coveralls",
        "dtslint",
        "tsd",
        "check-dts",
        "depcruise",
        "jshint",
        "jscs",
        "stylelint",
        "cspell",
        "markdownlint",
        "markdownlint-cli2",
        "remark",
        "istanbul",
        "testem",
        "qunit",
        "bnt",
        "zuul",
        "airtap",
        "aud",
        "evalmd",
        "eclint",
        "nodemon",
        "documentation",
        "typedoc",
        "yaspeller",
        "sherif",
        "manypkg",
        "syncpack",
    ];
    PROGRAMS.contains(&program)
        || matches!(program, "sort-package-json" | "npm-check" | "check-node-version" | "license-checker" | "whyarewe")
}

/// Whether a program installs git hooks or guards an installation.
pub(super) fn is_hook_program(program: &str) -> bool {
    matches!(
        program,
        "husky"
            | "simple-git-hooks"
            | "lefthook"
            | "only-allow"
            | "pinst"
            | "yorkie"
            | "is-ci"
            | "not-in-publish"
            | "in-publish"
            | "not-in-install"
            | "safe-publish-latest"
            | "can-npm-publish"
            | "npmignore"
            | "auto-changelog"
            | "git-cliff"
            | "conventional-changelog"
            | "allow-scripts"
            | "link-git-hooks"
            | "opencollective"
            | "opencollective-postinstall"
            | "skip-ci"
    )
}

/// Whether a program compiles, bundles or runs a build.
pub(super) fn is_build_program(program: &str) -> bool {
    const PROGRAMS: [&str; 66] = [
        "tsc",
        "vue-tsc",
        "tsgo",
        "ttsc",
        "tspc",
        "rollup",
        "webpack",
        "webpack-cli",
        "esbuild",
        "vite",
        "tsup",
        "tshy",
        "unbuild",
        "microbundle",
        "babel",
        "swc",
        "parcel",
        "ncc",
        "bob",
        "bili",
        "tsdown",
        "ng-packagr",
        "ng",
        "gulp",
        "grunt",
        "make",
        "browserify",
        "uglifyjs",
        "terser",
        "sass",
        "lessc",
        "postcss",
        "coffee",
        "lsc",
        "api-extractor",
        "turbo",
        "nx",
        "lage",
        "wireit",
        "aegir",
        "father",
        "kcd-scripts",
        "pkgroll",
        "zshy",
        "wasm-pack",
        "napi",
        "preconstruct",
        "tsdx",
        "bunchee",
        "obuild",
        "mkdist",
        "rspack",
        "rslib",
        "rolldown",
        "wsrun",
        "ultra",
        "bazel",
        "cargo",
        "jison",
        "pegjs",
        "peggy",
        "tsc-multi",
        "tsimp",
        "babel-node",
        "backpack",
        "dts-bundle-generator",
    ];
    PROGRAMS.contains(&program)
}

/// Whether a file that an interpreter runs builds, by its name.
pub(super) fn is_build_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    is_build_name(name.rsplit_once('.').map_or(name, |(stem, _)| stem)) || is_build_name(name)
}

/// Whether a file that an interpreter runs only sets versions or writes a change log, by its name.
pub(super) fn is_version_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    has(name, &["version", "versions", "canary", "changelog", "bump", "tag"]) && !has(name, &BUILD_PARTS)
}

/// Whether a file that an interpreter runs only checks, by its name.
pub(super) fn is_test_file(path: &str) -> bool {
    let mut directories = path.split('/').rev().skip(1);
    if directories.any(|part| matches!(part, "test" | "tests" | "__tests__" | "examples" | "bench" | "benchmark")) {
        return true;
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    is_test_name(name.rsplit_once('.').map_or(name, |(stem, _)| stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_purpose() {
        for name in ["test", "test:build", "lint:fix", "types:check", "check-types", "docs:diff", "format:check", "cov"]
        {
            assert!(is_test_name(name) && !is_build_name(name), "{name}");
        }
        for name in ["build", "build:esm", "compile", "prepublishOnly", "build-docs", "generate-types"] {
            assert!(is_build_name(name), "{name}");
        }
        assert!(is_release_name("release") && is_release_name("ci:publish") && !is_release_name("prepublishOnly"));
        assert!(is_build_file("scripts/build.js") && is_build_file("./deno-build.mjs"));
        assert!(is_test_file("./bin/check-build-version.js") && !is_build_file("bin/check-build-version.js"));
    }
}
