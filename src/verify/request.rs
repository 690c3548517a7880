use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use tarproof_sandbox::Sandbox;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::artifact::ArtifactLimits;
use crate::compare::DiffDepth;
use crate::package::{Release, Subject, Version};
use crate::policy::Policy;
use crate::provenance::Trust;
use crate::rebuild::Plan;
use crate::rebuild::run::{RebuildLimits, Stage};
use crate::registry::NpmRegistry;
use crate::source::RepositoryLocation;
use crate::source::git::GitOptions;
use crate::stabilize::javascript::{PARSER_THREAD, STACK_SIZE, keeping_arena, mark_large_stack};
use crate::yara::YaraRules;

/// One thing to verify, and what the user overrides.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The release; without it the artifact's own manifest names it and no registry is asked.
    pub subject: Option<Subject>,
    /// A file at hand that is judged instead of what the registry serves.
    pub artifact: Option<PathBuf>,
    /// Where the source is, whatever the metadata says.
    pub repository: Option<RepositoryLocation>,
    /// The commit, whatever the evidence says.
    pub revision: Option<String>,
    /// The package's directory in the repository, whatever the metadata says.
    pub directory: Option<String>,
    /// Which differences are written out.
    pub shown: Shown,
    /// The earlier release that unexplained content is compared with; unless stated, the highest lower one that had been there
    /// for a month.
    pub since: Option<Version>,
    /// Whether the ledger states the SHA-256 of every file that is not the commit's own.
    pub digests: bool,
}

/// Which differences a verification writes out line by line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Shown {
    /// What matters most of the unexplained files that are most urgent.
    #[default]
    Excerpts,
    /// More of them, for reports that have room.
    Pages,
    /// Every unexplained file, whole.
    Unexplained,
    /// One file, explained or not, whole.
    File(String),
    /// What matters most of one unexplained file's difference, and where the repository had all of its lines.
    Origins(String),
}

impl Shown {
    /// How much of each difference is kept.
    pub(in crate::verify) fn depth(&self) -> DiffDepth {
        match self {
            Self::Excerpts | Self::Origins(_) => DiffDepth::EXCERPT,
            Self::Pages => DiffDepth::PAGE,
            Self::Unexplained | Self::File(_) => DiffDepth::WHOLE,
        }
    }

    /// Whether it is for a report, which shows what matters, and not for a patch, which holds everything in its order.
    pub(in crate::verify) fn is_report(&self) -> bool {
        matches!(self, Self::Excerpts | Self::Pages | Self::Origins(_))
    }
}

/// What every verification of a run shares; cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    /// The npm registry.
    pub registry: NpmRegistry,
    /// What signatures of registries and publishers are held against.
    pub trust: Trust,
    /// How repositories are reached.
    pub git: GitOptions,
    /// Bounds on artifacts.
    pub limits: ArtifactLimits,
    /// Whether and how packages are rebuilt.
    pub rebuild: RebuildSettings,
    /// What the user excepts.
    pub policy: Arc<Policy>,
    /// Rules that unexplained files are held against.
    pub yara: Option<YaraRules>,
    /// The machine's processors, so that artifacts are read with a second thread only where one is idle.
    pub processors: Processors,
    /// Who is told where long work stands.
    pub progress: Progress,
}

/// The processors of this machine that artifacts are read on.
#[derive(Debug, Clone)]
pub struct Processors(Arc<Semaphore>);

impl Default for Processors {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(processors())))
    }
}

impl Processors {
    /// Does the same to every item, on this thread and on as many more as processors are idle; results in their order.
    ///
    /// For work on JavaScript: each thread has the stack that parsing needs. Items that take long are best at the front.
    pub(in crate::verify) fn each<T: Sync, R: Send>(&self, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
        let _own = self.try_take(1);
        let others: Vec<_> =
            std::iter::from_fn(|| self.try_take(1)).take(items.len().saturating_sub(1).min(7)).collect();
        let next = AtomicUsize::new(0);
        let run = || {
            let next = || Some(next.fetch_add(1, Ordering::Relaxed));
            let items = std::iter::from_fn(next).map_while(|index| Some((index, items.get(index)?)));
            keeping_arena(|| items.map(|(index, item)| (index, work(item))).collect::<Vec<_>>())
        };
        let mut done = std::thread::scope(|scope| {
            let with_large_stack = || {
                mark_large_stack();
                run()
            };
            let start = |_| {
                let builder = std::thread::Builder::new().name(PARSER_THREAD.to_owned()).stack_size(STACK_SIZE);
                // Without another thread this one does all.
                builder.spawn_scoped(scope, with_large_stack).ok()
            };
            let threads: Vec<_> = others.iter().filter_map(start).collect();
            let mut done = run();
            for thread in threads {
                match thread.join() {
                    Ok(more) => done.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            done
        });
        done.sort_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, result)| result).collect()
    }

    /// Marks `count` processors as busy until the answer is dropped; `None` where fewer are idle.
    pub(in crate::verify) fn try_take(&self, count: u32) -> Option<SemaphorePermit<'_>> {
        self.0.try_acquire_many(count).ok()
    }
}

/// How many processors this process may use; asked once, because the answer takes a walk through the cgroups.
fn processors() -> usize {
    static COUNT: LazyLock<usize> =
        LazyLock::new(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
    *COUNT
}

/// Whether and how packages are rebuilt.
#[derive(Debug, Clone)]
pub struct RebuildSettings {
    /// Whether anything fetched may be run, in the sandbox.
    pub allowed: bool,
    /// Whether packages are rebuilt that the commit explains already.
    pub always: bool,
    /// What one rebuild may use.
    pub limits: RebuildLimits,
    /// Most bytes that the cache keeps of what rebuilds leave.
    pub records: u64,
    /// A directory of plans for awkward packages.
    pub definitions: Option<PathBuf>,
    /// The plans to run instead of inferred ones.
    pub plans: Option<Vec<Plan>>,
    /// How many rebuilds run at a time.
    pub turns: Arc<Semaphore>,
    /// How sandboxes are started.
    pub sandbox: Sandbox,
}

impl Default for RebuildSettings {
    fn default() -> Self {
        Self {
            allowed: true,
            always: false,
            limits: RebuildLimits::default(),
            records: 5 << 30,
            definitions: None,
            plans: None,
            turns: Arc::new(Semaphore::new((processors() / 2).max(1))),
            sandbox: Sandbox::default(),
        }
    }
}

type Listener = dyn Fn(&Release, Stage) + Send + Sync;

/// Who is told where long work stands.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<Listener>>);

impl Progress {
    /// Tells `listener`.
    pub fn new(listener: impl Fn(&Release, Stage) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listener)))
    }

    pub(in crate::verify) fn tell(&self, release: &Release, stage: Stage) {
        if let Some(listener) = &self.0 {
            listener(release, stage);
        }
    }
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Progress").field(&self.0.is_some()).finish()
    }
}
