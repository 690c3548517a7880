//! One try of one plan: the commit into a sandbox, install through the registry view, build, pack, take the archive out.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nodejs_semver::Version;
use tarproof_sandbox::{
    Command as SandboxCommand, EntryKind, Environment, Limits, Mount, NetworkPolicy, Outcome, Policy, RunLimits,
    Sandbox, SandboxError, Session, Status, WalkLimits,
};
use tokio::runtime::Handle;

use super::elsewhere;
use super::export::{checked_out, export};
use super::log::Log;
use super::native;
use super::programs::Programs;
use super::record::{Attempt, AttemptResult, RanCommand, Requests, used_tools};
use super::symptoms::{ran_out_of_memory, shown, status, wants_network};
use super::{Failure, FailureKind, RebuildLimits, Stage};
use crate::package::{CommitId, Release};
use crate::rebuild::Plan;
use crate::rebuild::commands::{Command, HOME, OUTPUT, Phases, Surroundings, TOOLCHAIN, phases, shell_phases};
use crate::rebuild::lockfile::Closure;
use crate::rebuild::plan::{Install, InstallMode, Pack, PackageManagerName, place};
use crate::rebuild::toolchain::{Tool, Toolchain};
use crate::rebuild::view::{ClosureMode, Refusal, RegistryView};
use crate::registry::NpmRegistry;
use crate::source::git::SourceRepository;
use crate::source::tree::CommitTree;

/// The registry view's port inside.
const PORT: u16 = 4873;
/// What every sandbox shows of the system, where it is there.
const SYSTEM: [&str; 7] = ["/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives", "/etc/ssl/certs"];
/// Largest lockfile that is read, and largest file that is edited, bytes.
const TEXT_SIZE: usize = 64 << 20;
/// Most files of the commit that may name packages.
const NAMING_FILES: usize = 20_000;

/// What a try needs besides its plan.
pub(super) struct Workplace<'a> {
    pub(super) release: &'a Release,
    pub(super) source: &'a SourceRepository,
    pub(super) commit: &'a CommitId,
    pub(super) toolchain: Option<&'a Toolchain>,
    pub(super) registry: &'a NpmRegistry,
    pub(super) limits: &'a RebuildLimits,
    pub(super) sandbox: &'a Sandbox,
    pub(super) deadline: Instant,
    pub(super) handle: &'a Handle,
    /// Where the log and the archive go.
    pub(super) directory: PathBuf,
    pub(super) stage: &'a dyn Fn(Stage),
}

/// Tries `plan`; the archive that came out lies in a file of the cache.
pub(super) fn attempt(plan: &Plan, place: &Workplace<'_>) -> (Attempt, Result<PathBuf, Failure>) {
    let unfinished = Failure::new(FailureKind::BuildFailed, "it did not end");
    let mut attempt = Attempt::new(plan, used_tools(place.toolchain), &unfinished);
    let started = Instant::now();
    let mut log = Log::create(place.directory.join("build.log"));
    attempt.log = log.path();
    let result = run(plan, place, &mut attempt, &mut log);
    attempt.milliseconds = started.elapsed().as_millis() as u64;
    if let Err(failure) = &result {
        attempt.result = AttemptResult::failed(failure);
    }
    (attempt, result)
}

fn run(plan: &Plan, place: &Workplace<'_>, attempt: &mut Attempt, log: &mut Log) -> Result<PathBuf, Failure> {
    let tree = CommitTree::of_commit(place.source, place.commit)
        .ok_or_else(|| Failure::new(FailureKind::BuildFailed, "the commit's tree is not at hand"))?;
    let read = |path: &str| {
        let content = tree.read_file(path).filter(|content| content.len() <= TEXT_SIZE)?;
        String::from_utf8(content).ok()
    };
    let phases = phases_of(plan, place, &read)?;
    let programs = Programs::prepare(&phases, place.toolchain, &place.directory)?;
    // Whatever keeps it from starting, nothing was run.
    let mut session = Session::start(place.sandbox, &policy(place, &programs, !phases.install.is_empty())?)
        .map_err(|error| Failure { kind: FailureKind::NoSandbox, ..Failure::from(error) })?;
    attempt.enforced = session.enforced().iter().map(ToString::to_string).collect();
    (place.stage)(Stage::Fetch);
    attempt.missing = export(place.source, place.commit, plan, &mut session)?;
    for file in phases.files.iter().filter(|file| !file.path.starts_with(TOOLCHAIN)) {
        session.put(Path::new(&file.path), file.mode, &mut file.content.as_bytes())?;
    }
    for edit in &phases.edits {
        let content = checked_out(&edit.file, edit.after.as_bytes().into(), plan.crlf);
        session.put(&inside(plan, &edit.file), 0o644, &mut content.as_ref())?;
    }
    let mut runner = Runner { session, place, attempt, log };
    runner.directories(&phases)?;
    (place.stage)(Stage::Install);
    runner.install(plan, &phases, &tree, &read)?;
    for edit in &phases.edits {
        if let Some(before) = &edit.restore {
            let content = checked_out(&edit.file, before.as_bytes().into(), plan.crlf);
            runner.session.put(&inside(plan, &edit.file), 0o644, &mut content.as_ref())?;
        }
    }
    (place.stage)(Stage::Build);
    let built = runner.build(&phases, plan.if_broken);
    let elsewhere = elsewhere::plan(&runner.session, plan, place.release, &read).filter(|_| plan.is_inferred());
    let (plan, phases) = match &elsewhere {
        Some(other) => {
            runner.attempt.plan.clone_from(other);
            (other, phases_of(other, place, &read)?)
        }
        None => (plan, phases),
    };
    let failure = match built.and_then(|()| runner.pack(plan, &phases)) {
        Ok(archive) => return Ok(archive),
        Err(failure) => failure,
    };
    let failure = match phases.left_out.iter().find(|name| runner.log.tail().contains(name.as_str())) {
        Some(name) => {
            let detail = format!("`{name}` is not in the registry; {}", failure.detail);
            Failure::new(FailureKind::NetworkNeeded, detail)
        }
        None => failure,
    };
    if runner.is_stopped() {
        return Err(failure);
    }
    // What was made until then proves itself where it is the published file; the failure says why the rest is missing.
    let without_scripts = Plan { pack: Pack { scripts: false, ..plan.pack.clone() }, ..plan.clone() };
    let packed = phases_of(&without_scripts, place, &read).and_then(|phases| runner.pack(&without_scripts, &phases));
    if packed.is_ok() {
        runner.attempt.broken = Some(failure.clone());
    }
    packed.map_err(|_| failure)
}

/// The command lines of a plan, with the programs that it names or without any.
fn phases_of(plan: &Plan, place: &Workplace<'_>, read: &dyn Fn(&str) -> Option<String>) -> Result<Phases, Failure> {
    let phases = match place.toolchain {
        Some(toolchain) => phases(plan, &surroundings(plan, toolchain, read)?),
        None => shell_phases(plan, read),
    };
    phases.map_err(|error| Failure::new(FailureKind::NoPlan, error.to_string()))
}

fn inside(plan: &Plan, file: &str) -> PathBuf {
    Path::new(&plan.source_directory()).join(file.trim_start_matches("./"))
}

fn surroundings<'a>(
    plan: &Plan,
    toolchain: &Toolchain,
    read: &'a dyn Fn(&str) -> Option<String>,
) -> Result<Surroundings<'a>, Failure> {
    let version = |tool: &Tool| {
        Version::parse(tool.version.as_str())
            .map_err(|error| Failure::new(FailureKind::ToolchainUnavailable, format!("{}: {error}", tool.name)))
    };
    let manager = match &toolchain.package_manager {
        Some(tool) => Some(version(tool)?),
        // A program of the commit has the version that its path or the manifest says.
        None => plan.manager().version.as_ref().and_then(|request| Version::parse(&request.version).ok()),
    };
    Ok(Surroundings {
        port: PORT,
        node: version(&toolchain.node)?,
        npm: version(&toolchain.npm)?,
        manager: manager.filter(|_| plan.manager().name != PackageManagerName::Npm),
        read,
    })
}

fn policy(place: &Workplace<'_>, programs: &Programs, installs: bool) -> Result<Policy, Failure> {
    let unusable = |error: tarproof_sandbox::MountError| Failure::new(FailureKind::NoSandbox, error.to_string());
    let mut mounts = Vec::new();
    for path in SYSTEM.into_iter().filter(|path| std::fs::symlink_metadata(path).is_ok()) {
        mounts.push(Mount::same(path).map_err(unusable)?);
    }
    mounts.extend(programs.mounts.iter().cloned());
    debug_assert!(programs.directory.path().is_dir(), "it must outlive the session");
    Ok(Policy {
        mounts,
        network: if installs { NetworkPolicy::OneListener { port: PORT } } else { NetworkPolicy::None },
        limits: Limits { memory: place.limits.memory, processes: place.limits.processes, disk: place.limits.disk },
    })
}

struct Runner<'r, 'p> {
    session: Session,
    place: &'r Workplace<'p>,
    attempt: &'r mut Attempt,
    log: &'r mut Log,
}

impl Runner<'_, '_> {
    /// Makes the directories that have to exist.
    fn directories(&mut self, phases: &Phases) -> Result<(), Failure> {
        let mut program = vec!["/bin/mkdir".to_owned(), "-p".to_owned()];
        program.extend(phases.directories.iter().cloned());
        let environment = [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into();
        let command = Command { directory: HOME.to_owned(), program, environment, may_fail: false };
        let outcome = self.run(&command)?;
        if outcome.succeeded() {
            Ok(())
        } else {
            Err(Failure::new(FailureKind::NoSandbox, "nothing can be written in the sandbox"))
        }
    }

    /// Installs with the registry view at hand, and takes the view away again.
    fn install(
        &mut self,
        plan: &Plan,
        phases: &Phases,
        tree: &CommitTree<'_>,
        read: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), Failure> {
        let Some(installation) = &plan.install else { return Ok(()) };
        let listener = self.session.take_listener();
        let listener = listener.ok_or_else(|| Failure::new(FailureKind::NoSandbox, "the sandbox gave no listener"))?;
        let closure = closure(plan, installation, read)?;
        let unfetchable: Vec<String> =
            closure.iter().flat_map(Closure::unfetchable).map(|one| one.name.clone()).collect();
        let mode = match installation.mode {
            InstallMode::Frozen => ClosureMode::Exact,
            InstallMode::Loose => ClosureMode::NamesOpen,
        };
        let view = RegistryView::new(self.place.registry.clone(), installation.cutoff, closure)
            .mode(mode)
            .without(self.place.release.clone())
            .named_by(naming(tree, plan));
        let entered = self.place.handle.enter();
        let served = view.serve(listener);
        drop(entered);
        let served = served
            .map_err(|error| Failure::new(FailureKind::NoSandbox, format!("the view cannot be served: {error}")))?;
        let kind =
            if installation.lockfile.is_none() { FailureKind::LockfileMissing } else { FailureKind::InstallFailed };
        let mut result = Ok(());
        for command in &phases.install {
            result = self.expect("install", command, kind);
            if result.is_err() {
                break;
            }
        }
        let requests = self.place.handle.block_on(served.stop());
        self.log.heading("registry requests");
        for request in &requests.requests {
            let refusal = request.refusal.as_ref().map(|refusal| format!(" {refusal}")).unwrap_or_default();
            let digest = request.sha256.map(|digest| format!(" {digest}")).unwrap_or_default();
            let line = format!(
                "{} {} {} {}{digest}{refusal}\n",
                request.status, request.method, request.target, request.bytes
            );
            self.log.output(line.as_bytes());
        }
        if requests.not_listed > 0 {
            self.log.output(format!("and {} requests that were refused unread\n", requests.not_listed).as_bytes());
        }
        self.attempt.requests = Requests::of(&requests);
        if let (Err(_), Some(contradiction)) = (&result, self.attempt.requests.contradicted.first()) {
            let detail = format!("the registry serves other content than the lockfile states for {contradiction}");
            return Err(Failure::new(FailureKind::InstallFailed, detail));
        }
        let absent = requests.requests.iter().find(|request| request.refusal == Some(Refusal::Unknown));
        result.map_err(|failure| match (absent, unfetchable.first()) {
            (Some(absent), _) if failure.kind == FailureKind::InstallFailed => {
                let detail = format!("the registry does not have `{}`; {}", absent.target, failure.detail);
                Failure::new(FailureKind::InstallFailed, detail)
            }
            (None, Some(name)) if failure.kind == FailureKind::InstallFailed => {
                let detail = format!("the lockfile names `{name}`, which is not in the registry; {}", failure.detail);
                Failure::new(FailureKind::NetworkNeeded, detail)
            }
            _ => failure,
        })
    }

    /// Runs the steps up to one that fails, or with `past_failures` all of them; the first failure is told.
    fn build(&mut self, phases: &Phases, past_failures: bool) -> Result<(), Failure> {
        let mut built = Ok(());
        for command in &phases.build {
            built = built.and(self.expect("build", command, FailureKind::BuildFailed));
            if built.is_err() && (!past_failures || self.is_stopped()) {
                break;
            }
        }
        built
    }

    /// Whether a limit ended the last command, and with it the sandbox.
    fn is_stopped(&self) -> bool {
        self.attempt.commands.last().is_some_and(|command| command.status.starts_with("limit "))
    }

    /// Runs a command that has to succeed, unless the plan lets it fail.
    fn expect(&mut self, phase: &'static str, command: &Command, kind: FailureKind) -> Result<(), Failure> {
        self.log.heading(&format!("{phase}: {}  (in {})", command.program.join(" "), command.directory));
        let outcome = self.run(command)?;
        self.attempt.commands.push(RanCommand {
            phase,
            directory: command.directory.clone(),
            program: command.program.clone(),
            status: status(outcome.status),
            milliseconds: outcome.usage.wall_time.as_millis() as u64,
            processor_milliseconds: outcome.usage.processor_time.as_millis() as u64,
        });
        self.attempt.peak_memory = self.attempt.peak_memory.max(outcome.usage.peak_memory);
        self.log.heading_after(&status(outcome.status));
        let short = shown(command);
        match outcome.status {
            Status::Exited(0) => Ok(()),
            Status::LimitReached(limit) => {
                Err(Failure::new(FailureKind::BuildLimit, format!("`{short}` reached the limit on {limit}")))
            }
            _ if command.may_fail => Ok(()),
            failed if ran_out_of_memory(failed, &self.log.tail()) => {
                let detail = format!("`{short}` ended with {}: it found no more memory", status(failed));
                Err(Failure::new(FailureKind::BuildLimit, detail))
            }
            failed => {
                // Packing runs scripts of the build, too; only an installation has somebody to ask.
                let wanted = Some(()).filter(|()| phase != "install").and_then(|()| self.log.line_that(wants_network));
                let kind = if wanted.is_some() { FailureKind::NetworkNeeded } else { kind };
                let line = wanted.or_else(|| self.log.telling_line());
                let line = line.map(|line| format!(": {line}")).unwrap_or_default();
                Err(Failure::new(kind, format!("`{short}` ended with {}{line}", status(failed))))
            }
        }
    }

    fn run(&mut self, command: &Command) -> Result<Outcome, Failure> {
        let remaining = self.place.deadline.saturating_duration_since(Instant::now());
        if remaining.is_zero() {
            return Err(Failure::new(FailureKind::BuildLimit, "the time for the rebuild is over"));
        }
        let Some((program, arguments)) = command.program.split_first() else {
            return Err(Failure::new(FailureKind::NoPlan, "a command is empty"));
        };
        let environment = command.environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let command = SandboxCommand {
            program: program.into(),
            arguments: arguments.iter().map(Into::into).collect(),
            environment: Environment(environment),
            working_directory: command.directory.clone().into(),
            limits: RunLimits {
                wall_time: remaining,
                processor_time: remaining.saturating_mul(self.place.limits.processors).max(Duration::from_secs(1)),
                output: self.place.limits.output,
                file_size: self.place.limits.disk,
            },
        };
        let log = &mut *self.log;
        self.session.run(&command, &mut |bytes| log.output(bytes)).map_err(|error| {
            let failure = Failure::from(error);
            Failure { detail: format!("{} (in `{}`)", failure.detail, command.working_directory.display()), ..failure }
        })
    }

    /// What our own packer makes of the work area.
    fn pack_natively(&mut self, plan: &Plan) -> Result<PathBuf, Failure> {
        self.log.heading("pack: by npm's rules, outside");
        let path = self.place.directory.join("candidate.tgz");
        native::pack(&self.session, plan, &path, self.place.limits.archive)?;
        Ok(path)
    }

    /// Packs with the plan's packer, and takes the archive out.
    fn pack(&mut self, plan: &Plan, phases: &Phases) -> Result<PathBuf, Failure> {
        match &phases.pack {
            Some(command) => {
                self.expect("pack", command, FailureKind::BuildFailed).map_err(|failure| {
                    // A limit has ended the session; nothing more can be seen there.
                    let is_over = failure.kind == FailureKind::BuildLimit;
                    native::too_large(&self.session, plan).filter(|_| !is_over).unwrap_or(failure)
                })?;
                self.take_archive()
            }
            None => self.pack_natively(plan),
        }
    }

    /// The one archive in the output directory, copied out of the sandbox.
    fn take_archive(&mut self) -> Result<PathBuf, Failure> {
        let nothing = |detail: &str| Failure::new(FailureKind::NothingProduced, detail);
        let walked = self.session.walk(Path::new(OUTPUT), WalkLimits { entries: 64, depth: 2 });
        let entries = walked.map_err(|error| match error {
            SandboxError::TooLarge { .. } => nothing("packing left more than an archive"),
            error => error.into(),
        })?;
        let mut archives = entries.iter().filter(|entry| entry.path.extension().is_some_and(|end| end == "tgz"));
        let archive = archives.next().ok_or_else(|| nothing("packing left no archive"))?;
        if archives.next().is_some() {
            return Err(nothing("packing left more than one archive"));
        }
        if archive.kind != EntryKind::File {
            return Err(nothing(&format!("the archive is {}, not a file", archive.kind)));
        }
        let mut from = self.session.open_file(&Path::new(OUTPUT).join(&archive.path))?;
        let path = self.place.directory.join("candidate.tgz");
        let mut copy = || -> io::Result<()> {
            std::fs::create_dir_all(&self.place.directory)?;
            let limited = io::Read::take(&mut from, self.place.limits.archive);
            io::copy(&mut { limited }, &mut File::create(&path)?)?;
            Ok(())
        };
        copy().map_err(|error| nothing(&format!("the archive cannot be copied: {error}")))?;
        Ok(path)
    }
}

/// What the lockfile names. One that cannot be read opens nothing that it was to close.
///
/// A lockfile that the plan sets aside still says which releases its author had.
fn closure(
    plan: &Plan,
    installation: &Install,
    read: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Closure>, Failure> {
    let is_lockfile =
        |path: &&String| Closure::is_lockfile(path) && directory_of(path) == place(&installation.directory);
    let set_aside = || plan.remove.iter().find(is_lockfile);
    let Some(path) = installation.lockfile.as_ref().or_else(set_aside) else { return Ok(None) };
    let name = path.rsplit('/').next().unwrap_or(path);
    let closure = read(path)
        .ok_or_else(|| "it is not at hand, or no text".to_owned())
        .and_then(|content| Closure::read(name, content.as_bytes()).map_err(|error| error.to_string()));
    match (closure, installation.mode) {
        (Ok(closure), _) => Ok(Some(closure)),
        (Err(_), InstallMode::Loose) => Ok(None),
        (Err(reason), InstallMode::Frozen) => {
            Err(Failure::new(FailureKind::InstallFailed, format!("the lockfile `{path}` cannot be read: {reason}")))
        }
    }
}

/// The texts of the commit that may name packages: manifests, lockfiles, and the settings beside them.
fn naming(tree: &CommitTree<'_>, plan: &Plan) -> Vec<String> {
    let lockfile = plan.install.as_ref().and_then(|install| install.lockfile.as_deref());
    let mut paths = Vec::new();
    tree.for_each_file(|path, _| {
        let name = path.rsplit('/').next().unwrap_or(path);
        let names = matches!(name, "package.json" | "pnpm-workspace.yaml" | ".yarnrc.yml" | "lerna.json");
        if names || Closure::is_lockfile(path) || lockfile == Some(path) {
            paths.push(path.to_owned());
        }
        paths.len() < NAMING_FILES
    });
    let mut left = TEXT_SIZE;
    let texts = paths.iter().filter_map(|path| {
        let content = tree.read_file(path).filter(|content| content.len() <= left)?;
        left -= content.len();
        Some(String::from_utf8_lossy(&content).into_owned())
    });
    texts.collect()
}

fn directory_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| place(directory))
}
