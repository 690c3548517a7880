use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use super::*;
use crate::package::{Release, Sha256Digest, Subject};
use crate::sweep::{Counts, Dispatcher, Enqueued, FailedJob, Priority};

const AT_ONCE: usize = 4;

/// Hands out so many jobs, and remembers what came back.
struct Scripted {
    left: Mutex<u64>,
    leased: Mutex<BTreeSet<String>>,
    back: Mutex<BTreeMap<String, Vec<Outcome>>>,
}

impl Scripted {
    fn of(jobs: u64) -> Self {
        Self { left: Mutex::new(jobs), leased: Mutex::default(), back: Mutex::default() }
    }

    /// How many came back with this kind of outcome; each came back once.
    fn back(&self, is_it: impl Fn(&Outcome) -> bool) -> usize {
        let back = self.back.lock().unwrap();
        assert!(back.values().all(|outcomes| outcomes.len() == 1));
        back.values().flatten().filter(|outcome| is_it(outcome)).count()
    }
}

impl Dispatcher for Scripted {
    async fn enqueue(&self, _: &[Job]) -> Result<Vec<Enqueued>, DispatchError> {
        unreachable!("a worker queues nothing")
    }

    async fn counts(&self) -> Result<Counts, DispatchError> {
        unreachable!("a worker does not ask")
    }

    async fn failed(&self) -> Result<Vec<FailedJob>, DispatchError> {
        unreachable!("a worker does not ask")
    }

    async fn requeue(&self, _: Option<&[String]>) -> Result<u64, DispatchError> {
        unreachable!("a worker queues nothing")
    }
}

impl Leases for Scripted {
    async fn lease(&self, _: &WorkerId, most: usize) -> Result<Lease, DispatchError> {
        // Others run meanwhile.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        let mut left = self.left.lock().unwrap();
        let jobs: Vec<Leased> = (0..most as u64).map_while(|_| take_one(&mut left)).collect();
        let mut leased = self.leased.lock().unwrap();
        assert!(jobs.iter().all(|one| leased.insert(one.job.release.purl())));
        let open = leased.len() as u64 - self.back.lock().unwrap().len() as u64 + *left;
        Ok(Lease { open: (jobs.len() < most).then_some(open), jobs })
    }

    async fn heartbeat(&self, _: &WorkerId) -> Result<(), DispatchError> {
        Ok(())
    }

    async fn finish(&self, _: &WorkerId, finished: &[Finished]) -> Result<(), DispatchError> {
        tokio::task::yield_now().await;
        let mut back = self.back.lock().unwrap();
        for Finished { leased, outcome } in finished {
            back.entry(leased.job.release.purl()).or_default().push(outcome.clone());
        }
        Ok(())
    }
}

fn take_one(left: &mut u64) -> Option<Leased> {
    *left = left.checked_sub(1)?;
    let subject: Subject = format!("npm:lamp@1.0.{left}").parse().unwrap();
    let release = Release { ecosystem: subject.ecosystem, name: subject.name, version: subject.version.unwrap() };
    let (stated, tool, policy) = (String::new(), String::new(), Sha256Digest::of(b"policy"));
    let job = Job { release, stated, policy, tool, published_at: None, priority: Priority::Backlog };
    Some(Leased { job, attempt: 1 })
}

fn settings() -> WorkSettings {
    WorkSettings { jobs: AT_ONCE, grace: Duration::from_millis(20), ..WorkSettings::default() }
}

fn ended(leased: Leased) -> Finished {
    Finished { leased, outcome: Outcome::Failed { error: String::new(), is_final: true } }
}

fn is_given_back(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::GivenBack)
}

#[tokio::test]
async fn no_more_run_at_once_than_may() {
    let dispatcher = Scripted::of(200);
    let (running, most) = (Cell::new(0), Cell::new(0));
    let verify = |leased| async {
        running.set(running.get() + 1);
        most.set(most.get().max(running.get()));
        tokio::task::yield_now().await;
        running.set(running.get() - 1);
        ended(leased)
    };
    let (_sender, stop) = watch::channel(Stop::No);
    let begun = RefCell::new(Vec::new());
    let listen = |event: Event<'_>| {
        if let Event::Begun(job) = event {
            begun.borrow_mut().push(job.release.purl());
        }
    };
    assert_eq!(work(&dispatcher, verify, &settings(), stop, &listen).await.unwrap(), Worked::Everything);
    assert_eq!((most.get(), begun.borrow().len()), (AT_ONCE, 200));
    assert_eq!(dispatcher.back(|outcome| !is_given_back(outcome)), 200);
}

#[tokio::test]
async fn what_takes_long_is_left_to_others() {
    let dispatcher = Scripted::of(200);
    let (sender, stop) = watch::channel(Stop::No);
    let working = async {
        let settings = settings();
        work(&dispatcher, |_| std::future::pending(), &settings, stop, &|_| ()).await
    };
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(dispatcher.leased.lock().unwrap().len(), AT_ONCE);
        sender.send(Stop::Gracefully).unwrap();
    };
    assert_eq!(tokio::join!(working, stopping).0.unwrap(), Worked::Stopped);
    assert_eq!(dispatcher.back(is_given_back), AT_ONCE);
}

#[tokio::test]
async fn what_was_leased_ahead_is_given_back_at_once() {
    let dispatcher = Scripted::of(200);
    let (sender, stop) = watch::channel(Stop::No);
    let begun = Cell::new(0);
    // Fast ones at first, then some that never end.
    let verify = |leased| {
        begun.set(begun.get() + 1);
        let is_fast = begun.get() <= 40;
        async move { if is_fast { ended(leased) } else { std::future::pending().await } }
    };
    let settings = WorkSettings { grace: Duration::from_secs(3_600), ..settings() };
    let working = work(&dispatcher, verify, &settings, stop, &|_| ());
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let (leased, begun) = (dispatcher.leased.lock().unwrap().len(), begun.get());
        assert!(begun < leased && leased <= begun + AT_ONCE, "{leased} were leased, {begun} begun");
        sender.send(Stop::Gracefully).unwrap();
        while dispatcher.back(is_given_back) < leased - begun {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(dispatcher.leased.lock().unwrap().len(), leased, "nothing more is leased");
        sender.send(Stop::AtOnce).unwrap();
    };
    assert_eq!(tokio::join!(working, stopping).0.unwrap(), Worked::Stopped);
}
