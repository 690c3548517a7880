//! The whole flow: from a subject to a verdict.
//!
//! Every way of using the program calls [`verify`]. Each line of it is one stage, each stage has its own
//! module, and no stage reaches back.

mod request;
mod stages;
mod verification;

pub use request::{Context, Processors, Progress, RebuildSettings, Request, Shown};
pub use stages::{Claim, VerifyError};
pub use verification::{ArtifactSummary, Baseline, SourceSummary, Verification};

/// Verifies one artifact against its source.
///
/// An error means that something on our side, or the registry, failed. What is true of the artifact is a
/// finding of the result; what could not be established is an inconclusive verdict.
pub async fn verify(request: &Request, context: &Context) -> Result<Verification, VerifyError> {
    match attempt(request, context).await {
        Err(VerifyError::DamagedCache { .. }) => {
            stages::refetch(request, context).await?;
            attempt(request, context).await
        }
        outcome => outcome,
    }
}

async fn attempt(request: &Request, context: &Context) -> Result<Verification, VerifyError> {
    let mut claim = stages::resolve(request, context).await?;
    let (artifact, source, signed) = tokio::join!(
        stages::fetch(&claim, context),
        stages::discover(&claim, context),
        stages::signed(&claim, context)
    );
    claim.publisher = signed;
    let mut source = stages::discover_proven(source?, &claim, context).await?;
    let (artifact, request, context) = (artifact?, request.clone(), context.clone());
    stages::blocking(move || {
        let mut contents = match stages::read(&artifact, &source, &claim, &context)? {
            Ok(contents) => contents,
            Err(unreadable) => return stages::conclude_unread(&claim, &artifact, &source, &unreadable),
        };
        let matched = stages::match_source(&mut source, &contents, &claim)?;
        let matched = stages::settle_repository(matched, &mut source, &contents, &claim, &context);
        let mut compared = stages::compare_with(&matched, &source, &contents, &artifact, &claim, &context);
        stages::rebuild(&matched, &mut source, &contents, &mut compared, &artifact, &claim, &context);
        stages::find_output(&matched, &source, &mut compared);
        let aside = std::mem::take(&mut contents.aside);
        let mut examined = stages::examine(&source, &contents, aside, &compared, &artifact, &context);
        let earlier = stages::earlier(&claim, &mut compared, &examined, &request, &context)?;
        let findings = stages::judge_all(
            &matched,
            &source,
            &contents,
            &compared,
            &examined,
            earlier.as_ref(),
            &artifact,
            &claim,
            &context,
        );
        let read = std::mem::take(&mut examined.held);
        stages::show(&matched, &source, &contents, &mut compared, &findings, read, &artifact, &claim, &context);
        Ok(stages::conclude(&claim, &artifact, source, &contents, matched, compared, findings))
    })
    .await
}
