//! What holds of every store and of every dispatcher in one, whichever database it is.

use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tarproof::package::{Integrity, Sha256Digest};
use tarproof::store::{Appended, Clock, ExchangeError, ObjectsAddress, Record, Store, StoreError};
use tarproof::sweep::{
    Counts, Dispatcher as _, Embedded, Enqueued, Finished, Job, Lease, LeaseSettings, Leases as _, Outcome, Priority,
    WorkerId, begin, finish, summarise,
};

use super::records::{job, result, verified};
use super::{Place, on_both};

const MINUTE: i64 = 60_000;

/// A store whose clock stands where the test puts it.
async fn with_clock(place: &Place) -> (Store, Embedded, Arc<AtomicI64>) {
    let time = Arc::new(AtomicI64::new(1_800_000_000_000));
    let shown = Arc::clone(&time);
    let store = place.open_at(Clock::given(move || shown.load(Ordering::SeqCst))).await;
    (store.clone(), Embedded::new(store, LeaseSettings { length: Duration::from_secs(60), losses: 3 }), time)
}

async fn names(lease: Result<Lease, tarproof::sweep::DispatchError>) -> Vec<String> {
    lease.unwrap().jobs.iter().map(|leased| leased.job.release.to_string()).collect()
}

#[test]
fn a_result_is_kept_once_and_never_overwritten() {
    on_both("kept", |place| async move {
        let store = place.open().await;
        let lamp = job("npm:lamp@1.0.0");
        let (record, objects) = result(&lamp, "divergent", 1);
        let Appended::New(id) = store.append(&record, objects.clone()).await.unwrap() else { panic!("it is new") };
        assert_eq!(store.append(&record, objects).await.unwrap(), Appended::Same(id));
        // The same inputs, another verdict: the first one stands.
        let (other, objects) = result(&lamp, "verbatim", 2);
        assert_eq!(store.append(&other, objects).await.unwrap(), Appended::Other(id));
        // What is not settled is kept each time.
        for at in [3, 4] {
            let (unsettled, objects) = result(&lamp, "inconclusive(source-outdated)", at);
            assert!(matches!(store.append(&unsettled, objects).await.unwrap(), Appended::New(_)));
        }
        let history = store.history("npm:lamp", None, 10).await.unwrap();
        let observed: Vec<i64> = history.iter().map(|kept| kept.record.observed_at).collect();
        assert_eq!(observed, [4, 3, 1]);
        assert_eq!(history[2].record, record, "every field comes back");
        assert!(store.history("npm:lamp", Some("2.0.0"), 10).await.unwrap().is_empty());
        for sql in [
            "UPDATE verifications SET verdict = 'verbatim'",
            "DELETE FROM verifications",
            "UPDATE findings SET rule = 'x'",
            "DELETE FROM findings",
        ] {
            let refused = place.execute(sql).await.unwrap_err().to_string();
            assert!(refused.contains("history is never overwritten"), "{sql}: {refused}");
        }
        // Each of these is known to one of the two databases.
        for sql in [
            "TRUNCATE verifications CASCADE",
            "TRUNCATE findings",
            "INSERT OR REPLACE INTO findings (verification, position, rule, severity, risk) \
             SELECT verification, position, 'x', severity, risk FROM findings",
            "INSERT OR REPLACE INTO findings SELECT * FROM findings WHERE position > 0",
        ] {
            let _ = place.execute(sql).await;
        }
        assert_eq!(store.history("npm:lamp", None, 10).await.unwrap(), history);
    });
}

#[test]
fn a_row_that_was_changed_behind_the_back_of_the_store_is_found() {
    on_both("changed", |place| async move {
        let store = place.open().await;
        let (record, objects) = result(&job("npm:lamp@1.0.0"), "divergent", 1);
        store.append(&record, objects).await.unwrap();
        // Who owns a database can take its guards away.
        for sql in ["DROP TRIGGER verifications_stay", "DROP TRIGGER verifications_stay ON verifications"] {
            let _ = place.execute(sql).await;
        }
        assert_eq!(place.execute("UPDATE verifications SET exit_code = 0").await.unwrap(), 1);
        let flaws = store.check().await.unwrap().flaws;
        assert_eq!(flaws.len(), 1);
        assert_eq!((&*flaws[0].purl, &*flaws[0].problem), (&*record.purl, "this row is not as it was added"));
    });
}

#[test]
fn a_sweep_ends_and_goes_on_with_those_of_the_same_packages_alone() {
    on_both("passes", |place| async move {
        let store = place.open().await;
        let dispatcher = Embedded::new(store.clone(), LeaseSettings::default());
        let (lamp, chair) = (job("npm:lamp@1.0.0"), job("npm:chair@1.0.0"));
        begin(&store, &dispatcher, vec![lamp.clone()]).await.unwrap();
        let other = begin(&store, &dispatcher, vec![chair]).await.unwrap();
        // The other one does both jobs, and only its own come to their end with it.
        let (record, objects) = result(&lamp, "divergent", 1);
        store.append(&record, objects).await.unwrap();
        finish(&store, &other).await.unwrap();
        let open = "UPDATE sweeps SET subjects = subjects WHERE finished_at IS NULL";
        assert_eq!(place.execute(open).await.unwrap(), 1);
        let again = begin(&store, &dispatcher, vec![lamp.clone(), job("npm:lamp@1.0.1")]).await.unwrap();
        let summary = summarise(&store, &dispatcher, &again).await.unwrap();
        let changed: Vec<&str> = summary.changes.iter().map(|change| &*change.verdict).collect();
        assert_eq!((again.settled(), changed), (1, vec!["divergent"]), "what was found meanwhile is told");
        finish(&store, &again).await.unwrap();
        assert_eq!(place.execute(open).await.unwrap(), 0);
    });
}

#[test]
fn a_result_of_other_content_never_stands_for_a_job() {
    on_both("content", |place| async move {
        let store = place.open().await;
        let dispatcher = Embedded::new(store.clone(), LeaseSettings::default());
        let before = job("npm:lamp@1.0.0");
        let (record, objects) = result(&before, "verbatim", 1);
        store.append(&record, objects).await.unwrap();
        let changed = Job { stated: Integrity::of(b"other content").to_string(), ..before };
        let pass = begin(&store, &dispatcher, vec![changed.clone()]).await.unwrap();
        let stopped = summarise(&store, &dispatcher, &pass).await.unwrap();
        assert_eq!((stopped.open, stopped.exit_codes.len(), stopped.verdicts.len()), (1, 0, 0), "it was not looked at");
        // The same verdict, and a change all the same.
        let (mut record, objects) = result(&changed, "verbatim", 2);
        record.artifact.clone_from(&changed.stated);
        store.append(&record, objects).await.unwrap();
        let ended = summarise(&store, &dispatcher, &pass).await.unwrap();
        assert_eq!((ended.open, ended.changes.len()), (0, 1));
        assert!(ended.changes[0].is_other_content);
    });
}

#[test]
fn the_newest_result_is_the_one_that_was_made_last() {
    on_both("newest", |place| async move {
        let store = place.open().await;
        for (version, at) in [("1.0.1", 5), ("1.0.0", 2)] {
            let (record, objects) = result(&job(&format!("npm:lamp@{version}")), "inconclusive(source-outdated)", at);
            store.append(&record, objects).await.unwrap();
        }
        let history = store.history("npm:lamp", None, 9).await.unwrap();
        assert_eq!(history[0].record.version, "1.0.1");
        let pruned = store.prune(1, false).await.unwrap();
        assert_eq!(pruned.results[0].purl, "pkg:npm/lamp@1.0.0", "an older one that was imported later goes");
    });
}

#[test]
fn a_store_is_opened_again_and_by_several() {
    on_both("several", |place| async move {
        let (first, second) = tokio::join!(place.open(), place.open());
        let (record, objects) = result(&job("npm:lamp@1.0.0"), "verbatim", 1);
        first.append(&record, objects).await.unwrap();
        assert_eq!(second.history("npm:lamp", Some("1.0.0"), 10).await.unwrap().len(), 1);
        first.set_cursor("feed", "12").await.unwrap();
        first.set_cursor("feed", "13").await.unwrap();
        first.close().await;
        let third = place.open().await;
        assert_eq!(third.cursor("feed").await.unwrap().as_deref(), Some("13"));
        assert_eq!(third.cursor("other").await.unwrap(), None);
    });
}

#[test]
fn jobs_under_other_conditions_are_left_to_others() {
    on_both("conditions", |place| async move {
        let (_, dispatcher, _) = with_clock(&place).await;
        let ours = job("npm:lamp@1.0.0");
        let other = Job { policy: Sha256Digest::of(b"another policy"), ..ours.clone() };
        let older = Job { tool: "1.2.2".to_owned(), ..ours.clone() };
        dispatcher.enqueue(&[older, other, ours.clone()]).await.unwrap();
        let worker = dispatcher.clone().under(ours.policy, &ours.tool);
        let lease = worker.lease(&WorkerId::unique(), 9).await.unwrap();
        assert_eq!(lease.jobs.iter().map(|leased| &leased.job).collect::<Vec<_>>(), [&ours]);
        assert_eq!(lease.open, Some(1), "what is not ours is not waited for");
        let rest = dispatcher.lease(&WorkerId::unique(), 9).await.unwrap();
        assert_eq!(rest.jobs.len(), 2);
    });
}

#[test]
fn jobs_are_queued_once_and_new_releases_go_first() {
    on_both("queued", |place| async move {
        let (store, dispatcher, _) = with_clock(&place).await;
        let mut jobs = [job("npm:a@1.0.0"), job("npm:b@1.0.0"), job("npm:c@1.0.0")];
        jobs[2].priority = Priority::New;
        assert_eq!(dispatcher.enqueue(&jobs).await.unwrap(), [Enqueued::New, Enqueued::New, Enqueued::New]);
        assert_eq!(dispatcher.enqueue(&jobs[..1]).await.unwrap(), [Enqueued::Open]);
        let worker = WorkerId::unique();
        let lease = dispatcher.lease(&worker, 2).await.unwrap();
        assert_eq!(lease.open, None);
        assert_eq!(names(Ok(lease.clone())).await, ["npm:c@1.0.0", "npm:a@1.0.0"]);
        let rest = dispatcher.lease(&WorkerId::unique(), 9).await.unwrap();
        assert_eq!((rest.open, names(Ok(rest)).await), (Some(3), vec!["npm:b@1.0.0".to_owned()]));
        let [new, old] = lease.jobs.as_slice() else { panic!("two jobs") };
        let finished = [verified(new, "verbatim", 1), verified(old, "inconclusive(source-outdated)", 2)];
        dispatcher.finish(&worker, &finished).await.unwrap();
        // Handed back once more after an answer that was lost.
        dispatcher.finish(&worker, &finished).await.unwrap();
        let counts = Counts { waiting: 0, leased: 1, done: 2, failed: 0 };
        assert_eq!(dispatcher.counts().await.unwrap(), counts);
        assert_eq!(store.history("npm:a", None, 9).await.unwrap().len(), 1);
        // What is settled is not queued again; what is not is.
        let answers = dispatcher.enqueue(&jobs).await.unwrap();
        assert!(matches!(&answers[2], Enqueued::Settled(settled) if settled.verdict == "verbatim"), "{answers:?}");
        assert_eq!(answers[..2], [Enqueued::New, Enqueued::Open]);
        // Another artifact under the same name and version is another job.
        let mut changed = jobs[2].clone();
        changed.stated = Integrity::of(b"other bytes").to_string();
        assert_eq!(dispatcher.enqueue(&[changed]).await.unwrap(), [Enqueued::New]);
    });
}

#[test]
fn leases_end_and_are_prolonged() {
    on_both("leases", |place| async move {
        let (_store, dispatcher, time) = with_clock(&place).await;
        dispatcher.enqueue(&[job("npm:a@1.0.0")]).await.unwrap();
        let (first, second) = (WorkerId::unique(), WorkerId::unique());
        assert_eq!(names(dispatcher.lease(&first, 1).await).await.len(), 1);
        time.fetch_add(MINUTE - 1, Ordering::SeqCst);
        assert_eq!(names(dispatcher.lease(&second, 1).await).await.len(), 0);
        dispatcher.heartbeat(&first).await.unwrap();
        time.fetch_add(MINUTE - 1, Ordering::SeqCst);
        assert_eq!(names(dispatcher.lease(&second, 1).await).await.len(), 0);
        time.fetch_add(1, Ordering::SeqCst);
        // Its own job is under way here, whatever the clock says.
        assert_eq!(names(dispatcher.lease(&first, 1).await).await.len(), 0);
        let lease = dispatcher.lease(&second, 1).await.unwrap();
        assert_eq!(lease.jobs[0].attempt, 2);
        // The first worker's silence is no longer its job's.
        dispatcher.heartbeat(&first).await.unwrap();
        let given_back = Finished { leased: lease.jobs[0].clone(), outcome: Outcome::GivenBack };
        dispatcher.finish(&first, std::slice::from_ref(&given_back)).await.unwrap();
        assert_eq!(dispatcher.counts().await.unwrap().leased, 1, "only the holder gives back");
        dispatcher.finish(&second, &[given_back]).await.unwrap();
        let again = dispatcher.lease(&first, 1).await.unwrap();
        assert_eq!(again.jobs[0].attempt, 2, "a try that was given back does not count");
    });
}

#[test]
fn a_clock_that_jumps_loses_nothing_and_keeps_nothing_twice() {
    on_both("jumps", |place| async move {
        let (store, dispatcher, time) = with_clock(&place).await;
        let jobs = [job("npm:a@1.0.0"), job("npm:b@1.0.0")];
        dispatcher.enqueue(&jobs).await.unwrap();
        let (first, second) = (WorkerId::unique(), WorkerId::unique());
        let held = dispatcher.lease(&first, 2).await.unwrap().jobs;
        // A day ahead: another worker gets both while the first one is still at them.
        time.fetch_add(24 * 60 * MINUTE, Ordering::SeqCst);
        let taken = dispatcher.lease(&second, 2).await.unwrap().jobs;
        assert_eq!(taken.len(), 2);
        // A week back: nobody waits a week for leases that end in the future.
        time.fetch_sub(7 * 24 * 60 * MINUTE, Ordering::SeqCst);
        let third = WorkerId::unique();
        assert_eq!(dispatcher.lease(&third, 2).await.unwrap().jobs.len(), 2);
        // All three end it, with differing results: the first one stands.
        dispatcher.finish(&first, &[verified(&held[0], "divergent", 1)]).await.unwrap();
        dispatcher.finish(&second, &[verified(&taken[0], "verbatim", 2)]).await.unwrap();
        let history = store.history("npm:a", None, 9).await.unwrap();
        assert_eq!(history.len(), 1);
        assert_eq!(history[0].record.verdict, "divergent");
        // Who lost the lease cannot fail the job of who holds it.
        let failed = Outcome::Failed { error: "late".to_owned(), is_final: true };
        dispatcher.finish(&first, &[Finished { leased: held[1].clone(), outcome: failed }]).await.unwrap();
        assert_eq!(dispatcher.counts().await.unwrap(), Counts { waiting: 0, leased: 1, done: 1, failed: 0 });
        // A small step back, as clocks are set all the time, ends no lease.
        time.fetch_sub(MINUTE / 2, Ordering::SeqCst);
        assert_eq!(dispatcher.lease(&first, 2).await.unwrap().jobs.len(), 0);
    });
}

#[test]
fn failures_wait_end_and_are_queued_again() {
    on_both("failures", |place| async move {
        let (_store, dispatcher, time) = with_clock(&place).await;
        let jobs = [job("npm:a@1.0.0"), job("npm:b@1.0.0")];
        dispatcher.enqueue(&jobs).await.unwrap();
        let worker = WorkerId::unique();
        let held = dispatcher.lease(&worker, 2).await.unwrap().jobs;
        let ended = |index: usize, outcome| Finished { leased: held[index].clone(), outcome };
        let retry = Outcome::Retry { wait: Duration::from_secs(30), error: "busy".to_owned() };
        let fail = Outcome::Failed { error: "no such version".to_owned(), is_final: true };
        dispatcher.finish(&worker, &[ended(0, retry), ended(1, fail)]).await.unwrap();
        assert_eq!(dispatcher.lease(&worker, 2).await.unwrap().open, Some(1), "it waits");
        time.fetch_add(30_000, Ordering::SeqCst);
        let again = dispatcher.lease(&worker, 2).await.unwrap().jobs;
        assert_eq!(again[0].attempt, 2);
        let exhausted = Outcome::Failed { error: "busy".to_owned(), is_final: false };
        dispatcher.finish(&worker, &[Finished { leased: again[0].clone(), outcome: exhausted }]).await.unwrap();
        let failed = dispatcher.failed().await.unwrap();
        let told: Vec<_> = failed.iter().map(|one| (one.error.as_str(), one.is_final, one.attempts)).collect();
        assert_eq!(told, [("busy", false, 2), ("no such version", true, 1)]);
        // The next sweep tries again what may pass, and not what is final.
        assert_eq!(dispatcher.enqueue(&jobs).await.unwrap(), [Enqueued::New, Enqueued::Failed]);
        assert_eq!(dispatcher.requeue(Some(&["pkg:npm/c@1.0.0".to_owned()])).await.unwrap(), 0);
        assert_eq!(dispatcher.requeue(Some(&["pkg:npm/b@1.0.0".to_owned()])).await.unwrap(), 1);
        assert_eq!(dispatcher.requeue(None).await.unwrap(), 0);
        assert_eq!(dispatcher.lease(&worker, 9).await.unwrap().jobs.len(), 2);
    });
}

#[test]
fn a_job_that_ends_its_workers_is_given_up() {
    on_both("losses", |place| async move {
        let (_store, dispatcher, time) = with_clock(&place).await;
        dispatcher.enqueue(&[job("npm:a@1.0.0")]).await.unwrap();
        for attempt in 1..=3 {
            let lease = dispatcher.lease(&WorkerId::unique(), 1).await.unwrap();
            assert_eq!(lease.jobs[0].attempt, attempt);
            time.fetch_add(2 * MINUTE, Ordering::SeqCst);
        }
        let lease = dispatcher.lease(&WorkerId::unique(), 1).await.unwrap();
        assert_eq!((lease.jobs.len(), lease.open), (0, Some(0)));
        assert!(dispatcher.failed().await.unwrap()[0].error.contains("its worker ended"));
    });
}

#[test]
fn workers_that_lease_at_once_get_different_jobs() {
    on_both("at_once", |place| async move {
        let (_store, dispatcher, _) = with_clock(&place).await;
        let jobs: Vec<_> = (0..60).map(|number| job(&format!("npm:a@1.0.{number}"))).collect();
        dispatcher.enqueue(&jobs).await.unwrap();
        let lease = || async { names(dispatcher.lease(&WorkerId::unique(), 15).await).await };
        let (a, b, c, d) = tokio::join!(lease(), lease(), lease(), lease());
        let mut all: Vec<String> = [a, b, c, d].concat();
        let leased = all.len();
        all.sort();
        all.dedup();
        assert_eq!((leased, all.len()), (60, 60));
    });
}

#[test]
fn damage_is_found_and_old_results_are_removed() {
    on_both("care", |place| async move {
        let (store, dispatcher, _) = with_clock(&place).await;
        for (version, verdict, at) in [("1.0.0", "verbatim", 1), ("1.0.1", "verbatim", 2), ("1.0.2", "no-source", 3)] {
            let (record, objects) = result(&job(&format!("npm:lamp@{version}")), verdict, at);
            store.append(&record, objects).await.unwrap();
        }
        let (record, objects) = result(&job("npm:lamp@1.0.3"), "inconclusive(source-outdated)", 4);
        store.append(&record, objects.clone()).await.unwrap();
        let checked = store.check().await.unwrap();
        assert_eq!((checked.results, checked.objects, checked.unnamed, checked.flaws.len()), (4, 12, 0, 0));
        let mut names: Vec<_> = store.objects().list().await.unwrap().iter().map(ToString::to_string).collect();
        names.sort();
        place.damage_objects().await;
        let flaws = store.check().await.unwrap().flaws;
        let problems: Vec<&str> = flaws.iter().map(|flaw| flaw.problem.split(':').next().unwrap()).collect();
        assert_eq!(problems, ["it is missing", "it is damaged", "it is damaged"]);
        let flawed: Vec<&str> = flaws.iter().map(|flaw| flaw.digest.as_str()).collect();
        assert_eq!(flawed, [&names[0], &names[1], &names[3]]);

        let pretended = store.prune(1, true).await.unwrap();
        assert_eq!(store.history("npm:lamp", None, 9).await.unwrap().len(), 4);
        dispatcher.enqueue(&[job("npm:lamp@1.0.4")]).await.unwrap();
        let worker = WorkerId::unique();
        let held = dispatcher.lease(&worker, 1).await.unwrap().jobs;
        assert!(matches!(store.prune(1, false).await, Err(StoreError::Busy { leased: 1 })));
        dispatcher.finish(&worker, &[Finished { leased: held[0].clone(), outcome: Outcome::GivenBack }]).await.unwrap();
        let pruned = store.prune(1, false).await.unwrap();
        assert_eq!(pruned, pretended);
        let gone: Vec<_> = pruned.results.iter().map(|result| result.purl.as_str()).collect();
        assert_eq!(gone, ["pkg:npm/lamp@1.0.1", "pkg:npm/lamp@1.0.0"], "the newest, and the newest settled, stay");
        let left = store.history("npm:lamp", None, 9).await.unwrap();
        assert_eq!((left.len(), pruned.kept), (2, 2));
        assert!(left.iter().all(|kept| !kept.record.findings.is_empty()));
        assert!(store.objects().list().await.unwrap().len() <= 6, "the objects went with them");
    });
}

#[test]
fn what_is_exported_can_be_imported_and_nothing_else() {
    on_both("exchange", |place| async move {
        let store = place.open().await;
        for (version, verdict) in [("1.0.0", "verbatim"), ("1.0.1", "divergent")] {
            let (record, objects) = result(&job(&format!("npm:lamp@{version}")), verdict, 1);
            store.append(&record, objects).await.unwrap();
        }
        let mut file = Vec::new();
        let exported = store.export(&mut file).await.unwrap();
        assert_eq!((exported.results, exported.objects, exported.left_out), (2, 6, 0));
        // From either database into a new SQLite file.
        let directory = tempfile::tempdir().unwrap();
        let other = Place::new(&directory.path().join("b.db").display().to_string(), ObjectsAddress::Database);
        let other = other.open().await;
        let imported = other.import(&mut Cursor::new(&file)).await.unwrap();
        assert_eq!((imported.new, imported.same, imported.other, imported.objects), (2, 0, 0, 6));
        let again = other.import(&mut Cursor::new(&file)).await.unwrap();
        assert_eq!((again.new, again.same), (0, 2));
        let mut copy = Vec::new();
        other.export(&mut copy).await.unwrap();
        assert_eq!(copy, file);
        assert_eq!(other.check().await.unwrap().flaws, []);

        let text = String::from_utf8(file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let without_end = lines[..lines.len() - 1].join("\n");
        let refused = |text: String| {
            let other = &other;
            async move { other.import(&mut Cursor::new(text)).await.unwrap_err() }
        };
        assert!(matches!(refused(without_end).await, ExchangeError::Truncated { number: 9 }));
        for (from, to, expected) in [
            ("tarproof-store/v1", "tarproof-store/v2", "line 1 cannot be imported: the first line does not name"),
            ("\"verdict\":\"divergent\"", "\"verdict\":\"fine\"", "`verdict` is not one"),
            ("\"verdict\":\"divergent\"", "\"verdict\":\"no-source\"", "the report says something else"),
            ("\"version\":\"1.0.1\"", "\"version\":\"1.0.2\"", "not those of the purl"),
            ("pkg:npm/lamp@1.0.1", "pkg:npm/../lamp@1.0.1", "`purl`"),
            ("\"milliseconds\":12", "\"milliseconds\":9223372036854775807", "`milliseconds`"),
            ("\"stated\":\"sha512-", "\"stated\":\"sha512-AAAA", "`stated` is"),
            ("\"explained\":1", "\"explained\":7", "`files` and `explained` do not fit"),
            ("\"exit_code\":1", "\"exit_code\":3", "`exit_code` is not that of the verdict"),
            ("\"observed_at\":1,", "\"observed_at\":-9223372036854775808,", "a time is none"),
            ("\"gzip\":\"", "\"gzip\":\"AAAA", "is damaged"),
            ("\"path\":\"index.js\"", "\"path\":\"a\\u0000\"", "a text holds a NUL"),
            ("\"verifications\":2", "\"verifications\":3", "other numbers"),
            ("{\"verification\"", "{\"else\"", "unknown variant"),
        ] {
            assert!(text.contains(from), "{from}");
            let error = refused(text.replace(from, to)).await.to_string();
            assert!(error.contains(expected), "{from} to {to}: {error}");
        }
        // Statements that are another row's, or damaged, or nowhere; and a row of a version that kept none.
        let row: Record = serde_json::from_str::<serde_json::Value>(lines[8])
            .map(|mut line| serde_json::from_value(line["verification"].take()).unwrap())
            .unwrap();
        let first: Record = serde_json::from_str::<serde_json::Value>(lines[4])
            .map(|mut line| serde_json::from_value(line["verification"].take()).unwrap())
            .unwrap();
        let (own, others) = (row.statements.clone().unwrap(), first.statements.unwrap());
        let with = |statements: Option<String>| {
            let changed = serde_json::json!({ "verification": Record { statements, ..row.clone() } });
            [&lines[..8], &[&changed.to_string(), ""]].concat().join("\n")
        };
        let error = refused(with(Some(others))).await.to_string();
        assert!(error.contains("line 9 cannot be imported: the statements say something else than the row"), "{error}");
        let artifact = Integrity::of(b"other content").to_string();
        let stated = artifact.clone();
        let changed = serde_json::json!({ "verification": Record { artifact, stated, ..row.clone() } });
        let error = refused([&lines[..8], &[&changed.to_string(), ""]].concat().join("\n")).await.to_string();
        assert!(error.contains("the statements say something else than the row"), "{error}");
        let error = refused(with(row.ledger.clone())).await.to_string();
        assert!(error.contains("the statements: the payload is no statement"), "{error}");
        let error = refused(with(Some(own.replace(|_: char| true, "0")))).await.to_string();
        assert!(error.contains("neither in the file before it nor in the store"), "{error}");
        assert!(matches!(refused(with(None)).await, ExchangeError::Truncated { number: 9 }), "what there is, is read");
        // A row whose objects are nowhere.
        let bare =
            Place::new(&directory.path().join("c.db").display().to_string(), ObjectsAddress::Database).open().await;
        let rows: Vec<&str> = lines.iter().copied().filter(|line| !line.starts_with("{\"object\"")).collect();
        let error = bare.import(&mut Cursor::new(rows.join("\n"))).await.unwrap_err().to_string();
        assert!(error.contains("neither in the file before it nor in the store"), "{error}");
    });
}
