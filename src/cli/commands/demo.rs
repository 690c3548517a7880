//! The whole job on the fixture world: every case is built, served on loopback, verified and held to its description.

use std::fmt::Write as _;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::cli::arguments::{Common, Demo, Format};
use crate::cli::error::CliError;
use crate::cli::{output, setup};
use crate::config::Config;
use crate::demo::{BuiltRelease, CaseKind, Expectation, World};
use crate::package::{Ecosystem, PackageName, Subject, Version};
use crate::registry::Environment;
use crate::source::git::UrlRewrites;
use crate::verdict::exit;
use crate::verify::{Context, Request, Verification, verify};

/// One row of the table.
#[derive(Debug, Serialize)]
struct Row {
    case: String,
    kind: &'static str,
    release: String,
    title: String,
    planted: Option<String>,
    expected: String,
    verdict: String,
    /// The file that gave it away, or the one that the case is about.
    file: Option<String>,
    class: Option<&'static str>,
    findings: Vec<&'static str>,
    needs_rebuild: bool,
    /// Whether the case takes a build, and no sandbox can start here; then nothing is as expected.
    not_run: bool,
    as_expected: bool,
    /// What is not as expected, if anything.
    deviation: Option<String>,
    why: String,
}

#[derive(Debug, Serialize)]
struct Table {
    schema: &'static str,
    cases: Vec<Row>,
    as_expected: bool,
}

pub(super) fn run(command: &Demo, common: &Common) -> Result<u8, CliError> {
    let temporary = tempfile::tempdir().map_err(CliError::environment)?;
    let directory = command.keep.as_deref().unwrap_or(temporary.path());
    std::fs::create_dir_all(directory).map_err(CliError::environment)?;
    let world = World::build(directory).map_err(CliError::environment)?;
    let context = context(&world, directory)?;
    let cases: Vec<(&BuiltRelease, &Expectation)> = world.expected().collect();
    let progress = output::progress(cases.len(), common.quiet);
    let rows = super::runtime()?.block_on(async {
        let mut rows = Vec::new();
        for (release, expectation) in cases {
            rows.push(row(release, expectation, &context).await);
            progress.inc(1);
        }
        rows
    });
    progress.finish_and_clear();
    let as_expected = rows.iter().all(|row| row.as_expected);
    let table = Table { schema: "tarproof-demo/v1", cases: rows, as_expected };
    let text = match command.format {
        Format::Terminal => render(&table),
        Format::Json => output::json(&table)?,
    };
    output::write(None, &text)?;
    Ok(match as_expected {
        true => exit::EXPLAINED,
        false if table.cases.iter().all(|row| row.as_expected || row.not_run) => exit::INCONCLUSIVE,
        false => exit::UNEXPLAINED,
    })
}

/// A context that sees only the world: its registry, its repositories, its settings.
fn context(world: &World, directory: &Path) -> Result<Context, CliError> {
    let home = world.home();
    let rewrites = UrlRewrites::from_file(&home.join(".gitconfig")).map_err(CliError::environment)?;
    let variables = [
        ("HOME", home.as_os_str().to_owned()),
        ("npm_config_registry", world.registry_url().into()),
        ("NO_PROXY", "*".into()),
    ];
    let environment: Environment = variables.into_iter().collect();
    let surroundings = setup::Surroundings {
        cache_directory: directory.join("cache"),
        working_directory: home.to_owned(),
        environment,
        rewrites,
    };
    setup::context_in(surroundings, false, &Config::default())
}

async fn row(release: &BuiltRelease, expectation: &Expectation, context: &Context) -> Row {
    let verification = match subject(release) {
        Ok(subject) => {
            let request = Request { subject: Some(subject), ..Request::default() };
            verify(&request, context).await.map_err(CliError::from)
        }
        Err(error) => Err(error),
    };
    let verdict = match &verification {
        Ok(verification) => verification.verdict.to_string(),
        Err(error) => format!("error: {}", error.message()),
    };
    let verification = verification.ok();
    let deviation = deviation(&verdict, verification.as_ref(), expectation);
    let not_run = expectation.needs_rebuild && verdict == "inconclusive(no-sandbox)" && deviation.is_some();
    let (file, class) = telling_file(verification.as_ref(), expectation);
    let mut findings: Vec<&'static str> = verification
        .iter()
        .flat_map(|verification| verification.findings.iter().map(|finding| finding.rule.id()))
        .collect();
    findings.dedup();
    Row {
        case: release.case_id.clone(),
        kind: match release.kind {
            CaseKind::Attack => "attack",
            CaseKind::Honest => "honest",
            CaseKind::BadRegistry => "bad-registry",
        },
        release: format!("npm:{}@{}", release.name, release.version),
        title: release.title.clone(),
        planted: is_planted(release, expectation).then(|| release.planted.clone()),
        expected: expectation.verdict.clone(),
        verdict,
        file,
        class,
        findings,
        needs_rebuild: expectation.needs_rebuild,
        not_run,
        as_expected: deviation.is_none(),
        deviation,
        why: expectation.why.clone(),
    }
}

/// Whether this release of an attack's case is the one that something was planted in.
fn is_planted(release: &BuiltRelease, expectation: &Expectation) -> bool {
    let shows = expectation.file.is_some() || !expectation.findings.is_empty();
    !release.planted.is_empty() && shows
}

fn subject(release: &BuiltRelease) -> Result<Subject, CliError> {
    let name = PackageName::parse(&release.name).map_err(CliError::usage)?;
    let version = Version::parse(&release.version).map_err(CliError::usage)?;
    Ok(Subject { ecosystem: Ecosystem::Npm, name, version: Some(version) })
}

/// What is not as the case's description says.
fn deviation(verdict: &str, verification: Option<&Verification>, expectation: &Expectation) -> Option<String> {
    if verdict != expectation.verdict {
        return Some(format!("expected {}", expectation.verdict));
    }
    let verification = verification?;
    if let Some(path) = &expectation.file {
        let file = verification.ledger.as_ref().and_then(|ledger| ledger.file(path));
        let class = file.map(|file| file.explanation.class());
        if class.is_none() || (expectation.class.is_some() && class != expectation.class.as_deref()) {
            let expected = expectation.class.as_deref().unwrap_or("listed");
            return Some(format!("expected {path} to be {expected}, it is {}", class.unwrap_or("not listed")));
        }
    }
    let has = |id: &str| verification.findings.iter().any(|finding| finding.rule.id() == id);
    let missing: Vec<&str> = expectation.findings.iter().map(String::as_str).filter(|id| !has(id)).collect();
    (!missing.is_empty()).then(|| format!("no finding {}", missing.join(", ")))
}

fn telling_file(
    verification: Option<&Verification>,
    expectation: &Expectation,
) -> (Option<String>, Option<&'static str>) {
    let Some(ledger) = verification.and_then(|verification| verification.ledger.as_ref()) else { return (None, None) };
    let named = expectation.file.as_ref().and_then(|path| ledger.file(path));
    match named.or_else(|| ledger.unexplained().next()) {
        Some(file) => (Some(file.path.to_string()), Some(file.explanation.class())),
        None => (None, None),
    }
}

fn render(table: &Table) -> String {
    let mut out = String::new();
    let width = |of: fn(&Row) -> usize, least: usize| table.cases.iter().map(of).max().unwrap_or(0).max(least);
    let name = |row: &Row| {
        // Releases of one case are told apart by their version.
        let several = table.cases.iter().filter(|other| other.case == row.case).count() > 1;
        let version = row.release.rsplit('@').next().unwrap_or_default();
        if several { format!("{} ({version})", row.title) } else { row.title.clone() }
    };
    let case = table.cases.iter().map(|row| name(row).chars().count()).max().unwrap_or(0).max(4);
    let verdict = width(|row| row.verdict.chars().count(), 7);
    let file = width(|row| row.file.as_deref().unwrap_or("-").chars().count(), 4);
    let bold = Style::new().bold();
    for (kind, heading) in [("honest", "Honest releases"), ("attack", "Planted attacks (inert look-alikes)")] {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{bold}{heading}{bold:#}");
        let _ = writeln!(
            out,
            "    {:<case$}  {:<verdict$}  {:<file$}  {:<18}  planted",
            "case", "verdict", "file", "class"
        );
        for row in table.cases.iter().filter(|row| (row.kind == "attack") == (kind == "attack")) {
            let (mark, style) = match (row.as_expected, exit_color(&row.verdict)) {
                (false, style) if row.not_run => ("-", style),
                (false, _) => ("✗", AnsiColor::Red.on_default().bold()),
                (true, style) => ("✓", style),
            };
            let path = row.file.as_deref().unwrap_or("-");
            let class = row.class.unwrap_or("-");
            let note = match (&row.deviation, &row.planted, row.needs_rebuild) {
                (Some(_), _, _) if row.not_run => format!("not run, would be {}", row.expected),
                (Some(deviation), _, _) => deviation.clone(),
                (None, Some(planted), false) => planted.clone(),
                (None, Some(planted), true) => format!("{planted} (built in the sandbox)"),
                (None, None, true) => "(built in the sandbox)".to_owned(),
                (None, None, false) if row.kind == "attack" => format!("nothing: {}", row.why),
                (None, None, false) => String::new(),
            };
            let line = format!(
                "  {mark} {:<case$}  {style}{:<verdict$}{style:#}  {path:<file$}  {class:<18}  {note}",
                name(row),
                row.verdict
            );
            let _ = writeln!(out, "{}", line.trim_end());
        }
        out.push('\n');
    }
    let right = table.cases.iter().filter(|row| row.as_expected).count();
    let _ = writeln!(out, "{right} of {} cases got the verdict they were made for.", table.cases.len());
    let not_run = table.cases.iter().filter(|row| row.not_run).count();
    if not_run > 0 {
        let _ = writeln!(out, "{not_run} take a build and were not run: no sandbox can start here.");
        let _ = writeln!(out, "hint: `tarproof doctor` says what is missing");
    }
    out
}

fn exit_color(verdict: &str) -> Style {
    match verdict {
        "verbatim" | "reproduced" | "equivalent" => AnsiColor::Green.on_default(),
        "divergent" | "no-source" => AnsiColor::Red.on_default(),
        _ => AnsiColor::Yellow.on_default(),
    }
}
