//! A store as JSON lines, to be carried to another one: objects before the results that name them, and a last line that
//! says that nothing was cut off.

use std::collections::HashSet;
use std::io::{self, BufRead, Read as _, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::check::PAGE;
use super::{Appended, Object, Record, Store, StoreError};
use crate::package::Sha256Digest;

/// The form's name.
const SCHEMA: &str = "tarproof-store/v1";
/// Longest line, bytes.
const MAX_LINE: u64 = 256 << 20;
/// Results of one transaction.
const BATCH: usize = 200;

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    /// The first one.
    Schema(String),
    Object {
        digest: String,
        gzip: String,
    },
    Verification(Box<Record>),
    /// The last one.
    End {
        verifications: u64,
        objects: u64,
    },
}

/// Why a store cannot be written out or read in.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file cannot be read or written.
    #[error("the file cannot be read or written")]
    File(#[from] io::Error),
    /// A line is not what is documented.
    #[error("line {number} cannot be imported: {reason}")]
    Line {
        /// Counted from 1.
        number: u64,
        /// What is wrong.
        reason: String,
    },
    /// The file ends before its last line.
    #[error("the file ends early: after line {number}")]
    Truncated {
        /// The last line that is there, counted from 1.
        number: u64,
    },
}

/// What was written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exported {
    /// Results.
    pub results: u64,
    /// Objects.
    pub objects: u64,
    /// Objects that are missing or damaged, and the results that name them; both are left out.
    pub left_out: u64,
}

/// What was read in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Imported {
    /// Results that were not there.
    pub new: u64,
    /// Results that were there already.
    pub same: u64,
    /// Results that were left out, because another settled result of the same inputs was there.
    pub other: u64,
    /// Objects.
    pub objects: u64,
}

impl Store {
    /// Writes out the whole history and its objects, oldest first.
    pub async fn export(&self, out: &mut impl Write) -> Result<Exported, ExchangeError> {
        let (mut exported, mut written) = (Exported::default(), HashSet::new());
        write_line(out, &Line::Schema(SCHEMA.to_owned()))?;
        let mut after = 0;
        loop {
            let page = self.page(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            for kept in page {
                let mut whole = true;
                for digest in kept.record.objects() {
                    if written.contains(digest) {
                        continue;
                    }
                    match self.sound(digest).await? {
                        Some(object) => {
                            let gzip = BASE64.encode(object.bytes);
                            write_line(out, &Line::Object { digest: digest.clone(), gzip })?;
                            exported.objects += 1;
                            written.insert(digest.clone());
                        }
                        None => whole = false,
                    }
                }
                if whole {
                    write_line(out, &Line::Verification(Box::new(kept.record)))?;
                    exported.results += 1;
                } else {
                    exported.left_out += 1;
                }
            }
        }
        write_line(out, &Line::End { verifications: exported.results, objects: exported.objects })?;
        out.flush()?;
        Ok(exported)
    }

    /// The object, if it is there and what its name says.
    async fn sound(&self, digest: &str) -> Result<Option<Object>, StoreError> {
        let Ok(digest) = Sha256Digest::parse(digest) else { return Ok(None) };
        match self.objects().get(digest).await {
            Ok(found) => Ok(found.filter(|object| object.content().is_ok())),
            Err(StoreError::Damaged { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads in what [`Store::export`] wrote, from whomever it comes; what is there already is left alone.
    ///
    /// Lines before a wrong one stay imported: the same file, mended, can be imported again.
    pub async fn import(&self, source: &mut impl BufRead) -> Result<Imported, ExchangeError> {
        let (mut imported, mut batch, mut lines) = (Imported::default(), Vec::new(), 0);
        let mut verifications = 0;
        loop {
            let Some(line) = read_line(source, lines + 1)? else {
                self.import_batch(&mut batch, &mut imported).await?;
                return Err(ExchangeError::Truncated { number: lines });
            };
            lines += 1;
            let wrong = |reason: String| ExchangeError::Line { number: lines, reason };
            match (line, lines) {
                (Line::Schema(schema), 1) if schema == SCHEMA => {}
                (_, 1) => return Err(wrong(format!("the first line does not name `{SCHEMA}`"))),
                (Line::Schema(_), _) => return Err(wrong("only the first line names a schema".to_owned())),
                (Line::Object { digest, gzip }, _) => {
                    let digest = Sha256Digest::parse(&digest).map_err(|error| wrong(error.to_string()))?;
                    let bytes = BASE64.decode(gzip).map_err(|error| wrong(format!("the object: {error}")))?;
                    let object = Object { digest, bytes };
                    object.content().map_err(|error| wrong(error.to_string()))?;
                    self.objects().put([object]).await?;
                    imported.objects += 1;
                }
                (Line::Verification(record), _) => {
                    record.check().map_err(wrong)?;
                    self.check_objects(&record).await?.map_err(wrong)?;
                    batch.push(*record);
                    verifications += 1;
                    if batch.len() == BATCH {
                        self.import_batch(&mut batch, &mut imported).await?;
                    }
                }
                (Line::End { verifications: stated, objects }, _) => {
                    self.import_batch(&mut batch, &mut imported).await?;
                    if (stated, objects) != (verifications, imported.objects) {
                        return Err(wrong("it states other numbers than there are lines".to_owned()));
                    }
                    if !source.fill_buf()?.is_empty() {
                        return Err(wrong("something follows it, though it is the last line".to_owned()));
                    }
                    return Ok(imported);
                }
            }
        }
    }

    /// Whether the objects that a row names are there, and the report says the same as the row.
    async fn check_objects(&self, record: &Record) -> Result<Result<(), String>, StoreError> {
        for name in record.objects() {
            let digest = object_digest(name)?;
            let Some(object) = self.objects().get(digest).await? else {
                return Ok(Err(format!("the object {digest} is neither in the file before it nor in the store")));
            };
            let checked = if *name == record.report {
                record.check_report(&object)
            } else if record.statements.as_ref() == Some(name) {
                record.read_statements(&object).map(drop)
            } else {
                object.content().map(drop).map_err(|error| error.to_string())
            };
            if checked.is_err() {
                return Ok(checked);
            }
        }
        Ok(Ok(()))
    }

    async fn import_batch(&self, batch: &mut Vec<Record>, imported: &mut Imported) -> Result<(), StoreError> {
        let mut write = self.write_naming([]).await?;
        // They were there when the lines were read.
        for name in batch.iter().flat_map(Record::objects) {
            let digest = object_digest(name)?;
            if !self.objects().has(digest).await? {
                return Err(StoreError::Removed { digest });
            }
        }
        for appended in write.append(&batch.iter().collect::<Vec<_>>()).await? {
            match appended {
                Appended::New(_) => imported.new += 1,
                Appended::Same(_) => imported.same += 1,
                Appended::Other(_) => imported.other += 1,
            }
        }
        batch.clear();
        write.commit().await
    }
}

fn object_digest(name: &str) -> Result<Sha256Digest, StoreError> {
    Sha256Digest::parse(name).map_err(|error| StoreError::Row { reason: error.to_string() })
}

fn write_line(out: &mut impl Write, line: &Line) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

/// Reads one line within bounds; `None` at the end.
fn read_line(source: &mut impl BufRead, number: u64) -> Result<Option<Line>, ExchangeError> {
    let mut bytes = Vec::new();
    source.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let wrong = |reason: String| ExchangeError::Line { number, reason };
    if bytes.len() as u64 > MAX_LINE {
        return Err(wrong(format!("it is longer than {MAX_LINE} bytes")));
    }
    serde_json::from_slice(&bytes).map(Some).map_err(|error| wrong(error.to_string()))
}
