//! `agora create-admin`: creates an administrator, with a password from the terminal or from standard input.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use clap::Args;
use contract::SystemClock;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::{CommandError, log, print};
use crate::app::App;
use crate::config::{Settings, SettingsFlags};

/// The arguments of `agora create-admin`.
#[derive(Debug, Args)]
pub(super) struct CreateAdminArgs {
    /// The username.
    #[arg(long, value_name = "NAME")]
    username: String,
    /// The email address.
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    #[command(flatten)]
    settings: SettingsFlags,
}

impl CreateAdminArgs {
    pub(super) async fn run(self) -> Result<(), CommandError> {
        let settings = Settings::read(&self.settings)?;
        log::start(&settings);
        let password = read_password().await?;
        let app = App::open(&settings, Arc::new(SystemClock)).await?;
        let created = accounts::create_admin(&app.services, &self.username, Some(&self.email), password).await;
        app.close().await?;
        let id = created?;
        print(&format!(
            "{} is user {id} and administers this installation\n",
            self.username
        ))
    }
}

/// Reads the password: twice from a terminal, which does not show it, and otherwise one line.
async fn read_password() -> Result<String, CommandError> {
    if !io::stdin().is_terminal() {
        return Ok(read_line()?);
    }
    let hidden = HiddenInput::begin()?;
    // A signal would end the process and leave a terminal that shows nothing.
    let password = tokio::select! {
        password = tokio::task::spawn_blocking(ask_twice) => password??,
        _ = tokio::signal::ctrl_c() => {
            drop(hidden);
            eprintln!();
            // The thread that reads the terminal cannot be stopped.
            std::process::exit(130);
        }
    };
    drop(hidden);
    password.ok_or_else(|| "the two passwords differ".into())
}

/// Asks twice; `None` when the answers differ.
fn ask_twice() -> io::Result<Option<String>> {
    let ask = |prompt: &str| {
        let mut stderr = io::stderr().lock();
        stderr.write_all(prompt.as_bytes())?;
        stderr.flush()?;
        let answer = read_line();
        // The terminal did not show the end of the line either.
        stderr.write_all(b"\n")?;
        answer
    };
    let (password, again) = (ask("Password: ")?, ask("The same again: ")?);
    Ok((password == again).then_some(password))
}

fn read_line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// A terminal that does not show what is typed, until this is dropped.
struct HiddenInput(Termios);

impl HiddenInput {
    fn begin() -> io::Result<Self> {
        let shown = tcgetattr(io::stdin())?;
        let mut hidden = shown.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self(shown))
    }
}

impl Drop for HiddenInput {
    fn drop(&mut self) {
        if let Err(error) = tcsetattr(io::stdin(), OptionalActions::Now, &self.0) {
            eprintln!("agora: the terminal stays hidden ({error}); `stty echo` shows it again");
        }
    }
}
