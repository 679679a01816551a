//! `agora create-admin` at a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::{Server, agora, text};

const PASSWORD: &str = "correct horse battery";

/// A command whose standard input is a terminal.
struct AtTerminal {
    /// The side of the person: what is written here is typed, and what the terminal shows can be read here.
    keyboard: File,
    child: Child,
    said: String,
}

impl AtTerminal {
    fn start(folder: &Path) -> Self {
        let keyboard: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&keyboard).expect("a terminal");
        unlockpt(&keyboard).expect("a terminal");
        let name = ptsname(&keyboard, Vec::new()).expect("a terminal");
        let terminal = rustix::fs::open(&*name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("a terminal");
        let child = agora(
            folder,
            &["create-admin", "--username", "root", "--email", "root@example.com"],
        )
        .stdin(terminal)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
        Self {
            keyboard: keyboard.into(),
            child,
            said: String::new(),
        }
    }

    /// Waits for a prompt, and types an answer.
    fn answer(&mut self, prompt: &str, line: &str) {
        let stderr = self.child.stderr.as_mut().expect("a pipe");
        while !self.said.ends_with(prompt) {
            let mut byte = [0];
            stderr
                .read_exact(&mut byte)
                .unwrap_or_else(|error| panic!("{error}: {}", self.said));
            self.said.push(byte[0].into());
        }
        self.keyboard.write_all(format!("{line}\n").as_bytes()).expect("typed");
    }

    /// Waits for the end. Returns whether it succeeded, and everything that a person could see.
    fn end(mut self) -> (bool, String) {
        let output = self.child.wait_with_output().expect("it ends");
        // No process has the terminal any more, so reading it ends with an error after the last byte.
        let mut shown = Vec::new();
        let _ = self.keyboard.read_to_end(&mut shown);
        let seen = [self.said, text(&output.stderr), text(&output.stdout), text(&shown)].concat();
        (output.status.success(), seen)
    }
}

#[test]
fn a_terminal_asks_for_the_password_and_does_not_show_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = AtTerminal::start(folder.path());
    terminal.answer("Password: ", PASSWORD);
    terminal.answer("The same again: ", PASSWORD);
    let (succeeded, seen) = terminal.end();
    assert!(succeeded && !seen.contains("horse"), "{seen}");

    let server = Server::start(folder.path(), "serve");
    let sign_in = format!(r#"mutation {{ login(login: "root", password: "{PASSWORD}") {{ user {{ username }} }} }}"#);
    let login = server.graphql(&sign_in, None);
    assert_eq!(login["data"]["login"]["user"]["username"], "root", "{login}");
    assert!(server.stop());
}

#[test]
fn two_different_passwords_create_no_administrator() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = AtTerminal::start(folder.path());
    terminal.answer("Password: ", PASSWORD);
    terminal.answer("The same again: ", "correct house battery");
    let (succeeded, seen) = terminal.end();
    assert!(!succeeded && seen.contains("the two passwords differ"), "{seen}");
    assert!(!folder.path().join("data").exists());
}
