//! Yarn 1's lockfile: blocks of indented lines under the requests that they answer.
//!
//! Only the lines of a block that lie two deep matter here, so the nested lists need no parser.

use super::closure::split_descriptor;
use super::{Closure, LockfileError, LockfileFormat};

#[derive(Default)]
struct Block<'a> {
    requests: &'a str,
    version: Option<&'a str>,
    resolved: Option<&'a str>,
    integrity: Option<&'a str>,
}

pub(super) fn read(text: &str) -> Result<Closure, LockfileError> {
    let mut closure = Closure::new(LockfileFormat::YarnClassic);
    let mut block: Option<Block<'_>> = None;
    for (index, line) in text.lines().enumerate() {
        let malformed = |reason| LockfileError::Malformed { line: index + 1, reason };
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if ["<<<<<<<", "=======", ">>>>>>>"].iter().any(|mark| line.starts_with(mark)) {
            return Err(malformed("a merge conflict stands here"));
        }
        if !line.starts_with(' ') {
            finish(&mut closure, block.as_ref())?;
            let requests =
                line.strip_suffix(':').ok_or_else(|| malformed("a block's first line ends without a colon"))?;
            block = Some(Block { requests, ..Block::default() });
            continue;
        }
        let block = block.as_mut().ok_or_else(|| malformed("an indented line belongs to no block"))?;
        let Some(field) = line.strip_prefix("  ").filter(|field| !field.starts_with(' ')) else { continue };
        let Some((key, value)) = field.split_once(' ') else { continue };
        let slot = match key {
            "version" => &mut block.version,
            "resolved" => &mut block.resolved,
            "integrity" => &mut block.integrity,
            _ => continue,
        };
        *slot = Some(unquoted(value.trim()));
    }
    finish(&mut closure, block.as_ref())?;
    Ok(closure)
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text)
}

fn finish(closure: &mut Closure, block: Option<&Block<'_>>) -> Result<(), LockfileError> {
    let Some(&Block { requests, version, resolved, integrity }) = block else { return Ok(()) };
    // All requests of a block are answered by one release; an alias says in its request which.
    for request in requests.split(", ").map(unquoted) {
        let Some((name, range)) = split_descriptor(request) else {
            closure.add_foreign(request, resolved.unwrap_or(request))?;
            continue;
        };
        let name = match range.strip_prefix("npm:") {
            Some(alias) => split_descriptor(alias).map_or(alias, |(real, _)| real),
            None => name,
        };
        match (version, resolved) {
            (Some(version), Some(resolved)) => closure.add(name, version, integrity, Some(resolved))?,
            // Folders of the repository have no address.
            _ => closure.add_foreign(name, range)?,
        }
    }
    Ok(())
}
