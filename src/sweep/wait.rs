use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::{DispatchError, Dispatcher, Event, Pass, Stop, Summary, WorkSettings, Worked, patiently, summarise};
use crate::store::Store;

/// How often a dispatcher is asked how many jobs are open.
const POLL: Duration = Duration::from_secs(2);
/// How long a dispatcher may say that nothing is open while results are missing; counts lag behind.
const LAG: Duration = Duration::from_secs(60);

/// Waits until the workers of an engine are done with every job of a sweep, or somebody asks to stop.
///
/// An error means that the engine or the store did not answer for too long. The workers go on all the same.
pub async fn wait(
    store: &Store,
    dispatcher: &impl Dispatcher,
    pass: &Pass,
    settings: &WorkSettings,
    mut stop: watch::Receiver<Stop>,
    listen: &dyn Fn(Event<'_>),
) -> Result<(Worked, Summary), DispatchError> {
    let mut none_open_since: Option<Instant> = None;
    loop {
        let counts = patiently(settings, listen, || dispatcher.counts()).await?;
        let open = counts.waiting + counts.leased;
        let stopped = *stop.borrow_and_update() != Stop::No;
        if open > 0 && !stopped {
            none_open_since = None;
            listen(Event::Waiting(open));
        } else {
            let summary = patiently(settings, listen, || summarise(store, dispatcher, pass)).await?;
            if stopped {
                return Ok((Worked::Stopped, summary));
            }
            let since = *none_open_since.get_or_insert_with(Instant::now);
            if summary.open == 0 || since.elapsed() >= LAG {
                return Ok((Worked::Everything, summary));
            }
        }
        tokio::select! {
            () = tokio::time::sleep(POLL) => {}
            // The sender is gone only when nobody can ask any more.
            changed = stop.changed() => if changed.is_err() { tokio::time::sleep(POLL).await },
        }
    }
}
