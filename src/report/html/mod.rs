//! One page for people: summary, findings, differences side by side, and the whole ledger.
//!
//! The page asks nothing of any server and runs nothing but its own few lines, which only filter tables; its policy
//! names the digests of exactly that style and script. All text goes through [`text`] and maud's escaping.

mod diff;
mod findings;
mod ledger;
mod package;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use crate::count::counted;
use crate::report::printable::{printable, printable_line};
use crate::verdict::Verdict;
use crate::verify::Verification;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What one subject adds to the page.
#[derive(Debug)]
pub struct Part {
    title: String,
    verdict: &'static str,
    tone: &'static str,
    explained: Option<(usize, usize)>,
    findings: usize,
    worst: Option<&'static str>,
    /// Already escaped.
    body: String,
}

impl Part {
    /// Of a subject without a verdict.
    pub fn failed(subject: &str, error: &str) -> Self {
        let body = html! { p.reason { (text(error)) } };
        Self {
            title: printable(subject),
            verdict: "failed",
            tone: "bad",
            explained: None,
            findings: 0,
            worst: None,
            body: body.into_string(),
        }
    }
}

impl From<&Verification> for Part {
    fn from(verification: &Verification) -> Self {
        let ledger = verification.ledger.as_ref();
        Self {
            title: printable(&verification.release.to_string()),
            verdict: verification.verdict.id(),
            tone: tone(&verification.verdict),
            explained: ledger.map(|ledger| (ledger.files.len() - ledger.unexplained().count(), ledger.files.len())),
            findings: verification.findings.len(),
            worst: verification.findings.iter().map(|finding| finding.risk).min().map(crate::finding::Risk::id),
            body: package::render(verification).into_string(),
        }
    }
}

/// The whole page; parts are consumed one by one, so that no second copy of all of them is made but the page.
pub fn page(parts: Vec<Part>) -> String {
    let title = match &parts[..] {
        [only] => format!("{}: {}", only.title, only.verdict),
        _ => counted(parts.len(), "package"),
    };
    let head = html! {
        head {
            meta charset="utf-8";
            meta http-equiv="Content-Security-Policy" content=(policy());
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="referrer" content="no-referrer";
            meta name="color-scheme" content="light dark";
            title { (title) " – tarproof" }
            style { (PreEscaped(STYLE)) }
        }
    };
    let mut out = DOCTYPE.into_string();
    out.push_str("<html lang=\"en\">");
    out.push_str(&head.into_string());
    out.push_str("<body>");
    out.push_str(&summary(&parts).into_string());
    out.push_str("<main>");
    for (index, part) in parts.into_iter().enumerate() {
        let Part { title, verdict, tone, explained, body, .. } = part;
        let article = html! {
            article id={ "package-" (index + 1) } {
                h2 {
                    span.verdict.(tone) { (verdict) } " " span.name { (title) }
                    @if let Some((explained, files)) = explained {
                        " " small { (explained) " of " (files) " files explained" }
                    }
                }
                (PreEscaped(body))
            }
        };
        out.push_str(&article.into_string());
    }
    out.push_str("</main>");
    out.push_str(&foot().into_string());
    out.push_str("</body></html>\n");
    out
}

fn summary(parts: &[Part]) -> Markup {
    html! {
        header {
            h1 { "What was published, held against its source" }
            table.summary {
                caption { "Packages" }
                thead {
                    tr {
                        th scope="col" { "Package" }
                        th scope="col" { "Verdict" }
                        th.number scope="col" { "Explained" }
                        th.number scope="col" { "Findings" }
                        th scope="col" { "Highest risk" }
                    }
                }
                tbody {
                    @for (index, part) in parts.iter().enumerate() {
                        tr {
                            th scope="row" { a href={ "#package-" (index + 1) } { (part.title) } }
                            td { span.verdict.(part.tone) { (part.verdict) } }
                            td.number {
                                @if let Some((explained, files)) = part.explained { (explained) " / " (files) } @else { "–" }
                            }
                            td.number { (part.findings) }
                            td { @if let Some(risk) = part.worst { (risk_badge(risk)) } @else { "–" } }
                        }
                    }
                }
            }
        }
    }
}

fn foot() -> Markup {
    html! {
        footer {
            p {
                "Written by " (env!("CARGO_PKG_NAME")) " " (env!("CARGO_PKG_VERSION"))
                ". A finding says what differs and where; it does not say that somebody attacked."
            }
        }
        script { (PreEscaped(SCRIPT)) }
    }
}

/// What the page may do: show its own style, run its own script, and nothing else.
fn policy() -> String {
    let digest = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        digest(STYLE),
        digest(SCRIPT)
    )
}

/// Text of a package, with what would hide or reorder it shown; maud escapes what a page would obey.
fn text(text: &str) -> String {
    printable(text)
}

/// The same for a line of code, whose tabs are kept.
fn code(line: &str) -> String {
    printable_line(line)
}

fn risk_badge(risk: &'static str) -> Markup {
    html! { span.risk.{ "risk-" (risk) } { (risk) } }
}

fn tone(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Verbatim | Verdict::Reproduced | Verdict::Equivalent => "good",
        Verdict::Divergent | Verdict::NoSource => "bad",
        Verdict::Inconclusive(_) => "unsure",
    }
}
