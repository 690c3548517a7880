use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::{Finished, Job, Leased, Nature, Outcome, RetrySettings, nature};
use crate::package::Integrity;
use crate::store::{Occasion, Record, Settlement};
use crate::verify::{Context, Request, VerifyError, verify};

/// Verifies the release of one job. Idempotent: nothing is kept but what the context's cache holds anyway.
///
/// Every dispatcher calls this one function; it knows of none of them.
pub async fn verify_job(leased: Leased, context: &Context, retry: &RetrySettings) -> Finished {
    let begun = Instant::now();
    let request = Request { subject: Some(leased.job.subject()), digests: true, ..Request::default() };
    let outcome = match verify(&request, context).await {
        Err(error) => after_error(&error, leased.attempt, retry),
        Ok(verification) if is_other(&leased.job, &verification.artifact.integrity) => {
            // The registry changed it meanwhile, or a lockfile states what it never served: the next sweep asks again.
            let error = format!("the registry serves other content than was stated, {}", leased.job.stated);
            Outcome::Failed { error, is_final: false }
        }
        Ok(verification) => {
            let observed_at = now().div_euclid(1000);
            let wait = match Settlement::of(&verification.verdict, verification.artifact.published_at, observed_at) {
                // Many repositories are gone for ever: who waits for them waits every night.
                Settlement::Soon if leased.attempt == 1 => retry.wait_after(leased.attempt, None),
                Settlement::Soon => None,
                Settlement::Settled | Settlement::NextSweep => None,
            };
            match wait {
                Some(wait) => Outcome::Retry { wait, error: verification.verdict.to_string() },
                None => {
                    let occasion = occasion(&leased, context, begun);
                    // Reports of very many files take a while to write and to compress.
                    let record = tokio::task::spawn_blocking(move || Record::of(&verification, occasion)).await;
                    match record {
                        Ok(Ok((record, objects))) => Outcome::Verified { record: Box::new(record), objects },
                        Ok(Err(error)) => Outcome::Failed { error: error.to_string(), is_final: true },
                        Err(error) => Outcome::Failed { error: error.to_string(), is_final: true },
                    }
                }
            }
        }
    };
    Finished { leased, outcome }
}

/// Whether an artifact is not the one that the job is about, as far as the stated digest says.
fn is_other(job: &Job, artifact: &Integrity) -> bool {
    Integrity::parse(&job.stated).is_ok_and(|stated| stated.contradicts(artifact))
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

fn occasion(leased: &Leased, context: &Context, begun: Instant) -> Occasion {
    Occasion {
        job: leased.job.key().0,
        stated: leased.job.stated.clone(),
        policy: leased.job.policy,
        exceptions: context.policy.digest(),
        tool: leased.job.tool.clone(),
        observed_at: now(),
        milliseconds: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}

fn after_error(error: &VerifyError, attempt: u32, retry: &RetrySettings) -> Outcome {
    let text = with_causes(error);
    match nature(error) {
        Nature::Final => Outcome::Failed { error: text, is_final: true },
        Nature::MayPass { asked } => match retry.wait_after(attempt, asked) {
            Some(wait) => Outcome::Retry { wait, error: text },
            None => Outcome::Failed { error: text, is_final: false },
        },
    }
}

/// The message with its causes; a cause that is repeated already is left out.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = error.source();
    }
    text
}
