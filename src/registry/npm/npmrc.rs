//! Where packages come from and with which credentials, found as npm finds it.
//!
//! Precedence, highest first: `npm_config_*` variables, the project's `.npmrc`, the user's, the global one.
//! npm's built-in configuration file is not read, nor are client certificates (`certfile`, `keyfile`).

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use deno_npmrc::{NPM_DEFAULT_REGISTRY, NpmRc, NpmRegistryUrl, RegistryConfig, ReplaceRegistryHost, ResolvedNpmRc};
use reqwest::header::HeaderValue;
use url::Url;

use super::settings::Settings;
use crate::package::{PackageName, Version};
use crate::registry::Environment;
use crate::registry::http::{ProxySettings, TrustSettings};
use crate::registry::redacted::take_userinfo;

/// Why the npm configuration cannot be used. Values are not shown, they may be credentials.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// A file that exists cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file is not in npm's format.
    #[error("`{}` is not in the format of an npmrc file", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
    },
    /// A registry address is none.
    #[error("the configured registry address of {} is not an http(s) address", whose(scope.as_deref()))]
    Registry {
        /// The scope it is configured for, or none for the default one.
        scope: Option<String>,
    },
    /// Credentials with characters that no header can carry.
    #[error("the credentials for `{host}` hold characters that cannot be sent")]
    Credentials {
        /// The host they are for.
        host: String,
    },
}

fn whose(scope: Option<&str>) -> String {
    scope.map_or_else(|| "npm".to_owned(), |scope| format!("the scope `@{}`", scope.escape_debug()))
}

/// The npm configuration in force.
#[derive(Clone)]
pub(super) struct NpmConfiguration {
    resolved: ResolvedNpmRc,
    pub(super) proxies: ProxySettings,
    pub(super) trust: TrustSettings,
}

impl fmt::Debug for NpmConfiguration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The resolved form holds tokens and passwords.
        formatter
            .debug_struct("NpmConfiguration")
            .field("proxies", &self.proxies)
            .field("trust", &self.trust)
            .finish_non_exhaustive()
    }
}

impl NpmConfiguration {
    /// Reads the configuration files and `environment`.
    pub(super) fn load(working_directory: &Path, environment: &Environment) -> Result<Self, ConfigurationError> {
        let mut layers = Layers { environment, merged: NpmRc::default(), settings: Settings::default() };
        let variables = npm_variables(environment);
        let variable = |name: &str| variables.iter().rev().find(|(key, _)| key == name).map(|(_, value)| *value);

        let home = environment.path("HOME").or_else(|| environment.path("USERPROFILE"));
        let user_file = variable("userconfig")
            .map(|path| expand_home(path, home.as_deref()))
            .or_else(|| home.as_ref().map(|home| home.join(".npmrc")));
        let project_file = project_directory(working_directory).join(".npmrc");
        let user = user_file.as_deref().map(read).transpose()?.flatten();
        // The user's file may say where the global one is, which it then overrides.
        let mut early = Settings::default();
        if let Some(text) = &user {
            early.add_file(text, environment);
        }
        let global_file = variable("globalconfig").map(|path| expand_home(path, home.as_deref())).or_else(|| {
            variable("prefix")
                .or_else(|| early.get("prefix"))
                .map(|path| expand_home(path, home.as_deref()))
                .or_else(|| environment.path("PREFIX"))
                .or_else(|| node_prefix(environment))
                .map(|prefix| prefix.join("etc").join("npmrc"))
        });

        if let Some(path) = &global_file
            && let Some(text) = read(path)?
        {
            layers.add_file(path, &text)?;
        }
        if let (Some(path), Some(text)) = (&user_file, &user) {
            layers.add_file(path, text)?;
        }
        if user_file.as_ref() != Some(&project_file)
            && let Some(text) = read(&project_file)?
        {
            layers.add_file(&project_file, &text)?;
        }
        for (key, value) in &variables {
            layers.add_variable(key, value);
        }
        layers.finish(home.as_deref(), working_directory)
    }

    /// The registry that serves `name`; ends with a slash and carries no userinfo.
    pub(super) fn registry(&self, name: &PackageName) -> &Url {
        self.resolved.get_registry_url(name.as_str())
    }

    /// The address of the packument of `name`.
    pub(super) fn packument_url(&self, name: &PackageName) -> Url {
        let mut url = self.registry(name).clone();
        // A validated name needs no other escape; the scope's slash must not read as a path separator.
        let path = format!("{}{}", url.path(), name.as_str().replacen('/', "%2f", 1));
        url.set_path(&path);
        url
    }

    /// Where registries keep the artifact of a release, as a rule.
    pub(super) fn usual_artifact_url(&self, name: &PackageName, version: &Version) -> Url {
        let mut url = self.registry(name).clone();
        // Validated names and versions need no escapes.
        let path = format!("{}{name}/-/{}-{version}.tgz", url.path(), name.unscoped());
        url.set_path(&path);
        url
    }

    /// Where to get an artifact whose address the registry states, after npm's `replace-registry-host`.
    pub(super) fn artifact_url(&self, stated: Url, name: &PackageName) -> Url {
        self.resolved.replace_tarball_url(stated, name.as_str())
    }

    /// The credentials to send to `url` for a request about `name`.
    ///
    /// npm's keys name a host and a path but no scheme. Here they are sent unencrypted only to the very
    /// registry the user configured with an http address, so a stated `http:` address cannot elicit them.
    pub(super) fn authorization(
        &self,
        url: &Url,
        name: &PackageName,
    ) -> Result<Option<HeaderValue>, ConfigurationError> {
        if url.scheme() != "https" && url.origin() != self.registry(name).origin() {
            return Ok(None);
        }
        let Some(config) = self.resolved.tarball_config_for_package(url, name.as_str()) else { return Ok(None) };
        let Some(text) = header_text(config) else { return Ok(None) };
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| ConfigurationError::Credentials { host: url.host_str().unwrap_or_default().to_owned() })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

fn header_text(config: &RegistryConfig) -> Option<String> {
    if let Some(token) = &config.auth_token {
        return Some(format!("Bearer {token}"));
    }
    if let Some(auth) = &config.auth {
        return Some(format!("Basic {auth}"));
    }
    let (username, password) = (config.username.as_ref()?, config.password.as_ref()?);
    // npm stores the password as base64; some tools write it plain.
    let password = BASE64.decode(password).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let password = password.as_ref().or(config.password.as_ref())?;
    Some(format!("Basic {}", BASE64.encode(format!("{username}:{password}"))))
}

struct Layers<'a> {
    environment: &'a Environment,
    merged: NpmRc,
    settings: Settings,
}

impl Layers<'_> {
    fn add_file(&mut self, path: &Path, text: &str) -> Result<(), ConfigurationError> {
        // The parser's own message quotes the text, which may hold a token.
        let parsed =
            NpmRc::parse(self.environment, text).map_err(|_| ConfigurationError::Syntax { path: path.to_owned() })?;
        self.settings.add_file(text, self.environment);
        self.merged.registry = parsed.registry.or(self.merged.registry.take());
        self.merged.replace_registry_host = parsed.replace_registry_host.or(self.merged.replace_registry_host.take());
        self.merged.scope_registries.extend(parsed.scope_registries);
        for (host, over) in parsed.registry_configs {
            merge(self.merged.registry_configs.entry(host).or_default(), &over);
        }
        Ok(())
    }

    fn add_variable(&mut self, key: &str, value: &str) {
        if key == "registry" {
            self.merged.registry = Some(value.to_owned());
        } else if let Some(rest) = key.strip_prefix("//") {
            let Some((host, field)) = rest.rsplit_once(':') else { return };
            let mut over = RegistryConfig::default();
            let slot = match field {
                "_authToken" => &mut over.auth_token,
                "_auth" => &mut over.auth,
                "username" => &mut over.username,
                "_password" => &mut over.password,
                _ => return,
            };
            *slot = Some(value.to_owned());
            merge(self.merged.registry_configs.entry(host.to_owned()).or_default(), &over);
        } else if let Some(scope) = key.strip_prefix('@').and_then(|rest| rest.strip_suffix(":registry")) {
            self.merged.scope_registries.insert(scope.to_owned(), value.to_owned());
        } else {
            self.settings.add(key, value);
        }
    }

    fn finish(mut self, home: Option<&Path>, working_directory: &Path) -> Result<NpmConfiguration, ConfigurationError> {
        let default = self.merged.registry.take().unwrap_or_else(|| NPM_DEFAULT_REGISTRY.to_owned());
        let default = registry_address(&default, &mut self.merged.registry_configs)
            .ok_or(ConfigurationError::Registry { scope: None })?;
        self.merged.registry = Some(default.to_string());
        for (scope, address) in std::mem::take(&mut self.merged.scope_registries) {
            let Some(url) = registry_address(&address, &mut self.merged.registry_configs) else {
                return Err(ConfigurationError::Registry { scope: Some(scope) });
            };
            self.merged.scope_registries.insert(scope, url.to_string());
        }
        self.merged.replace_registry_host =
            ReplaceRegistryHost::for_npm(self.environment).or(self.merged.replace_registry_host.take());
        let resolved = self
            .merged
            .as_resolved(&NpmRegistryUrl { url: default, from_env: false })
            .map_err(|_| ConfigurationError::Registry { scope: None })?;

        let (settings, environment) = (&self.settings, self.environment);
        let proxy = settings.get("proxy").or_else(|| settings.get("http-proxy"));
        let any = environment.first(&["all_proxy", "ALL_PROXY"]);
        let http = proxy.or_else(|| environment.first(&["http_proxy", "HTTP_PROXY"])).or(any);
        let https = settings.get("https-proxy").or(proxy);
        let https = https.or_else(|| environment.first(&["https_proxy", "HTTPS_PROXY"])).or(any);
        let bypass = settings.get("noproxy").or_else(|| environment.first(&["no_proxy", "NO_PROXY"]));
        let path = |text: &str| working_directory.join(expand_home(text, home));
        Ok(NpmConfiguration {
            resolved,
            proxies: ProxySettings {
                http: http.map(str::to_owned),
                https: https.map(str::to_owned),
                bypass: bypass.map(str::to_owned),
            },
            trust: TrustSettings {
                only_file: settings.get("cafile").map(path),
                file: environment.path("SSL_CERT_FILE"),
                directories: environment.paths("SSL_CERT_DIR"),
                extra_file: environment.path("NODE_EXTRA_CA_CERTS"),
            },
        })
    }
}

/// Parses a registry address, moving credentials that it carries to where the others are.
fn registry_address(text: &str, configs: &mut HashMap<String, Arc<RegistryConfig>>) -> Option<Url> {
    let mut url = Url::parse(text).ok()?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return None;
    }
    let userinfo = take_userinfo(&mut url);
    url.set_query(None);
    url.set_fragment(None);
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    if let Some((username, password)) = userinfo {
        let key = format!("{}{}", &url[url::Position::BeforeHost..url::Position::AfterPort], url.path());
        let slot = Arc::make_mut(configs.entry(key).or_default());
        if !slot.has_auth() {
            slot.username = Some(username);
            slot.password = Some(BASE64.encode(password));
        }
    }
    Some(url)
}

/// Overrides `base` by what `over` sets; a new kind of credential replaces the old one.
fn merge(base: &mut Arc<RegistryConfig>, over: &RegistryConfig) {
    let base = Arc::make_mut(base);
    if over.auth_token.is_some() || over.auth.is_some() {
        base.auth_token.clone_from(&over.auth_token);
        base.auth.clone_from(&over.auth);
    }
    for (slot, value) in [(&mut base.username, &over.username), (&mut base.password, &over.password)] {
        if value.is_some() {
            slot.clone_from(value);
        }
    }
}

/// The `npm_config_*` variables with npm's spelling of their keys, empty ones left out.
fn npm_variables(environment: &Environment) -> Vec<(String, &str)> {
    const PREFIX: &str = "npm_config_";
    let mut variables = Vec::new();
    for (name, value) in environment.texts() {
        let named = name.get(..PREFIX.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(PREFIX));
        let key = &name[if named { PREFIX.len() } else { name.len() }..];
        if key.is_empty() || value.is_empty() {
            continue;
        }
        let key = if key.starts_with("//") || key.starts_with('@') {
            key.to_owned()
        } else {
            // A leading underscore belongs to the key (`_auth`).
            let rest = key.trim_start_matches('_');
            format!("{}{}", &key[..key.len() - rest.len()], rest.to_ascii_lowercase().replace('_', "-"))
        };
        variables.push((key, value));
    }
    variables
}

fn read(path: &Path) -> Result<Option<String>, ConfigurationError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).trim_start_matches('\u{feff}').to_owned())),
        Err(error) => match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory | std::io::ErrorKind::IsADirectory => {
                Ok(None)
            }
            _ => Err(ConfigurationError::Read { path: path.to_owned(), source: error }),
        },
    }
}

fn expand_home(path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

/// The nearest directory upwards that holds a `package.json` or `node_modules`, else the given one.
fn project_directory(working_directory: &Path) -> &Path {
    working_directory
        .ancestors()
        .find(|directory| directory.join("package.json").exists() || directory.join("node_modules").exists())
        .unwrap_or(working_directory)
}

/// Where npm's prefix is by default: beside the `node` that would run it.
fn node_prefix(environment: &Environment) -> Option<PathBuf> {
    let node =
        environment.paths("PATH").into_iter().map(|directory| directory.join("node")).find(|node| node.is_file())?;
    Some(node.canonicalize().ok()?.parent()?.parent()?.to_owned())
}

#[cfg(test)]
#[path = "npmrc_tests.rs"]
mod tests;
