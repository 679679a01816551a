//! `agora keys`: lists, rotates and retires the keys that sign tokens.

use std::io;

use clap::{Args, Subcommand};
use contract::{Clock, KeyList, SystemClock, to_date_time};

use super::{CommandError, print};
use crate::auth::{Credential, CredentialList};
use crate::config::{DataFolder, Settings, SettingsFlags};

/// The commands of `agora keys`.
#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Lists the keys, newest first: id, creation, state, and the credentials of programs that each signed.
    List(Box<SettingsFlags>),
    /// Makes a new key, which signs from now on, also in a running server. The older keys still verify: people stay signed in, and
    /// programs keep their credentials.
    Rotate(Box<SettingsFlags>),
    /// Removes an older key, also from a running server. It is refused while tokens depend on the key.
    Retire(Box<RetireArgs>),
}

/// The arguments of `agora keys retire`.
#[derive(Debug, Args)]
pub(super) struct RetireArgs {
    /// The key's id, as `list` shows it.
    id: String,
    /// Removes the key even if tokens depend on it: revokes the credentials of programs that it signed, and people whose access
    /// tokens it signed refresh them or sign in again.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    settings: SettingsFlags,
}

impl KeysCommand {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        match self {
            Self::List(flags) => KeyFolder::open(flags)?.list(),
            Self::Rotate(flags) => KeyFolder::open(flags)?.rotate(),
            Self::Retire(args) => KeyFolder::open(&args.settings)?.retire(&args.id, args.yes),
        }
    }
}

/// The keys and credentials of an installation.
struct KeyFolder {
    folder: DataFolder,
    /// The lifetime of a person's access token, in microseconds.
    access_us: i64,
    now_us: i64,
}

impl KeyFolder {
    fn open(flags: &SettingsFlags) -> Result<Self, CommandError> {
        let settings = Settings::read(flags)?;
        Ok(Self {
            folder: DataFolder::new(&settings.server.data),
            access_us: i64::from(settings.accounts.access_seconds) * 1_000_000,
            now_us: SystemClock.now_us(),
        })
    }

    fn keys(&self) -> Result<KeyList, CommandError> {
        let path = self.folder.keys();
        Ok(KeyList::load(&path).map_err(|error| format!("{}: {error}", path.display()))?)
    }

    fn credentials(&self) -> Result<CredentialList, CommandError> {
        let path = self.folder.credentials();
        Ok(CredentialList::load(&path).map_err(|error| format!("{}: {error}", path.display()))?)
    }

    fn list(&self) -> Result<(), CommandError> {
        let (keys, credentials) = (self.keys()?, self.credentials()?);
        let lines = keys.0.iter().enumerate().map(|(at, key)| {
            let made = key.made_us.map_or("with the installation".to_owned(), format_time);
            let state = match self.people_until(&keys, &key.id) {
                _ if at == 0 => "signs".to_owned(),
                Some(until) if until > self.now_us => format!("verifies people's tokens until {}", format_time(until)),
                _ => "verifies".to_owned(),
            };
            let of_key = names(&self.dependents(&keys, &credentials, &key.id));
            format!("{}\t{made}\t{state}\t{of_key}\n", key.id)
        });
        print(&lines.collect::<String>())
    }

    fn rotate(&self) -> Result<(), CommandError> {
        let path = self.folder.keys();
        let id = KeyList::rotate(&path, self.now_us).map_err(|error| format!("{}: {error}", path.display()))?;
        print(&format!(
            "key {id} signs from now on; the older ones verify until `agora keys retire ID`\n"
        ))
    }

    fn retire(&self, id: &str, yes: bool) -> Result<(), CommandError> {
        let path = self.folder.keys();
        let credentials = self.credentials()?;
        let mut revoked = Vec::new();
        let retired = KeyList::retire(&path, id, |keys| {
            let dependents = self.dependents(keys, &credentials, id);
            if yes {
                revoked = dependents.iter().map(|credential| credential.id.clone()).collect();
                return Ok(());
            }
            self.require_unused(keys, id, &dependents)
        });
        retired.map_err(|error| format!("{}: {error}", path.display()))?;
        // After the key is gone, which is what matters most where it leaked. Connections of these programs end by this.
        let list = self.folder.credentials();
        for credential in &revoked {
            let revoked = CredentialList::update(&list, self.now_us, |list| list.revoke(credential, self.now_us));
            revoked.map_err(|error| format!("{}: {error}", list.display()))?;
        }
        print(&format!(
            "key {id} is retired; {} credentials are revoked\n",
            revoked.len()
        ))
    }

    /// Refuses while a token that the key signed may be valid.
    fn require_unused(&self, keys: &KeyList, id: &str, dependents: &[&Credential]) -> io::Result<()> {
        if !dependents.is_empty() {
            let why = format!(
                "these credentials depend on the key {id}: {}. Give each program a new one (`agora token --service NAME`) and \
                 revoke the old one (`agora token revoke ID`), or repeat the command with --yes, which revokes them",
                names(dependents)
            );
            return Err(io::Error::other(why));
        }
        match self.people_until(keys, id) {
            Some(until) if until <= self.now_us => Ok(()),
            Some(until) => Err(io::Error::other(format!(
                "access tokens of people that the key {id} signed are valid until {}: retire it then, or repeat the command with \
                 --yes",
                format_time(until)
            ))),
            None => Err(io::Error::other(format!(
                "it is not known when the key {id} stopped signing: repeat the command with --yes when {} s have passed since then",
                self.access_us / 1_000_000
            ))),
        }
    }

    /// When the last access token of a person that the key signed ends.
    fn people_until(&self, keys: &KeyList, id: &str) -> Option<i64> {
        // Times in tokens are whole seconds.
        keys.superseded_us(id).map(|since| since + self.access_us + 1_000_000)
    }

    /// The credentials that the key signed and that are valid.
    fn dependents<'a>(&self, keys: &KeyList, credentials: &'a CredentialList, id: &str) -> Vec<&'a Credential> {
        let depends = |credential: &&Credential| {
            credential.revoked_us.is_none()
                && credential.expires_us > self.now_us
                && match &credential.key {
                    Some(key) => key == id,
                    None => keys.may_have_signed(id, credential.made_us),
                }
        };
        credentials.credentials().iter().filter(depends).collect()
    }
}

fn names(credentials: &[&Credential]) -> String {
    let names = credentials
        .iter()
        .map(|credential| format!("{} ({})", credential.id, credential.service));
    names.collect::<Vec<_>>().join(", ")
}

fn format_time(us: i64) -> String {
    to_date_time(us).to_string()
}
