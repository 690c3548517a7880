//! The variables of each phase.

use std::collections::BTreeMap;

use super::phases::Surroundings;
use super::{CLOCK, HOME, OUTPUT, SHIMS, TOOLCHAIN, programs};
use crate::rebuild::plan::{InstallMode, PackageManagerName, Plan};

/// The variables of one command.
pub(super) type Environment = BTreeMap<String, String>;

/// Which phase a command belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The registry view answers; scripts do not run; the time is the real one.
    Install,
    /// No network; the time is the plan's.
    Build,
}

/// The address of the registry view.
pub(super) fn registry(surroundings: &Surroundings<'_>) -> String {
    format!("http://127.0.0.1:{}/", surroundings.port)
}

/// The variables of a command that runs in `directory` (relative to the source tree).
pub(super) fn environment(plan: &Plan, surroundings: &Surroundings<'_>, phase: Phase, directory: &str) -> Environment {
    let mut all = Environment::new();
    let mut set = |name: &str, value: &str| {
        all.insert(name.to_owned(), value.to_owned());
    };
    set("PATH", &path(plan, directory));
    set("HOME", HOME);
    set("USER", "builder");
    set("LOGNAME", "builder");
    set("SHELL", "/bin/sh");
    set("TMPDIR", "/tmp");
    set("LANG", "C.UTF-8");
    set("LC_ALL", "C.UTF-8");
    set("TZ", "UTC");
    set("TERM", "dumb");
    set("CI", "true");
    set("NO_COLOR", "1");
    set("NO_UPDATE_NOTIFIER", "1");
    set("DISABLE_OPENCOLLECTIVE", "1");
    set("ADBLOCK", "1");
    set("TURBO_TELEMETRY_DISABLED", "1");
    set("DO_NOT_TRACK", "1");
    set("NX_DAEMON", "false");
    set("NX_NO_CLOUD", "true");
    set("NEXT_TELEMETRY_DISABLED", "1");
    set("COREPACK_ENABLE_STRICT", "0");
    set("COREPACK_ENABLE_NETWORK", "0");
    set("REBUILD_OUTPUT", OUTPUT);
    let registry = registry(surroundings);
    npm(&mut set, &registry, phase);
    match plan.manager().name {
        PackageManagerName::Npm => {}
        PackageManagerName::YarnClassic => {
            set("YARN_CACHE_FOLDER", &format!("{HOME}/.cache/yarn"));
            set("YARN_REGISTRY", &registry);
            set("YARN_DISABLE_SELF_UPDATE_CHECK", "true");
            set("YARN_IGNORE_PATH", "1");
        }
        PackageManagerName::YarnBerry => berry(&mut set, plan, surroundings, &registry, phase),
        PackageManagerName::Pnpm => pnpm(&mut set, &registry, phase),
        PackageManagerName::Bun => {
            set("BUN_CONFIG_REGISTRY", &registry);
            set("BUN_INSTALL_CACHE_DIR", &format!("{HOME}/.bun/cache"));
            set("BUN_INSTALL", &format!("{HOME}/.bun"));
        }
    }
    if phase == Phase::Build
        && let Some(clock) = plan.clock
    {
        set("SOURCE_DATE_EPOCH", &clock.to_string());
        if programs::ignores_node_options(&surroundings.node) {
            if surroundings.node.major() >= 4 {
                set("REBUILD_CLOCK", "1");
            }
        } else {
            // Node 8 does not know the form with `=`.
            set("NODE_OPTIONS", &format!("--require {CLOCK}"));
        }
    }
    all
}

/// Installed programs of the directory and all above it, the shims, Node, the system's.
fn path(plan: &Plan, directory: &str) -> String {
    let mut entries = Vec::new();
    let mut current = directory.trim_matches('/');
    if current == "." {
        current = "";
    }
    loop {
        entries.push(format!("{}/node_modules/.bin", super::phases::inside(plan, current)));
        if current.is_empty() {
            break;
        }
        current = current.rsplit_once('/').map_or("", |(parent, _)| parent);
    }
    entries.push(SHIMS.to_owned());
    entries.push(format!("{TOOLCHAIN}/node/bin"));
    entries.extend(["/usr/local/bin", "/usr/bin", "/bin"].map(str::to_owned));
    entries.join(":")
}

fn npm(set: &mut impl FnMut(&str, &str), registry: &str, phase: Phase) {
    set("npm_config_registry", registry);
    set("npm_config_cache", &format!("{HOME}/.npm"));
    set("npm_config_userconfig", &format!("{HOME}/.npmrc"));
    set("npm_config_globalconfig", &format!("{HOME}/.npmrc-global"));
    set("npm_config_prefix", &format!("{HOME}/.npm-global"));
    set("npm_config_audit", "false");
    set("npm_config_fund", "false");
    set("npm_config_update_notifier", "false");
    set("npm_config_progress", "false");
    set("npm_config_color", "false");
    set("npm_config_unsafe_perm", "true");
    set("npm_config_engine_strict", "false");
    match phase {
        Phase::Install => {
            set("npm_config_ignore_scripts", "true");
            set("npm_config_fetch_retries", "1");
            // Old versions take the address from the lockfile otherwise.
            set("npm_config_replace_registry_host", "always");
        }
        Phase::Build => set("npm_config_offline", "true"),
    }
}

fn pnpm(set: &mut impl FnMut(&str, &str), registry: &str, phase: Phase) {
    // pnpm reads npm's variables up to version 10, its own from 11 on.
    for prefix in ["npm_config", "pnpm_config"] {
        let mut set = |name: &str, value: &str| set(&format!("{prefix}_{name}"), value);
        set("registry", registry);
        set("store_dir", &format!("{HOME}/.pnpm-store"));
        set("cache_dir", &format!("{HOME}/.cache/pnpm"));
        set("state_dir", &format!("{HOME}/.local/state/pnpm"));
        set("manage_package_manager_versions", "false");
        set("package_manager_strict", "false");
        set("verify_deps_before_run", "false");
        set("update_notifier", "false");
        // The installation is bounded by the registry view, which knows no "too new".
        set("minimum_release_age", "0");
        if phase == Phase::Build {
            set("offline", "true");
        }
    }
    set("PNPM_HOME", &format!("{HOME}/.local/share/pnpm"));
}

fn berry(set: &mut impl FnMut(&str, &str), plan: &Plan, surroundings: &Surroundings<'_>, registry: &str, phase: Phase) {
    // An unknown setting in the environment is an error for yarn: only those of its version.
    let major = surroundings.manager.as_ref().map_or(4, nodejs_semver::Version::major);
    set("YARN_IGNORE_PATH", "1");
    set("YARN_NPM_REGISTRY_SERVER", registry.trim_end_matches('/'));
    set("YARN_UNSAFE_HTTP_WHITELIST", "127.0.0.1");
    set("YARN_ENABLE_GLOBAL_CACHE", "true");
    set("YARN_GLOBAL_FOLDER", &format!("{HOME}/.yarn/berry"));
    set("YARN_ENABLE_PROGRESS_BARS", "false");
    set("YARN_ENABLE_COLORS", "false");
    if major >= 3 {
        set("YARN_ENABLE_TELEMETRY", "false");
    }
    if major >= 4 {
        set("YARN_ENABLE_HARDENED_MODE", "false");
    }
    match phase {
        Phase::Install => {
            set("YARN_ENABLE_SCRIPTS", "false");
            let is_loose = plan.install.as_ref().is_some_and(|install| install.mode == InstallMode::Loose);
            set("YARN_ENABLE_IMMUTABLE_INSTALLS", if is_loose { "false" } else { "true" });
            set("YARN_CHECKSUM_BEHAVIOR", if is_loose { "update" } else { "throw" });
        }
        Phase::Build => set("YARN_ENABLE_NETWORK", "false"),
    }
}
