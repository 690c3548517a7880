//! Passphrases that are typed on a terminal.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use nix::pty::openpty;
use nix::sys::termios::{LocalFlags, tcgetattr};

use crate::support::Tarproof;

/// The program with a terminal as standard input and standard error.
struct OnTerminal {
    child: Child,
    terminal: File,
    /// The program's side, so that its settings can be looked at.
    side: OwnedFd,
    shown: String,
}

impl OnTerminal {
    fn start(tarproof: &Tarproof, arguments: &[&str]) -> Self {
        let pty = openpty(None, None).unwrap();
        let side = || Stdio::from(pty.slave.try_clone().unwrap());
        let child = Command::new(env!("CARGO_BIN_EXE_tarproof"))
            .env_clear()
            .env("HOME", tarproof.world().home())
            .env("npm_config_registry", tarproof.world().registry_url())
            .env("NO_PROXY", "*")
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("XDG_CACHE_HOME", tarproof.cache())
            .current_dir(tarproof.directory())
            .args(arguments)
            .stdin(side())
            .stderr(side())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, terminal: File::from(pty.master), side: pty.slave, shown: String::new() }
    }

    /// Waits for a question, and types the answer once the terminal shows nothing of it.
    fn answer(&mut self, question: &str, answer: &str) -> &mut Self {
        let mut byte = [0];
        let begin = self.shown.len();
        while !self.shown[begin..].ends_with(question) {
            self.terminal.read_exact(&mut byte).unwrap();
            self.shown.push(byte[0].into());
        }
        // What is typed earlier is thrown away, as on every terminal.
        while tcgetattr(&self.side).unwrap().local_flags.contains(LocalFlags::ECHO) {
            std::thread::yield_now();
        }
        self.terminal.write_all(format!("{answer}\n").as_bytes()).unwrap();
        self
    }

    /// The exit code, standard output, and what the terminal showed.
    fn end(mut self) -> (i32, String, String) {
        let output = self.child.wait_with_output().unwrap();
        drop(self.side);
        // Nobody holds the other side any more, so this ends; how, depends on the system.
        let mut rest = Vec::new();
        let _ = self.terminal.read_to_end(&mut rest);
        self.shown.push_str(&String::from_utf8_lossy(&rest));
        assert!(!self.shown.contains("sesame"), "{}", self.shown);
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap(), self.shown)
    }
}

#[test]
fn a_passphrase_is_asked_for_on_a_terminal_and_not_shown() {
    let tarproof = Tarproof::new();
    let generate = ["key", "generate", "--output", "key", "--encrypt"];
    let mut run = OnTerminal::start(&tarproof, &generate);
    run.answer("Passphrase for the new key: ", "open sesame").answer("The same once more: ", "open sesame too");
    let (code, _, shown) = run.end();
    assert!(code == 2 && shown.contains("the two passphrases differ"), "{shown}");
    assert!(!tarproof.directory().join("key").exists());

    let mut run = OnTerminal::start(&tarproof, &generate);
    run.answer("Passphrase for the new key: ", "open sesame").answer("The same once more: ", "open sesame");
    let (code, stdout, shown) = run.end();
    assert!(code == 0 && stdout.contains("private  key (encrypted)"), "{stdout} {shown}");

    let attest = ["attest", "npm:paint-chalk@5.6.2", "--key", "key", "--output", "out", "--quiet"];
    let mut run = OnTerminal::start(&tarproof, &attest);
    run.answer("Passphrase for the key of `key`: ", "open sesame");
    let (code, stdout, shown) = run.end();
    assert!(code == 0 && stdout.contains("signed by SHA256:"), "{stdout} {shown}");

    let mut run = OnTerminal::start(&tarproof, &attest);
    run.answer("Passphrase for the key of `key`: ", "close sesame");
    let (code, _, shown) = run.end();
    assert!(code == 2 && shown.contains("the passphrase is wrong"), "{shown}");
}

#[test]
fn where_there_is_no_terminal_nobody_is_asked() {
    let tarproof = Tarproof::new();
    let run = tarproof.run(&["key", "generate", "--output", "key", "--encrypt"]);
    assert!(run.code == 2 && run.stderr.contains("there is no terminal to ask for one"), "{run}");
    let sealed = [("TARPROOF_KEY_PASSPHRASE", "open sesame")];
    let run = tarproof.run_with(&["key", "generate", "--output", "key", "--encrypt"], &sealed);
    assert!(run.code == 0 && run.stdout.contains("(encrypted)"), "{run}");
}
