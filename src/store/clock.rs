use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// Whose time leases and waits are measured by.
#[derive(Clone, Default)]
pub enum Clock {
    /// The database's: PostgreSQL's own where several machines share it, this machine's for SQLite.
    #[default]
    Database,
    /// The caller's, in milliseconds since 1970.
    Given(Arc<dyn Fn() -> i64 + Send + Sync>),
}

impl Clock {
    /// A clock that says what `time` says.
    pub fn given(time: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self::Given(Arc::new(time))
    }

    /// This machine's time, milliseconds since 1970.
    pub(super) fn of_machine() -> i64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Database => "Clock::Database",
            Self::Given(_) => "Clock::Given",
        })
    }
}
