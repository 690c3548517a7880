//! What was verified, kept for good: SQLite by default, PostgreSQL by address, one schema.
//!
//! Rows of the history are only ever added. Ledgers, reports and statements are objects, in the database or beside it,
//! named by the SHA-256 of their content. Start reading at [`Store`]; [`Record`] is one row, [`Settlement`] says which results are not made again.

mod address;
mod append;
mod check;
mod clock;
mod cursor;
mod database;
mod error;
mod exchange;
mod history;
mod migrations;
mod objects;
mod prune;
mod record;
mod record_checks;
mod rows;
mod settlement;
mod values;

pub use address::{ObjectsAddress, StoreAddress};
pub use append::Appended;
pub use check::{Checked, Flaw};
pub use clock::Clock;
pub use database::Store;
pub(crate) use database::{Backend, Turn, Write};
pub use error::StoreError;
pub use exchange::{ExchangeError, Exported, Imported};
pub(crate) use history::Inputs;
pub use history::{Kept, Settled};
pub use objects::{Object, Objects};
pub use prune::{Pruned, PrunedResult};
pub use record::{FindingRow, Record};
pub(crate) use record::{Occasion, verdict_text};
pub use settlement::Settlement;
pub(crate) use values::values;
