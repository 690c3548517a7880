//! Several at the same store at the same time.

use tarproof::store::Appended;
use tarproof::sweep::{Dispatcher as _, Embedded, Enqueued, Job, LeaseSettings};

use super::killed::{arguments, prepared, results_so_far, start, verdicts};
use super::on_both;
use super::records::{job, result};
use crate::support::postgresql::Postgresql;

#[test]
fn lists_in_different_orders_are_queued_at_once() {
    on_both("orders", |place| async move {
        let jobs: Vec<Job> = (0..400).map(|number| job(&format!("npm:a@1.0.{number}"))).collect();
        let backwards: Vec<Job> = jobs.iter().rev().cloned().collect();
        let queue = async |jobs: &[Job]| {
            Embedded::new(place.open().await, LeaseSettings::default()).enqueue(jobs).await.unwrap()
        };
        let (one, other) = tokio::join!(queue(&jobs), queue(&backwards));
        let is_new = |answer: &Enqueued| *answer == Enqueued::New;
        let once = one.iter().zip(other.iter().rev()).all(|(one, other)| is_new(one) != is_new(other));
        assert!(once, "each is new to one of the two");
    });
}

#[test]
fn what_is_about_to_be_named_is_not_pruned() {
    on_both("pruning", |place| async move {
        let (store, other) = (place.open().await, place.open().await);
        for round in 0..40 {
            let (record, objects) = result(&job(&format!("npm:lamp@1.0.{round}")), "verbatim", 1);
            // What a process that was killed left: nothing names it, until the same is found once more.
            store.objects().put(objects.clone()).await.unwrap();
            let (pruned, appended) = tokio::join!(other.prune(1_000, false), store.append(&record, objects));
            assert!(matches!(appended.unwrap(), Appended::New(_)));
            pruned.unwrap();
            assert_eq!(store.check().await.unwrap().flaws, [], "round {round}");
        }
    });
}

#[test]
fn sweeps_of_one_store_share_the_work() {
    let server = Postgresql::shared();
    let (tarproof, releases) = prepared();
    let sqlite = format!("sqlite://{}", tarproof.directory().join("shared.db").display());
    let mut places = vec![(sqlite, vec!["--store", "shared.db"])];
    let database = server.as_ref().map(|server| server.database("shared"));
    if let Some(database) = &database {
        places.push((database.clone(), vec!["--store", database, "--objects", "objects"]));
    }
    let unbroken = tarproof.run(&arguments(&["--store", "whole.db"])).json();
    for (address, store) in places {
        // Both make the tables, too.
        let mut sweeps = [start(&tarproof, &arguments(&store)), start(&tarproof, &arguments(&store))];
        let codes = sweeps.each_mut().map(|sweep| sweep.wait().unwrap().code());
        assert_eq!(codes, [Some(1), Some(1)]);
        assert_eq!(verdicts(&tarproof, &store), verdicts(&tarproof, &["--store", "whole.db"]));
        // What is not settled may have been made by both.
        let results = results_so_far(&address).len();
        assert!((releases..2 * releases).contains(&results), "{results} results of {releases} releases");
        let again = tarproof.run(&arguments(&store)).json();
        assert_eq!(again["verdicts"], unbroken["verdicts"]);
        assert_eq!(tarproof.run(&[&["store", "check"], &store[..]].concat()).code, 0);
    }
}
