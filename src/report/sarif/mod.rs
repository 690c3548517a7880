//! SARIF 2.1.0: one run, whose results are the findings of every package.
//!
//! Verdicts are no results: SARIF's results are what a tool found in a place. They stand in the run's properties, and
//! a package that has none, or an inconclusive one, in a notification.

mod convert;
mod model;
mod text;

use std::collections::BTreeMap;

use model::{
    ArtifactLocation, Configuration, Descriptor, Driver, Id, Invocation, Notification, NotificationProperties,
    PackageProperties, Run, RunProperties, SarifResult, Tool,
};

use crate::finding::{RULES, Risk, Rule, Severity};
use crate::verdict::{Verdict, worst_exit_code};
use crate::verify::Verification;

pub use model::Log;

/// Where the standard's schema is.
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json";

/// A category for code scanning, which keeps the newest run of each.
const AUTOMATION: &str = "tarproof/verify/";

const FAILED: &str = "subject-failed";
const INCONCLUSIVE: &str = "package-inconclusive";

/// What one subject adds to the run.
#[derive(Debug)]
pub struct Part {
    exit_code: u8,
    base: Option<(String, ArtifactLocation)>,
    package: Option<PackageProperties>,
    results: Vec<SarifResult>,
    notification: Option<Notification>,
}

impl Part {
    /// Of a subject without a verdict.
    pub fn failed(subject: &str, error: &str, exit_code: u8) -> Self {
        let notification = Notification {
            descriptor: Id { id: FAILED },
            level: "error",
            message: text::message(&format!("{subject}: {error}")),
            properties: NotificationProperties { subject: subject.to_owned(), exit_code, reason: None },
        };
        Self { exit_code, base: None, package: None, results: Vec::new(), notification: Some(notification) }
    }
}

impl From<&Verification> for Part {
    fn from(verification: &Verification) -> Self {
        let purl = verification.release.purl();
        let exit_code = verification.exit_code();
        let notification = match &verification.verdict {
            Verdict::Inconclusive(reason) => {
                let told = reason.detail();
                let detail = told.map(|detail| format!(": {detail}")).unwrap_or_default();
                let further = verification.reason.as_deref().filter(|further| Some(*further) != told);
                let why = further.map(|further| format!("; {further}")).unwrap_or_default();
                Some(Notification {
                    descriptor: Id { id: INCONCLUSIVE },
                    level: "warning",
                    message: text::message(&format!("{}: {}{detail}{why}", verification.release, reason.id())),
                    properties: NotificationProperties { subject: purl.clone(), exit_code, reason: Some(reason.id()) },
                })
            }
            _ => None,
        };
        Self {
            exit_code,
            base: Some((purl.clone(), convert::base(verification, &purl))),
            package: Some(convert::package(verification, &purl)),
            results: verification
                .findings
                .iter()
                .map(|finding| convert::result(finding, verification, &purl))
                .collect(),
            notification,
        }
    }
}

impl Log {
    /// One run of all parts, in their order.
    pub fn new(parts: Vec<Part>) -> Self {
        let exit_code = worst_exit_code(parts.iter().map(|part| part.exit_code));
        let (mut bases, mut packages, mut results, mut notifications) =
            (BTreeMap::new(), Vec::new(), Vec::new(), Vec::new());
        for part in parts {
            bases.extend(part.base);
            packages.extend(part.package);
            results.extend(part.results);
            notifications.extend(part.notification);
        }
        let run = Run {
            tool: Tool { driver: driver() },
            automation_details: Id { id: AUTOMATION },
            invocations: [Invocation {
                execution_successful: notifications.iter().all(|notification| notification.level != "error"),
                exit_code,
                tool_execution_notifications: notifications,
            }],
            original_uri_base_ids: bases,
            column_kind: "unicodeCodePoints",
            results,
            properties: RunProperties { packages },
        };
        Self { schema: SCHEMA, version: "2.1.0", runs: [run] }
    }
}

fn driver() -> Driver {
    let notification = |id, level, text: &str| Descriptor {
        id,
        short_description: text::message(text),
        help: None,
        default_configuration: Configuration { level },
        properties: None,
    };
    Driver {
        name: env!("CARGO_PKG_NAME"),
        semantic_version: env!("CARGO_PKG_VERSION"),
        information_uri: Some(env!("CARGO_PKG_REPOSITORY")).filter(|address| !address.is_empty()),
        rules: RULES.iter().map(|row| descriptor(row.rule)).collect(),
        notifications: vec![
            notification(FAILED, "error", "A subject has no verdict because something failed."),
            notification(INCONCLUSIVE, "warning", "What a package is could not be established."),
        ],
    }
}

fn descriptor(rule: Rule) -> Descriptor {
    Descriptor {
        id: rule.id(),
        short_description: text::message(rule.summary()),
        help: Some(help(rule)),
        default_configuration: Configuration { level: level(rule.severity()) },
        properties: Some(model::RuleProperties {
            precision: rule.confidence().id(),
            security_severity: security_severity(rule.risk()),
            tags: ["security", "supply-chain"],
        }),
    }
}

/// What a reader is told of a rule, and where the rest stands.
fn help(rule: Rule) -> model::Message {
    let page = page(rule);
    let text = format!("{} More about it: {page} in tarproof's documentation.", rule.summary());
    let markdown = format!("{}\n\nMore about it: `{page}` in tarproof's documentation.", rule.summary());
    model::Message { text, markdown: Some(markdown) }
}

/// The rule's page, from the root of tarproof's repository.
fn page(rule: Rule) -> String {
    format!("docs/rules/{}.md", rule.id())
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// A number in the range that code scanning shows as the risk's name.
fn security_severity(risk: Risk) -> &'static str {
    match risk {
        Risk::Critical => "9.5",
        Risk::High => "8.0",
        Risk::Medium => "5.5",
        Risk::Low => "2.0",
    }
}

/// From 0 to 100.
fn rank(risk: Risk) -> f32 {
    match risk {
        Risk::Critical => 95.0,
        Risk::High => 75.0,
        Risk::Medium => 45.0,
        Risk::Low => 15.0,
    }
}
