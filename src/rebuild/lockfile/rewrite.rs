use url::Url;

use super::LockfileFormat;
use super::closure::{is_of_registry, split_descriptor};
use crate::package::{PackageName, Version};

/// The text of a lockfile with every registry address moved to `registry`, paths kept.
///
/// Yarn 1 asks the host that its lockfile names, whatever registry is configured, and so do npm and pnpm where a
/// lockfile names another than the default one. bun asks the default registry for whatever has no address, so
/// there addresses are added. The result is for the installation only: the lockfile of the commit is put back
/// afterwards.
pub fn with_registry(format: LockfileFormat, text: &str, registry: &Url) -> String {
    let moved = moved(text, registry);
    match format {
        LockfileFormat::Bun => moved.split_inclusive('\n').map(|line| with_address(line, registry)).collect(),
        LockfileFormat::Npm | LockfileFormat::YarnClassic | LockfileFormat::YarnBerry | LockfileFormat::Pnpm => moved,
    }
}

/// A line of bun's lockfile, with the address of its release if it has an empty one.
fn with_address(line: &str, registry: &Url) -> String {
    const EMPTY: &str = "\", \"\",";
    let addressed = || {
        let start = line.find(": [\"")? + 4;
        let end = start + line[start..].find('"')?;
        if !line[end..].starts_with(EMPTY) {
            return None;
        }
        let (name, version) = split_descriptor(&line[start..end])?;
        let (name, version) = (PackageName::parse(name).ok()?, Version::parse(version).ok()?);
        let target = registry.as_str().trim_end_matches('/');
        let address = format!("{target}/{name}/-/{}-{version}.tgz", name.unscoped());
        Some(format!("{}\", \"{address}\",{}", &line[..end], &line[end + EMPTY.len()..]))
    };
    addressed().unwrap_or_else(|| line.to_owned())
}

fn moved(text: &str, registry: &Url) -> String {
    let target = registry.as_str().trim_end_matches('/');
    let mut moved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = next_address(rest) {
        let address = &rest[start..];
        let end = address
            .find(|character: char| character.is_whitespace() || matches!(character, '"' | '\'' | ',' | '}' | ']'))
            .unwrap_or(address.len());
        moved.push_str(&rest[..start]);
        match Url::parse(&address[..end]) {
            Ok(url) if is_of_registry(&url) => {
                moved.push_str(target);
                moved.push_str(&url[url::Position::BeforePath..]);
            }
            _ => moved.push_str(&address[..end]),
        }
        rest = &address[end..];
    }
    moved.push_str(rest);
    moved
}

fn next_address(text: &str) -> Option<usize> {
    let is_address = |rest: &str| rest.starts_with("https://") || rest.starts_with("http://");
    text.match_indices("http").map(|(at, _)| at).find(|at| is_address(&text[*at..]))
}
