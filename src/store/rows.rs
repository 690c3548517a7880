//! Between rows of the database and [`Record`]s.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::{FindingRow, Record, StoreError};

/// Findings that one statement inserts; SQLite takes 32,766 parameters.
const FINDINGS_AT_ONCE: usize = 200;

/// Inserts a row; `None` where it, or another settled one of the same inputs, is there already.
pub(super) async fn insert(
    connection: &mut AnyConnection,
    record: &Record,
    uid: &str,
) -> Result<Option<i64>, StoreError> {
    let classes = record.classes.as_ref().map(|classes| json(&classes)).transpose()?;
    let toolchain = (!record.toolchain.is_empty()).then(|| json(&record.toolchain)).transpose()?;
    let row = sqlx::query(
        "INSERT INTO verifications (uid, job, purl, package, version, artifact, sha256, size, stated, policy, tool, \
         verdict, inconclusive, detail, reason, exit_code, settled, tier, files, explained, classes, repository, host, \
         commit_id, plan, toolchain, published_at, observed_at, milliseconds, ledger, report, statements) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, \
         $23, $24, $25, $26, $27, $28, $29, $30, $31, $32) ON CONFLICT DO NOTHING RETURNING id",
    )
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
    .bind(record.statements.clone())
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let id: i64 = row.try_get("id")?;
    for (chunk, findings) in record.findings.chunks(FINDINGS_AT_ONCE).enumerate() {
        insert_findings(connection, id, chunk * FINDINGS_AT_ONCE, findings).await?;
    }
    Ok(Some(id))
}

async fn insert_findings(
    connection: &mut AnyConnection,
    id: i64,
    first: usize,
    findings: &[FindingRow],
) -> Result<(), StoreError> {
    // Only numbers of parameters are put together here.
    let values: Vec<String> = (0..findings.len())
        .map(|index| {
            let [a, b, c, d, e, f] = [1, 2, 3, 4, 5, 6].map(|place| index * 6 + place);
            format!("(${a}, ${b}, ${c}, ${d}, ${e}, ${f})")
        })
        .collect();
    let sql = format!(
        "INSERT INTO findings (verification, position, rule, severity, risk, path) VALUES {}",
        values.join(", ")
    );
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
    for (index, finding) in findings.iter().enumerate() {
        let position = i64::try_from(first + index).unwrap_or(i64::MAX);
        query = query
            .bind(id)
            .bind(position)
            .bind(finding.rule.clone())
            .bind(finding.severity.clone())
            .bind(finding.risk.clone())
            .bind(finding.path.clone());
    }
    query.execute(connection).await?;
    Ok(())
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
