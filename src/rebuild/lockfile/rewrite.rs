use url::Url;

use super::closure::is_of_registry;

/// The text of a lockfile with every registry address moved to `registry`, paths kept.
///
/// Yarn 1 asks the host that its lockfile names, whatever registry is configured, and so do npm and pnpm where a
/// lockfile names another than the default one. The result is for the installation only: the lockfile of the
/// commit is put back afterwards.
pub fn with_registry(text: &str, registry: &Url) -> String {
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
