//! A worker that is asked to stop.

use std::cell::Cell;
use std::future::pending;
use std::time::Duration;

use tarproof::package::Ecosystem;
use tarproof::sweep::temporal::{WorkerQueue, work};
use tarproof::sweep::{Dispatcher as _, Event, Finished, Leased, Outcome, Stop, WorkSettings};
use tokio::sync::watch;

use super::{Site, connect};
use crate::support::block_on;
use crate::sweep::records::{job, verified};

#[test]
fn what_a_stopping_worker_does_not_finish_is_given_to_others() {
    let Some(site) = Site::start() else { return };
    let folder = site.tarproof.directory().join("objects").display().to_string();
    let lamp = job("npm:lamp@1.0.0");
    let queue = WorkerQueue { ecosystem: Ecosystem::Npm, policy: lamp.policy, tool: lamp.tool.clone(), rate: 100.0 };
    let settings = WorkSettings { grace: Duration::from_millis(500), ..WorkSettings::default() };
    block_on(async {
        let (engine, store) = connect(site.temporal.address(), &site.database, &folder).await;
        engine.enqueue(std::slice::from_ref(&lamp)).await.unwrap();
        let (sender, stop) = watch::channel(Stop::No);
        let given_back = Cell::new(0);
        let listen = |event: Event<'_>| match event {
            Event::Begun(_) => drop(sender.send_replace(Stop::Gracefully)),
            Event::Ended(Finished { outcome: Outcome::GivenBack, .. }) => given_back.set(given_back.get() + 1),
            other => panic!("{other:?}"),
        };
        work(&engine, &queue, |_| pending(), &settings, stop, &listen).await.unwrap();
        assert_eq!(given_back.get(), 1);
        // Its lease would last for a minute, and nobody waits for that.
        let (sender, stop) = watch::channel(Stop::No);
        let attempt = Cell::new(0);
        let verify = |leased: Leased| {
            attempt.set(leased.attempt);
            async move { verified(&leased, "verbatim", 1) }
        };
        let listen = |event: Event<'_>| {
            if matches!(event, Event::Ended(_)) {
                sender.send_replace(Stop::Gracefully);
            }
        };
        let second = work(&engine, &queue, verify, &settings, stop, &listen);
        tokio::time::timeout(Duration::from_secs(30), second).await.expect("it got the job").unwrap();
        assert_eq!(attempt.get(), 2, "a try that was given back counts here");
        assert_eq!(store.history("npm:lamp", None, 9).await.unwrap().len(), 1);
    });
}
