//! Builds that attack whoever runs them, through the program: each ends with a typed verdict, and the host is as before.
//!
//! Every build is a shell script of a package of its own, run by a plan without programs, so that nothing is fetched.
//! Where it is harmless the same script also runs outside, to show that it does there what it is kept from inside.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::Value;
use tarproof::demo::Case;

use crate::support::{Tarproof, TestWorld};

/// What must never leave the host.
const SECRET: &str = "hostile-build-secret-5d1c";
/// What an honest build of the package makes.
const HONEST: &str = "mkdir -p dist && cp src/index.js dist/index.js\n";
const PLAN: &str =
    "format = 1\nstrategy = 'hostile'\n[[steps]]\nrun = 'sh build.sh'\n[pack]\ndirectory = '.'\nwith = 'native'\n";

/// A package whose build is hostile, and a directory of the host that everybody may write to.
struct Hostile {
    tarproof: Tarproof,
    host: tempfile::TempDir,
    script: String,
}

impl Hostile {
    /// `@host` in the script stands for the host's directory, `@secret` for a file there.
    fn new(script: &str) -> Self {
        let host = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o777)).tempdir().unwrap();
        let secret = host.path().join("secret");
        fs::write(&secret, SECRET).unwrap();
        let script = script
            .replace("@secret", &secret.display().to_string())
            .replace("@host", &host.path().display().to_string());
        let manifest = r#"{"name":"hostile-build","version":"1.0.0","files":["dist"],"repository":"https://git.example/a/hostile-build"}"#;
        let case = format!(
            "id = 'hostile'\ntitle = 'hostile'\nkind = 'honest'\npackage = 'hostile-build'\ndescription = 'x'\n\
             [[repositories]]\nname = 'a/hostile-build'\n[[repositories.commits]]\nlabel = '1.0.0'\ntags = ['v1.0.0']\n\
             files.'package.json' = '''{manifest}'''\nfiles.'src/index.js' = 'module.exports = 1;'\n\
             files.'build.sh' = '''\n{script}'''\n\
             [[releases]]\nversion = '1.0.0'\nfrom = '1.0.0'\nwithout = ['build.sh', 'src/']\n\
             files.'dist/index.js' = {{ copy = 'src/index.js' }}\n"
        );
        // Content that lies elsewhere in the commit would be explained without a build.
        let case = case.replace("{ copy = 'src/index.js' }", "{ concatenate = ['src/index.js'], append = '// built' }");
        let world = TestWorld::of_cases(vec![Case::parse("hostile", &case).unwrap()]);
        let tarproof = Tarproof::in_world(Arc::new(world));
        tarproof.write("plan.toml", PLAN);
        Self { tarproof, host, script }
    }

    fn host(&self, name: &str) -> PathBuf {
        self.host.path().join(name)
    }

    /// Verifies the package; the verdict, and the report with the build log.
    fn verify(&self, options: &[&str]) -> Verified {
        let mut arguments = vec!["verify", "--format", "json", "--plan-file", "plan.toml"];
        if !options.contains(&"--build-timeout") {
            arguments.extend(["--build-timeout", "60s"]);
        }
        arguments.extend(options);
        arguments.push("npm:hostile-build@1.0.0");
        let run = self.tarproof.run_with(&arguments, &[("HOSTILE_BUILD_SECRET", SECRET)]);
        let everything = texts_below(&self.tarproof.cache());
        for text in everything.iter().chain([&run.stdout, &run.stderr]) {
            assert!(!text.contains(SECRET), "the secret came out: {run}");
        }
        assert_eq!(fs::read_to_string(self.host("secret")).unwrap(), SECRET);
        let result = run.json()["results"][0].clone();
        let verdict = match result["inconclusive"]["id"].as_str() {
            Some(id) => id.to_owned(),
            None => result["verdict"].as_str().unwrap_or_else(|| panic!("{run}")).to_owned(),
        };
        let logs = everything.into_iter().filter(|text| text.starts_with("--- ")).collect();
        Verified { code: run.code, verdict, result, logs }
    }

    /// Runs the same script outside, in a directory like the one inside; gives what it said.
    fn control(&self) -> String {
        let directory = self.host("control");
        fs::create_dir_all(directory.join("src")).unwrap();
        fs::write(directory.join("src/index.js"), "x").unwrap();
        let output = Command::new("sh")
            .args(["-c", &self.script])
            .env("HOSTILE_BUILD_SECRET", SECRET)
            .current_dir(&directory)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }
}

struct Verified {
    code: i32,
    verdict: String,
    result: Value,
    logs: Vec<String>,
}

impl Verified {
    #[track_caller]
    fn is(&self, verdicts: &[&str], detail: &str) -> &Self {
        let shown = self.result["inconclusive"].to_string();
        assert!(verdicts.contains(&self.verdict.as_str()), "{} {shown} {:?}", self.verdict, self.logs);
        assert!(shown.contains(detail), "{shown}");
        assert_eq!(self.code, if self.verdict == "equivalent" { 0 } else { 3 });
        self
    }

    #[track_caller]
    fn says(&self, text: &str) -> &Self {
        assert!(self.logs.iter().any(|log| log.contains(text)), "no `{text}` in {:?}", self.logs);
        self
    }
}

fn texts_below(directory: &Path) -> Vec<String> {
    let files = walkdir::WalkDir::new(directory).into_iter().map(Result::unwrap);
    files
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| String::from_utf8_lossy(&fs::read(entry.path()).unwrap()).into_owned())
        .collect()
}

/// Whether a process of the host has this word among its arguments.
fn is_running(word: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok()).any(|arguments| {
        let mut arguments = arguments.split(|byte| *byte == 0);
        arguments.any(|argument| argument == word.as_bytes())
    })
}

#[test]
fn what_is_no_file_is_never_packed() {
    let cases = [
        ("mkdir dist && ln -s @secret dist/index.js", ""),
        ("ln -s @host dist && ls dist/ || true", ""),
        ("mkdir -p dist/index.js", ""),
        ("mkdir dist && mkfifo dist/index.js", "a named pipe"),
        ("rm package.json && ln -s @secret package.json", "package.json"),
        ("rm package.json && mkfifo package.json", "a named pipe"),
        ("rm package.json && mkdir package.json", "a directory"),
        ("rm -r src && ln -s @host src && mkdir dist && ln -s ../src/secret dist/index.js", ""),
    ];
    for (script, detail) in cases {
        Hostile::new(script).verify(&[]).is(&["nothing-produced"], detail);
    }
    let device = Hostile::new("mkdir dist && mknod dist/index.js c 1 5 && echo made");
    device.verify(&[]).is(&["build-failed"], "mknod");
}

#[test]
fn a_link_is_followed_outside() {
    let hostile = Hostile::new("mkdir dist && ln -s @secret dist/index.js && cat dist/index.js");
    assert_eq!(hostile.control(), SECRET);
}

#[test]
fn more_than_fits_is_a_limit() {
    let hostile = Hostile::new("mkdir dist && truncate -s 2G dist/index.js");
    hostile.verify(&[]).is(&["build-limit"], "bytes");
}

#[test]
fn folders_deeper_than_any_package_are_a_limit() {
    // 30 times what one path may hold, moved into each other.
    let path = ["d"; 100].join("/");
    let nest = |place: &str| {
        let nested = format!("mkdir -p {path} && mv deep {path}/ && mv d deep");
        format!(
            "mkdir -p {place} dist && cd {place} && mkdir deep && i=0 && while [ $i -lt 30 ]; do {nested}; i=$((i+1)); done\n\
             cd -; echo levels $(find {place} | wc -l)\n{HONEST}"
        )
    };
    let hostile = Hostile::new(&nest("dist"));
    hostile.verify(&[]).is(&["build-limit"], "folders more than 100 levels deep").says("levels 30");
    assert!(hostile.control().contains("levels 30"));
    assert!(Command::new("rm").arg("-rf").arg(hostile.host("control")).status().unwrap().success());
    // Where nothing is looked for they do not matter.
    Hostile::new(&nest("/tmp/place")).verify(&[]).is(&["equivalent"], "null").says("levels 30");
    Hostile::new(&nest("$HOME/out")).verify(&[]).is(&["equivalent"], "null").says("levels 30");
}

#[test]
fn a_planted_git_configuration_is_never_read() {
    let script = format!(
        "{HONEST}printf '[core]\\n\\trepositoryformatversion = 0\\n\\tfsmonitor = \"touch @host/escaped; false\"\\n' > .git/config\n"
    );
    let hostile = Hostile::new(&script);
    hostile.verify(&[]).is(&["equivalent"], "null");
    assert!(!hostile.host("escaped").exists());
    let control = hostile.host("repository");
    let git = |arguments: &[&str]| {
        let status = Command::new("git").args(arguments).current_dir(&control).output().unwrap().status;
        assert!(status.success());
    };
    fs::create_dir(&control).unwrap();
    git(&["init", "-q"]);
    git(&["config", "core.fsmonitor", &format!("touch {}; false", hostile.host("escaped").display())]);
    git(&["status"]);
    assert!(hostile.host("escaped").exists(), "outside git obeys it");
}

#[test]
fn no_host_is_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().filter_map(Result::ok) {
            let _ = stream.write_all(b"hello\n");
        }
    });
    let reach = |name: &str, address: &str| {
        format!("if bash -c 'read line < /dev/tcp/{address}'; then echo {name} reached; else echo {name} refused; fi\n")
    };
    let hostile = Hostile::new(&reach("loopback", &format!("127.0.0.1/{port}")));
    assert!(hostile.control().contains("loopback reached"));
    let script = reach("loopback", &format!("127.0.0.1/{port}"))
        + &reach("metadata", "169.254.169.254/80")
        + &reach("name", "localhost.example/80")
        + "exit 7";
    let verified = Hostile::new(&script).verify(&[]);
    verified.is(&["build-failed", "network-needed"], "exit 7");
    verified.says("loopback refused").says("metadata refused").says("name refused");
}

#[test]
fn files_and_environment_of_the_host_stay_unseen() {
    let script = "cat @secret; env; cat /proc/self/environ /proc/1/environ /proc/*/environ; ls -a /root /home; \
                  cat /etc/shadow; find / -name secret -exec cat {} +; exit 7";
    let hostile = Hostile::new(script);
    hostile.verify(&[]).is(&["build-failed"], "exit 7").says("No such file");
    let outside = Hostile::new("cat @secret; echo; echo $HOSTILE_BUILD_SECRET").control();
    assert_eq!(outside.matches(SECRET).count(), 2);
}

#[test]
fn nothing_outside_is_written() {
    let script = "for place in @host /usr /etc /proc/sys/kernel /toolchain; do \
                  if echo x > $place/escaped; then echo $place written; fi; done; exit 7";
    let hostile = Hostile::new(script);
    let verified = hostile.verify(&[]);
    verified.is(&["build-failed"], "exit 7");
    assert!(!verified.logs.iter().any(|log| log.contains("/usr written") || log.contains("kernel written")));
    assert!(!hostile.host("escaped").exists() && !Path::new("/usr/escaped").exists());
    let control = Hostile::new("echo x > @host/escaped");
    control.control();
    assert!(control.host("escaped").exists());
}

#[test]
fn processes_memory_disk_and_output_have_limits() {
    let bomb = Hostile::new("b() { b & b; }\nb 2>/dev/null\nexit 7");
    bomb.verify(&["--build-timeout", "20s"]).is(&["build-limit", "build-failed"], "");
    let memory = Hostile::new("a=0123456789; while true; do a=$a$a; done");
    memory.verify(&["--build-memory", "256M"]).is(&["build-limit", "build-failed"], "");
    let output = Hostile::new("yes");
    output.verify(&[]).is(&["build-limit"], "limit on output");
    let disk = Hostile::new("mkdir dist; yes > dist/one & yes > dist/two & yes > dist/three & wait; exit 7");
    disk.tarproof.write("config.toml", "[rebuild]\ndisk = 33554432\n");
    disk.verify(&["--config", "config.toml"]).is(&["build-limit"], "limit on");
}

#[test]
fn a_build_without_end_ends() {
    let hostile = Hostile::new("trap '' TERM INT HUP\nwhile true; do sleep 1; done");
    hostile.verify(&["--build-timeout", "2s"]).is(&["build-limit"], "");
}

#[test]
fn nobody_outlives_the_build() {
    let script =
        "setsid sh -c 'trap \"\" TERM HUP; sleep 98765431 & sleep 98765432' > /dev/null 2>&1 &\nsleep 0.2\nexit 7";
    Hostile::new(script).verify(&[]).is(&["build-failed"], "exit 7");
    assert!(!is_running("98765431") && !is_running("98765432"));
}

#[test]
fn a_plan_that_leaves_the_repository_is_refused() {
    let hostile = Hostile::new(HONEST);
    let absolute = hostile.host("secret").display().to_string();
    let before = "format = 1\nstrategy = 'x'\n";
    let pack = "[pack]\ndirectory = '.'\nwith = 'native'\n";
    let plans = [
        format!("{before}remove = ['../secret']\n{pack}"),
        format!("{before}remove = ['{absolute}']\n{pack}"),
        format!("{before}remove = ['.git/config']\n{pack}"),
        format!("{before}stamps = [{{ file = '../package.json', version = '2.0.0' }}]\n{pack}"),
        format!("{before}stamps = [{{ file = '{absolute}', version = '2.0.0' }}]\n{pack}"),
        format!(
            "{before}install = {{ directory = '.', lockfile = '../../package-lock.json', mode = 'frozen' }}\n{pack}"
        ),
        format!("{before}steps = [{{ directory = '../..', run = 'true' }}]\n{pack}"),
        format!("{before}[pack]\ndirectory = '../..'\nwith = 'native'\n"),
        // Nothing that needs programs is run without naming them.
        format!("{before}[pack]\ndirectory = '.'\nwith = 'npm'\n"),
        format!("{before}install = {{ directory = '.', mode = 'loose' }}\n{pack}"),
        format!("{before}[pack]\ndirectory = '.'\nwith = 'native'\nscripts = true\n"),
    ];
    for plan in plans {
        hostile.tarproof.write("plan.toml", &plan);
        let run = hostile.tarproof.run(&["verify", "--plan-file", "plan.toml", "npm:hostile-build@1.0.0"]);
        assert!(run.code == 2 && run.stderr.contains("the plan file `plan.toml` cannot be used"), "{run}");
        assert_eq!(fs::read_to_string(hostile.host("secret")).unwrap(), SECRET);
    }
}
