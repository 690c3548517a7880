//! Between rows of the database and [`Record`]s.

use std::collections::HashMap;

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{Any, AnyConnection, AssertSqlSafe, Row as _};

use super::{FindingRow, Record, StoreError, values};

/// Results that one statement inserts.
const RECORDS_AT_ONCE: usize = 16;
/// Findings that one statement inserts.
const FINDINGS_AT_ONCE: usize = 80;
/// The columns of `verifications` but its number, in the order of [`bound`].
const COLUMNS: &str = "uid, job, purl, package, version, artifact, sha256, size, stated, policy, tool, verdict, \
     inconclusive, detail, reason, exit_code, settled, tier, files, explained, classes, repository, host, commit_id, \
     plan, toolchain, published_at, observed_at, milliseconds, ledger, report, statements";
const COLUMN_COUNT: usize = 32;

type Query<'a> = sqlx::query::Query<'a, Any, AnyArguments>;

/// Inserts rows that have these digests. The number of each; `None` where it, or another settled one of the same inputs, is
/// there already.
pub(super) async fn insert(
    connection: &mut AnyConnection,
    records: &[(&Record, String)],
) -> Result<Vec<Option<i64>>, StoreError> {
    let (mut ids, mut findings) = (Vec::with_capacity(records.len()), Vec::new());
    for some in records.chunks(RECORDS_AT_ONCE) {
        let places = values(some.len(), COLUMN_COUNT, 0);
        let sql =
            format!("INSERT INTO verifications ({COLUMNS}) VALUES {places} ON CONFLICT DO NOTHING RETURNING id, uid");
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (record, uid) in some {
            query = bound(query, record, uid)?;
        }
        let mut inserted: HashMap<String, i64> = HashMap::new();
        for row in query.fetch_all(&mut *connection).await? {
            inserted.insert(row.try_get("uid")?, row.try_get("id")?);
        }
        for (record, uid) in some {
            // The second of two equal ones was not inserted.
            let id = inserted.remove(uid);
            findings.extend(id.into_iter().flat_map(|id| (0..).zip(&record.findings).map(move |found| (id, found))));
            ids.push(id);
        }
    }
    for some in findings.chunks(FINDINGS_AT_ONCE) {
        let places = values(some.len(), 6, 0);
        let sql = format!("INSERT INTO findings (verification, position, rule, severity, risk, path) VALUES {places}");
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (id, (position, finding)) in some {
            let FindingRow { rule, severity, risk, path } = (*finding).clone();
            query = query.bind(*id).bind(*position).bind(rule).bind(severity).bind(risk).bind(path);
        }
        query.execute(&mut *connection).await?;
    }
    Ok(ids)
}

fn bound<'a>(query: Query<'a>, record: &Record, uid: &str) -> Result<Query<'a>, StoreError> {
    let classes = record.classes.as_ref().map(|classes| json(&classes)).transpose()?;
    let toolchain = (!record.toolchain.is_empty()).then(|| json(&record.toolchain)).transpose()?;
    Ok(query
        .bind(uid.to_owned())
        .bind(record.job.clone())
        .bind(record.purl.clone())
        .bind(record.package.clone())
        .bind(record.version.clone())
        .bind(record.artifact.clone())
        .bind(record.sha256.clone())
        .bind(signed(record.size)?)
        .bind(record.stated.clone())
        .bind(record.policy.clone())
        .bind(record.tool.clone())
        .bind(record.verdict.clone())
        .bind(record.inconclusive.clone())
        .bind(record.detail.clone())
        .bind(record.reason.clone())
        .bind(i64::from(record.exit_code))
        .bind(i64::from(record.settled))
        .bind(record.tier.clone())
        .bind(record.files.map(signed).transpose()?)
        .bind(record.explained.map(signed).transpose()?)
        .bind(classes)
        .bind(record.repository.clone())
        .bind(record.host.clone())
        .bind(record.commit.clone())
        .bind(record.plan.clone())
        .bind(toolchain)
        .bind(record.published_at)
        .bind(record.observed_at)
        .bind(signed(record.milliseconds)?)
        .bind(record.ledger.clone())
        .bind(record.report.clone())
        .bind(record.statements.clone()))
}

/// Reads a row of `verifications`, without its findings.
pub(super) fn read(row: &AnyRow) -> Result<Record, StoreError> {
    let unsigned = |name: &str| -> Result<u64, StoreError> { positive(name, row.try_get(name)?) };
    let optional = |name: &str| -> Result<Option<u64>, StoreError> {
        row.try_get::<Option<i64>, _>(name)?.map(|value| positive(name, value)).transpose()
    };
    let classes: Option<String> = row.try_get("classes")?;
    let toolchain: Option<String> = row.try_get("toolchain")?;
    let exit_code: i64 = row.try_get("exit_code")?;
    Ok(Record {
        job: row.try_get("job")?,
        purl: row.try_get("purl")?,
        package: row.try_get("package")?,
        version: row.try_get("version")?,
        artifact: row.try_get("artifact")?,
        sha256: row.try_get("sha256")?,
        size: unsigned("size")?,
        stated: row.try_get("stated")?,
        policy: row.try_get("policy")?,
        tool: row.try_get("tool")?,
        verdict: row.try_get("verdict")?,
        inconclusive: row.try_get("inconclusive")?,
        detail: row.try_get("detail")?,
        reason: row.try_get("reason")?,
        exit_code: u8::try_from(exit_code).map_err(|_| unreadable("exit_code"))?,
        settled: row.try_get::<i64, _>("settled")? == 1,
        tier: row.try_get("tier")?,
        files: optional("files")?,
        explained: optional("explained")?,
        classes: classes.map(|text| parsed("classes", &text)).transpose()?,
        repository: row.try_get("repository")?,
        host: row.try_get("host")?,
        commit: row.try_get("commit_id")?,
        plan: row.try_get("plan")?,
        toolchain: toolchain.map(|text| parsed("toolchain", &text)).transpose()?.unwrap_or_default(),
        published_at: row.try_get("published_at")?,
        observed_at: row.try_get("observed_at")?,
        milliseconds: unsigned("milliseconds")?,
        ledger: row.try_get("ledger")?,
        report: row.try_get("report")?,
        statements: row.try_get("statements")?,
        findings: Vec::new(),
    })
}

/// Reads the findings of a row.
pub(super) async fn findings(connection: &mut AnyConnection, id: i64) -> Result<Vec<FindingRow>, StoreError> {
    let sql = "SELECT rule, severity, risk, path FROM findings WHERE verification = $1 ORDER BY position";
    let rows = sqlx::query(sql).bind(id).fetch_all(connection).await?;
    let finding = |row: &AnyRow| {
        Ok(FindingRow {
            rule: row.try_get("rule")?,
            severity: row.try_get("severity")?,
            risk: row.try_get("risk")?,
            path: row.try_get("path")?,
        })
    };
    rows.iter().map(finding).collect()
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Row { reason: error.to_string() })
}

fn parsed<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| unreadable(name))
}

fn signed(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::Row { reason: format!("{value} is beyond every bound") })
}

fn positive(name: &str, value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| unreadable(name))
}

fn unreadable(name: &str) -> StoreError {
    StoreError::Row { reason: format!("`{name}` is not what is written there") }
}
