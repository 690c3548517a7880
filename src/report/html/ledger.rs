//! The whole ledger as tables: unexplained files open, explained ones folded.

use maud::{Markup, html};

use super::text;
use crate::count::counted;
use crate::ledger::{Ledger, LedgerFile};
use crate::report::explain::how;

/// More rows than this are counted, not listed: browsers get slow, and the JSON report has them all.
const MAX_ROWS: usize = 20_000;

/// Every file of the ledger, and what the artifact lacks.
pub(super) fn render(ledger: &Ledger, release: &str) -> Markup {
    let counts: Vec<String> = ledger.counts().iter().map(|(class, count)| format!("{count} {class}")).collect();
    let (explained, unexplained): (Vec<&LedgerFile>, Vec<&LedgerFile>) =
        ledger.files.iter().partition(|file| file.explanation.is_explained());
    html! {
        section.ledger {
            h3 { "Files" }
            p { (counts.join(", ")) }
            p.filter hidden {
                label { "Filter " input type="search" placeholder="path or class" autocomplete="off"; }
                " " span.matches role="status" {}
            }
            @if !unexplained.is_empty() { (table(&unexplained, "Unexplained files", release)) }
            @if !explained.is_empty() {
                details {
                    summary { (counted(explained.len(), "file")) " explained" }
                    (table(&explained, "Explained files", release))
                }
            }
            @if let Some(missing) = ledger.source_only.as_ref().filter(|missing| !missing.is_empty()) {
                details {
                    summary { (counted(missing.len(), "file")) " that the packer would have included, missing in the artifact" }
                    ul { @for path in missing.iter().take(MAX_ROWS) { li { code { (text(path)) } } } }
                }
            }
        }
    }
}

fn table(files: &[&LedgerFile], caption: &str, release: &str) -> Markup {
    html! {
        div.wide {
            table.files {
                caption { (caption) " of " (text(release)) }
                thead {
                    tr {
                        th scope="col" { "Path" }
                        th scope="col" { "Class" }
                        th scope="col" { "How" }
                        th.number scope="col" { "Bytes" }
                    }
                }
                tbody { @for file in files.iter().take(MAX_ROWS) { (row(file)) } }
            }
        }
        @if files.len() > MAX_ROWS { p { "… and " (files.len() - MAX_ROWS) " more, which the JSON report lists" } }
    }
}

fn row(file: &LedgerFile) -> Markup {
    let tone = if file.explanation.is_explained() { "good" } else { "bad" };
    html! {
        tr {
            th scope="row" { code { (text(&file.path)) } @if file.executable { " " small { "executable" } } }
            td { span.class.(tone) { (file.explanation.class()) } }
            td { (text(&how(file))) }
            td.number { (file.size) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Explanation;

    #[test]
    fn a_very_large_ledger_is_folded_and_bounded() {
        let file = |index: usize| LedgerFile::of(&format!("lib/{index}.js"), Explanation::GitBlob);
        let ledger = Ledger { files: (0..MAX_ROWS + 5).map(file).collect(), source_only: None };
        let page = render(&ledger, "npm:large@1.0.0").into_string();
        assert_eq!(page.matches("<tr>").count(), MAX_ROWS + 1);
        assert!(page.contains("… and 5 more") && page.len() < 150 * MAX_ROWS, "{}", page.len());
        let folded = page.find("<details>").unwrap();
        assert!(page.find("lib/0.js").unwrap() > folded, "explained files are folded");
    }
}
