//! What a call of a package manager or of a runner of scripts is there for.

use super::{
    PublishTool, Publisher, Purpose, ScriptCall, Target, classify_words, interpreter, package_program, publish, scripts,
};

/// Words that are neither options nor an option's value.
fn positional<'w>(words: &[&'w str]) -> Vec<&'w str> {
    const WITH_VALUE: [&str; 14] = [
        "--workspace",
        "-w",
        "--prefix",
        "-C",
        "--tag",
        "--access",
        "--otp",
        "--filter",
        "-F",
        "--registry",
        "--cwd",
        "--dir",
        "--scope",
        "--loglevel",
    ];
    let mut found = Vec::new();
    let mut index = 0;
    while let Some(word) = words.get(index) {
        if *word == "--" {
            break;
        }
        if WITH_VALUE.contains(word) {
            index += 1;
        } else if !word.starts_with('-') {
            found.push(*word);
        }
        index += 1;
    }
    found
}

/// The value of an option in either form.
fn option<'w>(words: &[&'w str], names: &[&str]) -> Option<&'w str> {
    words.iter().enumerate().find_map(|(index, word)| {
        if names.contains(word) {
            return words.get(index + 1).copied();
        }
        let (name, value) = word.split_once('=')?;
        names.contains(&name).then_some(value)
    })
}

fn has(words: &[&str], names: &[&str]) -> bool {
    words.iter().any(|word| names.contains(word))
}

fn target(words: &[&str]) -> Target {
    if has(words, &["--workspaces", "-ws", "-r", "--recursive", "-wsr"]) {
        return Target::Many;
    }
    if let Some(workspace) = option(words, &["--workspace", "-w"]) {
        return Target::Workspace(workspace.to_owned());
    }
    match option(words, &["--prefix", "-C", "--cwd", "--dir"]) {
        Some(directory) => Target::Directory(directory.to_owned()),
        None => Target::Here,
    }
}

fn call(name: &str, words: &[&str], target: Target) -> Purpose {
    let after = words.iter().position(|word| *word == "--").map_or(&[][..], |index| &words[index + 1..]);
    let arguments = after.iter().map(|word| (*word).to_owned()).collect();
    Purpose::RunScript(ScriptCall { name: name.to_owned(), arguments, target })
}

pub(super) fn script(rest: &[&str], target: Target) -> Purpose {
    match positional(rest).first() {
        Some(name) => call(name, rest, target),
        None => Purpose::Drop("says something"),
    }
}

fn npm_publisher(with: PublishTool, rest: &[&str], positional: &[&str]) -> Purpose {
    if has(rest, &["--dry-run"]) {
        return Purpose::Drop("publishes nothing");
    }
    let is_directory = |word: &&&str| !word.ends_with(".tgz") && !word.contains('*');
    let directory = match positional.first().filter(is_directory) {
        Some(directory) => Some((*directory).to_owned()),
        None => option(rest, &["--prefix", "-C", "--cwd", "--dir"]).map(str::to_owned),
    };
    let workspace = option(rest, &["--workspace", "-w"]).map(str::to_owned);
    Purpose::Publish(Publisher { with, directory, workspace })
}

pub(super) fn npm(rest: &[&str]) -> Purpose {
    let positional = positional(rest);
    match positional.first().copied() {
        Some("publish") => npm_publisher(PublishTool::Npm, rest, &positional[1..]),
        Some("stage") => npm_publisher(PublishTool::Npm, rest, &[]),
        Some("run" | "run-script" | "rum" | "urn") => match positional.get(1) {
            Some(name) => call(name, rest, target(rest)),
            None => Purpose::Drop("says something"),
        },
        Some("test" | "t" | "tst") => call("test", rest, target(rest)),
        Some("start" | "stop" | "restart") => Purpose::Drop("only checks"),
        Some("exec" | "x") => {
            let after = rest.iter().position(|word| *word == "--").map(|index| &rest[index + 1..]);
            classify_words(after.unwrap_or(&positional[1..]), 1)
        }
        Some("ci" | "i" | "install" | "add" | "install-ci-test" | "it" | "cit" | "update" | "prune" | "rebuild") => {
            Purpose::Drop("installs")
        }
        Some("pack") => Purpose::Drop("packs"),
        Some("pkg") if positional.get(1).is_some_and(|word| matches!(*word, "set" | "delete" | "fix")) => {
            Purpose::Other
        }
        Some("version") => Purpose::Drop("sets versions"),
        _ => Purpose::Drop("is about the registry"),
    }
}

pub(super) fn yarn(rest: &[&str], depth: usize) -> Purpose {
    let positional_words = positional(rest);
    let place = target(rest);
    match positional_words.first().copied() {
        None | Some("install" | "add" | "set" | "plugin" | "dedupe" | "rebuild" | "import") => {
            Purpose::Drop("installs")
        }
        Some("npm") => match positional_words.get(1) {
            Some(&"publish") => npm_publisher(PublishTool::YarnBerry, rest, &[]),
            _ => Purpose::Drop("is about the registry"),
        },
        Some("publish") => npm_publisher(PublishTool::YarnClassic, rest, &positional_words[1..]),
        Some("pack") => Purpose::Drop("packs"),
        Some("version" | "versions") => Purpose::Drop("sets versions"),
        Some("config" | "login" | "logout" | "cache" | "why" | "info" | "list" | "audit" | "constraints" | "tag") => {
            Purpose::Drop("is about the registry")
        }
        Some("workspaces") => {
            if has(rest, &["publish"]) {
                return publish(if has(rest, &["npm"]) { PublishTool::YarnBerry } else { PublishTool::YarnClassic });
            }
            match rest.iter().position(|word| *word == "run").and_then(|index| rest.get(index + 1)) {
                Some(name) => call(name, rest, Target::Many),
                None => Purpose::Other,
            }
        }
        Some("workspace") => match (positional_words.get(1), rest.iter().position(|word| *word == "workspace")) {
            (Some(name), Some(index)) => {
                let inner = rest.get(index + 2..).unwrap_or_default();
                match yarn(inner, depth + 1) {
                    Purpose::RunScript(call) => {
                        Purpose::RunScript(ScriptCall { target: Target::Workspace((*name).to_owned()), ..call })
                    }
                    Purpose::Publish(publisher) => {
                        Purpose::Publish(Publisher { workspace: Some((*name).to_owned()), ..publisher })
                    }
                    other => other,
                }
            }
            _ => Purpose::Other,
        },
        Some("dlx" | "exec" | "x") if depth < 4 => {
            let start = rest.iter().position(|word| matches!(*word, "dlx" | "exec" | "x")).unwrap_or(0);
            classify_words(package_program(&rest[start + 1..]), depth + 1)
        }
        Some("run") => {
            let place = if has(rest, &["-T", "--top-level"]) { Target::Root } else { place };
            match positional_words.get(1) {
                Some(name) => yarn_script(name, rest, place),
                None => Purpose::Drop("says something"),
            }
        }
        Some(name) => yarn_script(name, rest, place),
    }
}

/// `yarn NAME` takes what follows the name as its arguments, `--` or not.
fn yarn_script(name: &str, rest: &[&str], target: Target) -> Purpose {
    let start = rest.iter().position(|word| *word == name).map_or(rest.len(), |index| index + 1);
    let arguments = rest[start..].iter().filter(|word| **word != "--").map(|word| (*word).to_owned()).collect();
    Purpose::RunScript(ScriptCall { name: name.to_owned(), arguments, target })
}

pub(super) fn pnpm(rest: &[&str], depth: usize) -> Purpose {
    let positional_words = positional(rest);
    let filters = option(rest, &["--filter", "-F", "--filter-prod"]);
    let is_many =
        has(rest, &["-r", "--recursive"]) || positional_words.first().is_some_and(|word| *word == "recursive");
    let place = match filters {
        Some(filter) if filter.contains(['*', '.', '[', '!', '{']) && !filter.starts_with("./") => Target::Many,
        Some(filter) => Target::Workspace(filter.to_owned()),
        None if is_many => Target::Many,
        None if has(rest, &["-w", "--workspace-root"]) => Target::Root,
        None => match option(rest, &["--prefix", "-C", "--dir"]) {
            Some(directory) => Target::Directory(directory.to_owned()),
            None => Target::Here,
        },
    };
    let first = positional_words.iter().position(|word| *word != "recursive").unwrap_or(positional_words.len());
    let positional_words = &positional_words[first..];
    match positional_words.first().copied() {
        None | Some("install" | "i" | "add" | "fetch" | "rebuild" | "import" | "dedupe" | "env" | "update") => {
            Purpose::Drop("installs")
        }
        Some("publish") => match npm_publisher(PublishTool::Pnpm, rest, &positional_words[1..]) {
            Purpose::Publish(publisher) => {
                let workspace = match place {
                    Target::Workspace(name) => Some(name),
                    _ => None,
                };
                Purpose::Publish(Publisher { workspace, ..publisher })
            }
            other => other,
        },
        Some("pack") => Purpose::Drop("packs"),
        Some("version") => Purpose::Drop("sets versions"),
        Some("config" | "login" | "audit" | "whoami" | "store" | "view" | "outdated" | "list" | "why" | "dist-tag") => {
            Purpose::Drop("is about the registry")
        }
        Some("dlx" | "exec") if depth < 4 => {
            let start = rest.iter().position(|word| matches!(*word, "dlx" | "exec")).unwrap_or(0);
            match classify_words(package_program(&rest[start + 1..]), depth + 1) {
                Purpose::RunScript(_) | Purpose::RunSeveral(_) => Purpose::Other,
                other => other,
            }
        }
        Some("run" | "run-script") => match positional_words.get(1) {
            Some(name) => call(name, rest, place),
            None => Purpose::Drop("says something"),
        },
        Some("test" | "t") => call("test", rest, place),
        Some(name) => yarn_script(name, rest, place),
    }
}

pub(super) fn bun(rest: &[&str]) -> Purpose {
    let positional = positional(rest);
    match positional.first().copied() {
        None | Some("install" | "i" | "add" | "upgrade" | "x") => Purpose::Drop("installs"),
        Some("publish") => npm_publisher(PublishTool::Bun, rest, &positional[1..]),
        Some("pm") => Purpose::Drop("packs"),
        Some("test") => Purpose::Drop("only checks"),
        Some("build") => Purpose::Build,
        Some("run") => match positional.get(1) {
            Some(file) if file.contains(['/', '.']) => interpreter(&[file]),
            Some(name) => call(name, rest, target(rest)),
            None => Purpose::Drop("says something"),
        },
        Some(file) if file.contains(['/', '.']) => interpreter(&[file]),
        Some(name) => yarn_script(name, rest, target(rest)),
    }
}

pub(super) fn several(rest: &[&str]) -> Purpose {
    let names: Vec<String> = rest
        .iter()
        .take_while(|word| **word != "--")
        .filter(|word| !word.starts_with('-'))
        .map(|word| (*word).to_owned())
        .collect();
    if names.is_empty() { Purpose::Other } else { Purpose::RunSeveral(names) }
}

/// `concurrently npm:build:*` and `concurrently "npm run a" "npm run b"`.
pub(super) fn concurrently(rest: &[&str]) -> Purpose {
    let names: Option<Vec<String>> = rest
        .iter()
        .filter(|word| !word.starts_with('-'))
        .map(|word| {
            let name = word
                .strip_prefix("npm:")
                .or_else(|| word.strip_prefix("npm run "))
                .or_else(|| word.strip_prefix("yarn "));
            name.filter(|name| !name.contains(' ')).map(str::to_owned)
        })
        .collect();
    names.filter(|names| !names.is_empty()).map_or(Purpose::Other, Purpose::RunSeveral)
}

pub(super) fn lerna(rest: &[&str]) -> Purpose {
    match positional(rest).as_slice() {
        ["publish", ..] => publish(PublishTool::Lerna),
        ["version", ..] => Purpose::Drop("sets versions"),
        ["bootstrap" | "link", ..] => Purpose::Drop("installs"),
        ["run", task, ..] if scripts::is_test_name(task) => Purpose::Drop("only checks"),
        ["run", ..] => Purpose::Build,
        ["exec", ..] => Purpose::Other,
        _ => Purpose::Drop("says something"),
    }
}

pub(super) fn nx(rest: &[&str]) -> Purpose {
    let targets = option(rest, &["-t", "--target", "--targets"]);
    match positional(rest).as_slice() {
        ["release", "version" | "changelog", ..] => Purpose::Drop("sets versions"),
        ["release", ..] => publish(PublishTool::Nx),
        ["run-many" | "affected", ..] => match targets {
            Some(target) if scripts::is_test_name(target.split(',').next().unwrap_or(target)) => {
                Purpose::Drop("only checks")
            }
            Some(target) if target.contains("publish") => publish(PublishTool::Nx),
            _ => Purpose::Build,
        },
        ["run", task, ..] | [task, ..] if scripts::is_test_name(task.rsplit(':').next().unwrap_or(task)) => {
            Purpose::Drop("only checks")
        }
        ["reset" | "format:write" | "format:check" | "format" | "sync" | "report", ..] => Purpose::Drop("only checks"),
        _ => Purpose::Build,
    }
}
