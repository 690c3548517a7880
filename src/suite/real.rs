//! The same transformations of real packages: what the registry serves is changed and judged as a file at hand.

use std::path::Path;

use futures_util::StreamExt as _;

use super::archive::{ArchiveReadError, read_members, write_tarball};
use super::draft::{Draft, Member};
use super::judge::{Outcome, judge, judge_honest};
use super::report::Report;
use super::transformation::Transformation;
use crate::demo::TarballError;
use crate::package::Subject;
use crate::registry::RegistryError;
use crate::verify::{Context, Request, verify};

/// How many verifications are under way at once.
const CONCURRENT: usize = 4;

/// Why a real package cannot be transformed.
#[derive(Debug, thiserror::Error)]
pub enum RealError {
    /// The registry does not serve it.
    #[error("cannot fetch `{subject}`")]
    Registry {
        /// The release.
        subject: String,
        /// What failed.
        #[source]
        source: Box<RegistryError>,
    },
    /// Its archive cannot be taken apart.
    #[error("the archive of `{subject}`")]
    Archive {
        /// The release.
        subject: String,
        /// What failed.
        #[source]
        source: ArchiveReadError,
    },
    /// A transformed archive cannot be written.
    #[error(transparent)]
    Tarball(#[from] TarballError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] std::io::Error),
}

/// Applies every transformation of the archive to every release, and judges the results as files at hand.
///
/// What only a registry or a repository could say is left out, because both are real. Transformed archives lie in
/// `directory` while they are judged.
pub async fn run_real(
    context: &Context,
    subjects: &[Subject],
    transformations: &[Transformation],
    directory: &Path,
) -> Result<Report, RealError> {
    let (mut outcomes, mut honest) = (Vec::new(), Vec::new());
    for subject in subjects {
        let members = fetched(context, subject).await?;
        let (name, version) = (subject.name.to_string(), subject.version.as_ref().map(ToString::to_string));
        let version = version.unwrap_or_default();
        let result = verify(&Request { subject: Some(subject.clone()), ..Request::default() }, context).await;
        honest.push(judge_honest(&name, &version, &result));
        let draft = Draft::new(&name, &version, members);
        outcomes.extend(transformed(context, subject, &draft, transformations, directory).await?);
    }
    Ok(Report::new(transformations, &outcomes, honest))
}

async fn fetched(context: &Context, subject: &Subject) -> Result<Vec<Member>, RealError> {
    let failed = |source| RealError::Registry { subject: subject.to_string(), source: Box::new(source) };
    let metadata = context.registry.release(subject).await.map_err(failed)?;
    let artifact = context.registry.artifact(&metadata).await.map_err(failed)?;
    let tarball = std::fs::read(&artifact.path)?;
    read_members(&tarball).map_err(|source| RealError::Archive { subject: subject.to_string(), source })
}

async fn transformed(
    context: &Context,
    subject: &Subject,
    honest: &Draft,
    transformations: &[Transformation],
    directory: &Path,
) -> Result<Vec<Outcome>, RealError> {
    let outcomes: Vec<Result<Option<Outcome>, RealError>> = futures_util::stream::iter(transformations)
        .map(|transformation| async {
            let mut draft = honest.clone();
            let Some(planted) = (transformation.apply)(&mut draft) else { return Ok(None) };
            let path = directory.join(format!("{}-{}.tgz", honest.name.replace('/', "-"), transformation.id));
            std::fs::write(&path, write_tarball(&draft)?)?;
            let request =
                Request { subject: Some(subject.clone()), artifact: Some(path.clone()), ..Request::default() };
            let result = verify(&request, context).await;
            std::fs::remove_file(&path)?;
            Ok(Some(judge(transformation, &honest.name, &planted, &result)))
        })
        .buffered(CONCURRENT)
        .collect()
        .await;
    Ok(outcomes.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}
