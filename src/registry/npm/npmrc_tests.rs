use std::fs;

use super::*;

struct Setup {
    root: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Setup {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for directory in ["home", "project/src", "prefix/etc"] {
            fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        fs::write(root.path().join("project/package.json"), "{}").unwrap();
        let variables = vec![
            ("HOME".to_owned(), root.path().join("home").display().to_string()),
            ("npm_config_prefix".to_owned(), root.path().join("prefix").display().to_string()),
        ];
        Self { root, variables }
    }

    fn file(self, name: &str, text: &str) -> Self {
        fs::write(self.root.path().join(name), text).unwrap();
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn try_load(&self) -> Result<NpmConfiguration, ConfigurationError> {
        let environment = self.variables.iter().cloned().collect();
        NpmConfiguration::load(&self.root.path().join("project/src"), &environment)
    }

    fn load(&self) -> NpmConfiguration {
        self.try_load().unwrap()
    }
}

fn name(text: &str) -> PackageName {
    PackageName::parse(text).unwrap()
}

fn sent(configuration: &NpmConfiguration, url: &str, package: &str) -> Option<String> {
    let value = configuration.authorization(&Url::parse(url).unwrap(), &name(package)).unwrap()?;
    assert_eq!(format!("{value:?}"), "Sensitive");
    Some(value.to_str().unwrap().to_owned())
}

#[test]
fn without_configuration_the_default_registry_is_used() {
    let configuration = Setup::new().load();
    assert_eq!(configuration.registry(&name("a")).as_str().trim_end_matches('/'), NPM_DEFAULT_REGISTRY);
}

#[test]
fn nearer_files_and_variables_override() {
    let setup = Setup::new().file("prefix/etc/npmrc", "registry=https://global.example/\n");
    assert_eq!(setup.load().registry(&name("a")).as_str(), "https://global.example/");
    let setup = setup.file("home/.npmrc", "registry=https://user.example\n@s:registry=https://scope.example/npm\n");
    assert_eq!(setup.load().registry(&name("a")).as_str(), "https://user.example/");
    let setup = setup.file("project/.npmrc", "registry = https://project.example/base\n");
    assert_eq!(setup.load().packument_url(&name("a")).as_str(), "https://project.example/base/a");
    assert_eq!(setup.load().packument_url(&name("@s/a")).as_str(), "https://scope.example/npm/@s%2fa");
    let setup = setup
        .variable("NPM_CONFIG_REGISTRY", "https://variable.example/")
        .variable("npm_config_@s:registry", "https://other-scope.example/");
    assert_eq!(setup.load().packument_url(&name("a")).as_str(), "https://variable.example/a");
    assert_eq!(setup.load().packument_url(&name("@s/a")).as_str(), "https://other-scope.example/@s%2fa");
}

#[test]
fn the_files_can_be_elsewhere() {
    let setup =
        Setup::new().file("mine", "registry=https://mine.example/").file("all", "@s:registry=https://all.example/");
    let mine = setup.root.path().join("mine").display().to_string();
    let all = setup.root.path().join("all").display().to_string();
    let configuration = setup.variable("npm_config_userconfig", &mine).variable("npm_config_globalconfig", &all).load();
    assert_eq!(configuration.registry(&name("a")).as_str(), "https://mine.example/");
    assert_eq!(configuration.registry(&name("@s/a")).as_str(), "https://all.example/");
}

#[test]
fn credentials_go_only_where_they_belong() {
    let configuration = Setup::new()
        .variable("SECRET", "token-1")
        .file(
            "home/.npmrc",
            "registry=https://registry.example/npm/\n//registry.example/npm/:_authToken=${SECRET}\n\
             @s:registry=https://scope.example/\n//scope.example/:username=user\n//scope.example/:_password=cGFzcw==\n\
             //basic.example/:_auth=dTpw\n",
        )
        .load();
    assert_eq!(sent(&configuration, "https://registry.example/npm/a", "a").as_deref(), Some("Bearer token-1"));
    assert_eq!(sent(&configuration, "https://registry.example/files/a.tgz", "a").as_deref(), Some("Bearer token-1"));
    assert_eq!(sent(&configuration, "https://scope.example/@s%2fa", "@s/a").as_deref(), Some("Basic dXNlcjpwYXNz"));
    assert_eq!(sent(&configuration, "https://basic.example/x", "a").as_deref(), Some("Basic dTpw"));
    for url in [
        "https://other.example/a.tgz",
        "https://registry.example:8443/npm/a",
        "https://registry.example.evil.example/npm/a",
        "https://evil-registry.example/npm/a",
        "http://registry.example/npm/a",
        "http://scope.example/a",
    ] {
        assert_eq!(sent(&configuration, url, "a"), None, "{url}");
    }
    assert!(!format!("{configuration:?}").contains("token-1"));
}

#[test]
fn variables_carry_credentials_and_win() {
    let configuration = Setup::new()
        .file("home/.npmrc", "registry=http://127.0.0.1:4873/\n//127.0.0.1:4873/:_authToken=old")
        .variable("npm_config_//127.0.0.1:4873/:_authToken", "new")
        .load();
    assert_eq!(sent(&configuration, "http://127.0.0.1:4873/a", "a").as_deref(), Some("Bearer new"));
    assert_eq!(sent(&configuration, "http://127.0.0.1:4874/a", "a"), None);
}

#[test]
fn credentials_in_an_address_are_taken_out_of_it() {
    let configuration = Setup::new().variable("npm_config_registry", "https://user:pass@registry.example/npm").load();
    assert_eq!(configuration.registry(&name("a")).as_str(), "https://registry.example/npm/");
    assert_eq!(sent(&configuration, "https://registry.example/npm/a", "a").as_deref(), Some("Basic dXNlcjpwYXNz"));
}

#[test]
fn bad_configuration_is_an_error_that_shows_no_value() {
    let error = Setup::new().file("home/.npmrc", "registry=ftp://user:secret@x.example/").try_load().unwrap_err();
    assert_eq!(error.to_string(), "the configured registry address of npm is not an http(s) address");
    let error = Setup::new().file("home/.npmrc", "@s:registry=secret").try_load().unwrap_err();
    assert_eq!(error.to_string(), "the configured registry address of the scope `@s` is not an http(s) address");
    let configuration =
        Setup::new().file("home/.npmrc", "//registry.example/:_authToken=${SECRET}").variable("SECRET", "a\nb").load();
    let error = configuration.authorization(&Url::parse("https://registry.example/").unwrap(), &name("a")).unwrap_err();
    assert_eq!(error.to_string(), "the credentials for `registry.example` hold characters that cannot be sent");
}

#[test]
fn proxies_come_from_npm_then_from_the_usual_variables() {
    let setup = Setup::new()
        .variable("HTTP_PROXY", "http://a.example:1")
        .variable("https_proxy", "http://b.example:2")
        .variable("NO_PROXY", "c.example");
    let proxies = setup.load().proxies;
    assert_eq!(proxies.http.as_deref(), Some("http://a.example:1"));
    assert_eq!(proxies.https.as_deref(), Some("http://b.example:2"));
    assert_eq!(proxies.bypass.as_deref(), Some("c.example"));
    let setup = setup.file("home/.npmrc", "proxy=http://user:secret@d.example:3\nnoproxy=e.example\n");
    let proxies = setup.load().proxies;
    assert_eq!(proxies.https.as_deref(), Some("http://user:secret@d.example:3"));
    assert_eq!(proxies.bypass.as_deref(), Some("e.example"));
    assert!(!format!("{proxies:?}").contains("secret"));
    let setup = setup.variable("npm_config_https_proxy", "http://f.example:4");
    assert_eq!(setup.load().proxies.https.as_deref(), Some("http://f.example:4"));
}

#[test]
fn trust_roots_come_from_npm_and_the_usual_variables() {
    let setup = Setup::new()
        .file("home/.npmrc", "cafile=~/ca.pem")
        .variable("NODE_EXTRA_CA_CERTS", "/x/extra.pem")
        .variable("SSL_CERT_DIR", "/x/one:/x/two");
    let trust = setup.load().trust;
    assert_eq!(trust.only_file, Some(setup.root.path().join("home/ca.pem")));
    assert_eq!(trust.extra_file, Some(PathBuf::from("/x/extra.pem")));
    assert_eq!(trust.directories, [PathBuf::from("/x/one"), PathBuf::from("/x/two")]);
}

#[test]
fn addresses_of_the_default_registry_follow_the_configured_one() {
    let configuration = Setup::new().file("home/.npmrc", "registry=https://mirror.example/npm/").load();
    let stated = Url::parse(&format!("{NPM_DEFAULT_REGISTRY}/a/-/a-1.0.0.tgz")).unwrap();
    assert_eq!(configuration.artifact_url(stated, &name("a")).as_str(), "https://mirror.example/npm/a/-/a-1.0.0.tgz");
    let elsewhere = Url::parse("https://files.example/a.tgz").unwrap();
    assert_eq!(configuration.artifact_url(elsewhere.clone(), &name("a")), elsewhere);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn no_file_makes_it_panic(text in "([a-z@:/_=.$\\{\\}\\[\\]\"';# \\\\]|\n|\\PC){0,80}") {
        let _ = Setup::new().file("project/.npmrc", &text).try_load();
    }
}
