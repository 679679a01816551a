//! `agora token`: creates, lists and revokes the credentials of services.

use clap::{Args, Subcommand};
use contract::{Clock, SystemClock, TokenKeys, to_date_time};

use super::{CommandError, print};
use crate::auth::CredentialList;
use crate::config::{DataFolder, Settings, SettingsFlags};

/// The default lifetime of a service credential in days: a year.
const DAYS_DEFAULT: u32 = 365;
const DAY_SECONDS: i64 = 24 * 3600;

/// The arguments of `agora token`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    command: Option<TokenCommand>,
    /// The service's name.
    #[arg(long, value_name = "NAME", required = true)]
    service: Option<String>,
    /// Days until the credential expires.
    #[arg(long, value_name = "DAYS", default_value_t = DAYS_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    #[command(flatten)]
    settings: SettingsFlags,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Lists the credentials that have not expired: id, service, creation, expiry, and whether the credential is revoked.
    List(Box<SettingsFlags>),
    /// Revokes a credential, also while the server runs. Its requests are refused; its subscriptions and WebSockets end.
    Revoke(Box<RevokeArgs>),
}

#[derive(Debug, Args)]
struct RevokeArgs {
    /// The credential's id, as `list` shows it.
    #[arg(required_unless_present = "service")]
    id: Option<String>,
    /// Revokes all credentials of a service that were created until now, including those without an id.
    #[arg(long, value_name = "NAME", conflicts_with = "id")]
    service: Option<String>,
    #[command(flatten)]
    settings: SettingsFlags,
}

impl TokenArgs {
    pub(super) fn run(self) -> Result<(), CommandError> {
        match (self.command, self.service) {
            (Some(TokenCommand::List(flags)), _) => list(&flags),
            (Some(TokenCommand::Revoke(args)), _) => revoke(&args),
            (None, Some(service)) => create(&self.settings, &service, self.days),
            (None, None) => Err("service is needed: --service NAME".into()),
        }
    }
}

fn create(flags: &SettingsFlags, service: &str, days: u32) -> Result<(), CommandError> {
    let folder = folder(flags)?;
    let name = contract::required_text("service", service, 64)?;
    let keys = TokenKeys::load(&folder.keys()).map_err(|error| {
        format!(
            "{}: {error}; start the server once, it makes its keys",
            folder.keys().display()
        )
    })?;
    let (now_us, seconds) = (SystemClock.now_us(), i64::from(days) * DAY_SECONDS);
    let id = update(&folder, now_us, |list| {
        list.add(&name, &keys.signing_id(), now_us, now_us + seconds * 1_000_000)
    })?;
    let (token, _) = keys.sign_credential(&name, &id, now_us, seconds);
    eprintln!("agora: this is credential {id}; `agora token revoke {id}` ends it");
    print(&format!("{token}\n"))
}

fn list(flags: &SettingsFlags) -> Result<(), CommandError> {
    let path = folder(flags)?.credentials();
    let list = CredentialList::load(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let now_us = SystemClock.now_us();
    let format_time = |us: i64| to_date_time(us).to_string();
    let lines = list
        .credentials()
        .iter()
        .filter(|credential| credential.expires_us > now_us)
        .map(|credential| {
            let state = match credential.revoked_us {
                Some(us) => format!("revoked {}", format_time(us)),
                None => "holds".to_owned(),
            };
            let (made, ends) = (format_time(credential.made_us), format_time(credential.expires_us));
            format!("{}\t{}\t{made}\t{ends}\t{state}\n", credential.id, credential.service)
        });
    print(&lines.collect::<String>())
}

fn revoke(args: &RevokeArgs) -> Result<(), CommandError> {
    let folder = folder(&args.settings)?;
    let now_us = SystemClock.now_us();
    match (&args.id, &args.service) {
        (Some(id), _) => {
            update(&folder, now_us, |list| list.revoke(id, now_us))?;
            print(&format!("credential {id} is revoked\n"))
        }
        (None, Some(service)) => {
            let revoked = update(&folder, now_us, |list| Ok(list.revoke_service(service, now_us)))?;
            print(&format!(
                "{revoked} credentials of {service} are revoked, and all without an id that were made until now\n"
            ))
        }
        (None, None) => Err("id is needed: agora token revoke ID".into()),
    }
}

fn folder(flags: &SettingsFlags) -> Result<DataFolder, CommandError> {
    Ok(DataFolder::new(&Settings::read(flags)?.server.data))
}

fn update<T>(
    folder: &DataFolder,
    now_us: i64,
    change: impl FnOnce(&mut CredentialList) -> std::io::Result<T>,
) -> Result<T, CommandError> {
    let path = folder.credentials();
    Ok(CredentialList::update(&path, now_us, change).map_err(|error| format!("{}: {error}", path.display()))?)
}
