//! What all processes of a command together use, read from `/proc`.
//!
//! The kernel limits each process (or, with control groups, all of them); sums of memory, processor time and disk are
//! looked at every few milliseconds. What slips through in between is bounded by the limits of the processes.

use crate::outcome::Limit;
use rustix::fd::AsFd;
use std::fs;
use std::io;
use std::time::Duration;

/// Memory may look doubled for a moment, when a process has forked and not yet executed.
const TIMES_OVER_MEMORY: u32 = 3;
/// Bytes that must stay available on the machine, where no control group counts what processes do not map.
const LEFT_FOR_THE_MACHINE: u64 = 128 << 20;

/// Where the command must end.
pub(super) struct Bounds {
    pub(super) processor_time: Duration,
    pub(super) memory: u64,
    pub(super) processes: u32,
    /// Whether the kernel limits the sum of memory itself.
    pub(super) kernel_limits_memory: bool,
}

/// What is used at one moment.
#[derive(Debug, Default, Clone, Copy)]
struct Sample {
    processor_time: Duration,
    memory: u64,
    threads: u32,
}

pub(super) struct Watch {
    bounds: Bounds,
    ticks_per_second: u64,
    times_over_memory: u32,
    /// Processor time of those that were waited for before the command.
    before: Duration,
    pub(super) peak_memory: u64,
}

/// The writable file system: bytes used, and whether it is full.
pub(super) fn disk(work: impl AsFd) -> (u64, bool) {
    rustix::fs::fstatvfs(work).map_or((0, false), |state| {
        let used = state.f_blocks.saturating_sub(state.f_bfree).saturating_mul(state.f_frsize);
        (used, state.f_bfree == 0 || state.f_ffree == 0)
    })
}

/// Processor time of all that was waited for, by this process or one that it waited for.
pub(super) fn waited_for() -> Duration {
    let time = |value: nix::sys::time::TimeVal| {
        Duration::new(value.tv_sec().unsigned_abs(), value.tv_usec().unsigned_abs() as u32 * 1000)
    };
    nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_CHILDREN)
        .map_or(Duration::ZERO, |usage| time(usage.user_time()) + time(usage.system_time()))
}

/// Bytes of the largest single process that was waited for, however shortly it lived.
pub(super) fn largest_waited_for() -> u64 {
    nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_CHILDREN)
        .map_or(0, |usage| usage.max_rss().unsigned_abs() * 1024)
}

impl Watch {
    pub(super) fn new(bounds: Bounds) -> Self {
        let ticks_per_second = rustix::param::clock_ticks_per_second().max(1);
        Self { bounds, ticks_per_second, times_over_memory: 0, before: waited_for(), peak_memory: 0 }
    }

    /// Looks once; names the limit that was reached.
    pub(super) fn look(&mut self, work: impl AsFd) -> io::Result<Option<Limit>> {
        let sample = self.sample()?;
        let (disk, is_full) = disk(work);
        let memory = sample.memory + disk;
        self.peak_memory = self.peak_memory.max(memory);
        let is_over = memory > self.bounds.memory && !self.bounds.kernel_limits_memory;
        self.times_over_memory = if is_over { self.times_over_memory + 1 } else { 0 };
        let exhausts_machine = || !self.bounds.kernel_limits_memory && available() < LEFT_FOR_THE_MACHINE;
        Ok(if is_full {
            Some(Limit::Disk)
        } else if self.times_over_memory >= TIMES_OVER_MEMORY || exhausts_machine() {
            Some(Limit::Memory)
        } else if sample.threads >= self.bounds.processes {
            Some(Limit::Processes)
        } else if self.processor_time(&sample) >= self.bounds.processor_time {
            Some(Limit::ProcessorTime)
        } else {
            None
        })
    }

    /// Processor time since the command began, when nothing of it runs any more.
    pub(super) fn total_processor_time(&self) -> Duration {
        waited_for().saturating_sub(self.before)
    }

    fn processor_time(&self, sample: &Sample) -> Duration {
        self.total_processor_time() + sample.processor_time
    }

    /// Not being able to look is an error: nothing may run unwatched.
    fn sample(&self) -> io::Result<Sample> {
        let mut sum = Sample::default();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let process = name.to_string_lossy();
            if process == "1" || !process.bytes().all(|byte| byte.is_ascii_digit()) {
                continue;
            }
            // Those that end meanwhile count as nothing.
            if let Some(one) = self.one(&process)? {
                sum.processor_time += one.processor_time;
                sum.memory += one.memory;
                sum.threads += one.threads;
            }
        }
        Ok(sum)
    }

    fn one(&self, process: &str) -> io::Result<Option<Sample>> {
        let Some(status) = read(process, "status")? else { return Ok(None) };
        let number = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.split_whitespace().next()?.parse().ok()).unwrap_or(0)
        };
        let Some(stat) = read(process, "stat")? else { return Ok(None) };
        // The name before it is the process's own choice, and may hold anything.
        let (_, rest) = stat.rsplit_once(')').unwrap_or_default();
        // User, system, and the same of children that were waited for: fields 14 to 17 of proc_pid_stat(5).
        let ticks: u64 = rest.split_whitespace().skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Some(Sample {
            processor_time: Duration::from_millis(ticks * 1000 / self.ticks_per_second),
            memory: (number("RssAnon:") + number("RssShmem:")) * 1024,
            threads: number("Threads:") as u32,
        }))
    }
}

/// One of a process's files; nothing if the process has ended. Its name in there may be no text.
fn read(process: &str, file: &str) -> io::Result<Option<String>> {
    match fs::read(format!("/proc/{process}/{file}")) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH) => Ok(None),
        Err(error) => Err(error),
    }
}

fn available() -> u64 {
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kilobytes = line.and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.map_or(u64::MAX, |kilobytes| kilobytes * 1024)
}
