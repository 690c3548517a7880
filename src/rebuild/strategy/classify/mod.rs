//! Decides what one command of a script is there for.

mod managers;

use super::scripts;
use super::shell::{Command, assignment};

/// What a command is there for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Changes the directory for the commands after it.
    ChangeDirectory(String),
    /// Sets a variable for the commands after it.
    Export(String, String),
    /// Sends a package to the registry.
    Publish(Publisher),
    /// Runs a script of a manifest.
    RunScript(ScriptCall),
    /// Runs several scripts of the manifest, by name or pattern.
    RunSeveral(Vec<String>),
    /// Compiles or bundles.
    Build,
    /// Not known; kept.
    Other,
    /// Nothing that a tarball depends on, and why.
    Drop(&'static str),
}

/// A call of a script of some manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScriptCall {
    /// The script's name.
    pub(super) name: String,
    /// Arguments for it.
    pub(super) arguments: Vec<String>,
    /// Where the manifest is.
    pub(super) target: Target,
}

/// Whose script is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// The manifest of the current directory.
    Here,
    /// The root's.
    Root,
    /// The manifest in another directory.
    Directory(String),
    /// The workspace of this name, or in this directory.
    Workspace(String),
    /// Several of the workspace.
    Many,
}

/// A command that publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Publisher {
    /// Who packs in the end.
    pub(super) with: PublishTool,
    /// The directory that it names.
    pub(super) directory: Option<String>,
    /// The workspace that it names.
    pub(super) workspace: Option<String>,
}

/// A program that publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PublishTool {
    Npm,
    Pnpm,
    YarnClassic,
    YarnBerry,
    Bun,
    Changesets,
    SemanticRelease,
    Lerna,
    Nx,
    CleanPublish,
    /// np, release-it and the like, which call npm.
    Other,
    /// A script of the repository's own.
    Script,
}

impl PublishTool {
    /// The name for reasons.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Npm => "npm publish",
            Self::Pnpm => "pnpm publish",
            Self::YarnClassic => "yarn publish",
            Self::YarnBerry => "yarn npm publish",
            Self::Bun => "bun publish",
            Self::Changesets => "changesets",
            Self::SemanticRelease => "semantic-release",
            Self::Lerna => "lerna",
            Self::Nx => "nx release",
            Self::CleanPublish => "clean-publish",
            Self::Other => "a release tool",
            Self::Script => "a release script",
        }
    }
}

fn publish(with: PublishTool) -> Purpose {
    Purpose::Publish(Publisher { with, directory: None, workspace: None })
}

/// Says what `command` is there for.
pub(super) fn classify(command: &Command) -> Purpose {
    let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
    let purpose = classify_words(&words, 0);
    // `echo '{"type":"commonjs"}' > dist/package.json` makes a file.
    match (&purpose, command.redirect.as_deref()) {
        (Purpose::Drop("says something"), Some(file)) if makes_file(file) => Purpose::Other,
        _ => purpose,
    }
}

fn makes_file(path: &str) -> bool {
    let is_npmrc = path.ends_with(".npmrc") || path.ends_with(".yarnrc.yml") || path.ends_with(".netrc");
    !path.contains('$') && !path.starts_with(['/', '~']) && !is_npmrc
}

fn classify_words(words: &[&str], depth: usize) -> Purpose {
    let Some((program, rest)) = words.split_first() else { return Purpose::Drop("sets variables") };
    if depth > 4 {
        return Purpose::Other;
    }
    let again = |rest: &[&str]| classify_words(rest, depth + 1);
    let name = program.rsplit('/').next().unwrap_or(program);
    match name {
        "cd" | "pushd" => Purpose::ChangeDirectory(rest.first().copied().unwrap_or("$HOME").to_owned()),
        "popd" => Purpose::ChangeDirectory("$OLDPWD".to_owned()),
        "export" => match rest.first().and_then(|word| assignment(word)) {
            Some((name, value)) => Purpose::Export(name, value),
            None => Purpose::Drop("sets variables"),
        },
        "cross-env" | "cross-env-shell" | "env" | "better-npm-run" => {
            let start = rest.iter().position(|word| assignment(word).is_none()).unwrap_or(rest.len());
            again(&rest[start..])
        }
        "sudo" | "time" | "command" | "exec" | "run-script-os" | "dotenv" | "nice" => {
            let start = rest.iter().position(|word| !word.starts_with('-')).unwrap_or(rest.len());
            again(&rest[start..])
        }
        "npx" | "bunx" | "pnpx" => again(package_program(rest)),
        "echo" | "printf" | "cat" | "ls" | "pwd" | "true" | ":" | "exit" | "sleep" | "date" | "set" | "which"
        | "du" | "tree" | "whoami" | "head" | "tail" | "say" => Purpose::Drop("says something"),
        "git" | "gh" | "hub" | "glab" | "svn" | "hg" => Purpose::Drop("is version control"),
        "docker" | "curl" | "wget" | "apt-get" | "apt" | "brew" | "pip" | "pip3" | "rustup" | "corepack" | "nvm"
        | "n" | "fnm" | "volta" | "asdf" | "ni" | "nci" | "gpg" | "ssh" | "scp" | "aws" => {
            Purpose::Drop("fetches or sets up")
        }
        "vsce" | "ovsx" | "jsr" | "deno" | "pkg-pr-new" | "twine" => Purpose::Drop("is for another registry"),
        "npm" | "cnpm" => managers::npm(rest),
        "yarn" | "yarnpkg" => managers::yarn(rest, depth),
        "pnpm" => managers::pnpm(rest, depth),
        "bun" => managers::bun(rest),
        "nr" => managers::script(rest, Target::Here),
        "npm-run-all" | "npm-run-all2" | "run-s" | "run-p" | "npm-run-series" => managers::several(rest),
        "concurrently" => managers::concurrently(rest),
        "lerna" | "lerna-lite" => managers::lerna(rest),
        "changeset" | "changesets" => match rest.first() {
            Some(&"publish") => publish(PublishTool::Changesets),
            _ => Purpose::Drop("sets versions"),
        },
        "semantic-release" | "multi-semantic-release" | "semantic-release-monorepo" => {
            publish(PublishTool::SemanticRelease)
        }
        "clean-publish" => publish(PublishTool::CleanPublish),
        "np" | "release-it" | "beachball" | "shipjs" | "auto" | "pubpkg" | "ship" => publish(PublishTool::Other),
        "nx" => managers::nx(rest),
        "turbo" => match rest.iter().find(|word| !word.starts_with('-') && **word != "run") {
            Some(task) if scripts::is_test_name(task) => Purpose::Drop("only checks"),
            Some(task) if scripts::is_release_name(task) => publish(PublishTool::Script),
            _ => Purpose::Build,
        },
        "standard-version" | "commit-and-tag-version" | "bumpp" | "bump" | "release-please" | "json-version" => {
            Purpose::Drop("sets versions")
        }
        "biome" | "dprint" => Purpose::Drop("only checks"),
        "prettier" => {
            let writes = rest.iter().any(|word| matches!(*word, "--write" | "-w"));
            if writes { Purpose::Other } else { Purpose::Drop("only checks") }
        }
        "tsc" | "vue-tsc" | "tsgo"
            if rest.iter().any(|word| matches!(*word, "--noEmit" | "--no-emit" | "--version")) =>
        {
            Purpose::Drop("only checks")
        }
        "node" | "ts-node" | "tsx" | "babel-node" | "jiti" | "esno" | "zx" | "bash" | "sh" | "esr" | "sucrase-node"
        | "python3" | "python" | "iojs" => interpreter(rest),
        name if scripts::is_hook_program(name) => Purpose::Drop("is for git hooks or guards"),
        name if scripts::is_test_program(name) => Purpose::Drop("only checks"),
        name if scripts::is_build_program(name) => match rest.iter().find(|word| !word.starts_with('-')) {
            // Task runners: `gulp test`, `make lint`, `vite dev`.
            Some(task) if is_task_runner(name) && scripts::is_test_name(task) => Purpose::Drop("only checks"),
            _ => Purpose::Build,
        },
        _ if program.contains('/') && scripts::is_test_file(program) => Purpose::Drop("only checks"),
        name if program.contains('/') && scripts::is_build_file(name) => Purpose::Build,
        _ => Purpose::Other,
    }
}

fn is_task_runner(name: &str) -> bool {
    matches!(name, "gulp" | "grunt" | "make" | "vite" | "ng" | "cargo" | "lage" | "aegir" | "tsdx" | "kcd-scripts")
}

/// The program that `npx` runs, with its version taken off.
fn package_program<'w>(rest: &'w [&'w str]) -> &'w [&'w str] {
    let mut index = 0;
    while let Some(word) = rest.get(index) {
        match *word {
            "-p" | "--package" | "-c" | "--call" => index += 2,
            word if word.starts_with('-') => index += 1,
            _ => break,
        }
    }
    &rest[index.min(rest.len())..]
}

fn interpreter(rest: &[&str]) -> Purpose {
    if rest.iter().any(|word| matches!(*word, "--test" | "--check" | "--version" | "-v")) {
        return Purpose::Drop("only checks");
    }
    match rest.iter().find(|word| !word.starts_with('-')) {
        Some(file) if scripts::is_test_file(file) => Purpose::Drop("only checks"),
        Some(file) if scripts::is_build_file(file) => Purpose::Build,
        Some(file) if scripts::is_version_file(file) => Purpose::Drop("sets versions"),
        _ => Purpose::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::shell::{Script, split};
    use super::*;

    fn purpose(script: &str) -> Purpose {
        let Script::Sequence(commands) = split(script) else { panic!("{script}") };
        classify(&commands[0])
    }

    #[test]
    fn what_publishes_is_found_in_every_form() {
        for (script, with) in [
            ("npm publish --provenance --access public", PublishTool::Npm),
            ("NODE_AUTH_TOKEN=x pnpm -r publish --no-git-checks", PublishTool::Pnpm),
            ("yarn workspaces foreach -A npm publish", PublishTool::YarnBerry),
            ("yarn semantic-release --branches main", PublishTool::SemanticRelease),
            ("npx --no-install semantic-release", PublishTool::SemanticRelease),
            ("pnpm exec changeset publish", PublishTool::Changesets),
            ("npx lerna publish from-package --yes", PublishTool::Lerna),
            ("pnpm dlx nx release --yes", PublishTool::Nx),
            ("npx clean-publish", PublishTool::CleanPublish),
            ("bun publish", PublishTool::Bun),
        ] {
            match purpose(script) {
                Purpose::Publish(publisher) => assert_eq!(publisher.with, with, "{script}"),
                // The caller finds no script of that name and looks at the program.
                Purpose::RunScript(call) => assert_eq!(call.name, "semantic-release"),
                other => panic!("{script}: {other:?}"),
            }
        }
        for script in
            ["npm publish --dry-run", "npx jsr publish", "npx pkg-pr-new publish", "npm pack", "npm version patch"]
        {
            assert!(matches!(purpose(script), Purpose::Drop(_)), "{script}");
        }
    }

    #[test]
    fn what_a_publisher_names_is_kept() {
        let Purpose::Publish(publisher) = purpose("npm publish ./dist --tag next") else { panic!() };
        assert_eq!(publisher.directory.as_deref(), Some("./dist"));
        let Purpose::Publish(publisher) = purpose("npm publish -w packages/a") else { panic!() };
        assert_eq!((publisher.directory, publisher.workspace.as_deref()), (None, Some("packages/a")));
        let Purpose::Publish(publisher) = purpose("npm publish *.tgz") else { panic!() };
        assert_eq!(publisher.directory, None);
    }

    #[test]
    fn scripts_are_found_behind_each_package_manager() {
        let here = |name: &str, arguments: &[&str]| {
            let arguments = arguments.iter().map(|word| (*word).to_owned()).collect();
            Purpose::RunScript(ScriptCall { name: name.to_owned(), arguments, target: Target::Here })
        };
        assert_eq!(purpose("npm run build -- --no-pack"), here("build", &["--no-pack"]));
        assert_eq!(purpose("yarn build --mode production"), here("build", &["--mode", "production"]));
        assert_eq!(purpose("pnpm run build"), here("build", &[]));
        assert_eq!(purpose("bun run build"), here("build", &[]));
        assert_eq!(purpose("run-s build:*"), Purpose::RunSeveral(vec!["build:*".to_owned()]));
        let Purpose::RunScript(call) = purpose("pnpm --filter @a/b build") else { panic!() };
        assert_eq!((call.name.as_str(), call.target), ("build", Target::Workspace("@a/b".to_owned())));
        let Purpose::RunScript(call) = purpose("yarn workspace a build") else { panic!() };
        assert_eq!((call.name.as_str(), call.target), ("build", Target::Workspace("a".to_owned())));
    }

    #[test]
    fn builds_and_file_makers_are_kept_and_checks_are_not() {
        for script in
            ["tsc -p .", "cross-env NODE_ENV=production rollup -c", "node scripts/build.js", "npx tshy", "make"]
        {
            assert_eq!(purpose(script), Purpose::Build, "{script}");
        }
        for script in ["rm -rf dist", "echo '{}' > dist/package.json", "cp a b", "node x.js", "prettier --write dist"] {
            assert_eq!(purpose(script), Purpose::Other, "{script}");
        }
        for script in [
            "tsc --noEmit",
            "git push",
            "husky install",
            "npx husky set .husky/x y",
            "eslint .",
            "node --test",
            "node ./bin/check-build-version.js",
            "gulp test",
            "echo x >> $GITHUB_ENV",
            "echo //x > .npmrc",
            "npm ci",
            "yarn",
            "prettier --check .",
            "A=b",
        ] {
            assert!(matches!(purpose(script), Purpose::Drop(_)), "{script}");
        }
    }
}
