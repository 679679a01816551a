//! `agora order-members`: shows and changes the members of the order service.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use order_log::{FrontEnd, NodeStatus, ReplicaId, SetupError};
use serde::Serialize;
use tokio::time::Instant;

use super::replica::{CredentialPart, shared_secret};
use crate::config::{ConfigError, OrderReplicas, ReplicaUrl, Settings, http_url, replica_id, urls_by_id};

/// The subcommands of `agora order-members`.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum MembersCommand {
    /// Prints each member: its id, its address, whether it is alive, has caught up and leads, its term and its last order.
    List {
        /// The addresses and the credential of the replicas.
        #[command(flatten)]
        cluster: ClusterArgs,
    },
    /// Adds a replica that was started with `--joins`, and returns when it has caught up and votes.
    Add {
        /// The replica's id, which no replica ever had.
        #[arg(long, value_name = "N", value_parser = replica_id)]
        id: ReplicaId,
        /// The address at which the others reach the replica.
        #[arg(long, value_name = "URL", value_parser = http_url)]
        url: String,
        /// The addresses and the credential of the replicas.
        #[command(flatten)]
        cluster: ClusterArgs,
    },
    /// Removes a replica, whether or not it still runs.
    Remove {
        /// The replica's id.
        #[arg(long, value_name = "N", value_parser = replica_id)]
        id: ReplicaId,
        /// The addresses and the credential of the replicas.
        #[command(flatten)]
        cluster: ClusterArgs,
    },
}

/// The addresses and the credential of the replicas.
#[derive(Clone, Debug, clap::Args, Serialize)]
pub struct ClusterArgs {
    /// Any member to ask, or several with commas. By default, those of the setting `order_replicas`.
    #[arg(long = "peer", value_name = "ID=URL", value_delimiter = ',')]
    #[serde(skip)]
    peers: Vec<ReplicaUrl>,
    /// A TOML file, from which the command reads `[orders]`, `[replicas]` and `[limits]`.
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,
    #[command(flatten)]
    orders: CredentialPart,
}

/// The reason why the command failed.
#[derive(Debug, thiserror::Error)]
pub enum MembersError {
    /// A setting cannot be used.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// An address cannot be used.
    #[error(transparent)]
    Address(#[from] SetupError),
    /// The replica to add does not answer. The other replicas would keep sending entries that it does not receive.
    #[error("replica {0} does not answer as such at {1}: start it first, with --joins and the same credential")]
    NotResponding(ReplicaId, String),
    /// The order service refused the command or does not answer.
    #[error(transparent)]
    OrderService(#[from] order_log::Error),
}

impl MembersCommand {
    /// Executes the command, and returns its output.
    ///
    /// # Errors
    /// When a setting cannot be used, or the order service does not execute the command in time.
    pub async fn execute(&self) -> Result<String, MembersError> {
        match self {
            Self::List { cluster } => list(cluster).await,
            Self::Add { id, url, cluster } => {
                let (front_end, settings) = cluster.front_end()?;
                let added = FrontEnd::new(
                    BTreeMap::from([(*id, url.clone())]),
                    shared_secret(&settings)?,
                    settings.order_log(),
                )?;
                if !added.statuses().await.iter().any(|status| status.alive) {
                    return Err(MembersError::NotResponding(*id, url.clone()));
                }
                front_end
                    .add_replica(*id, url, deadline(settings.replicas.order_snapshot_ms_max))
                    .await?;
                Ok(format!("replica {id} is a member\n"))
            }
            Self::Remove { id, cluster } => {
                let (front_end, settings) = cluster.front_end()?;
                let deadline = deadline(settings.replicas.order_snapshot_ms_max);
                if !front_end.members(deadline).await?.contains_key(id) {
                    return Ok(format!("replica {id} is not a member\n"));
                }
                front_end.remove_replica(*id, deadline).await?;
                Ok(format!(
                    "replica {id} is no longer a member; stop it, and never start it again\n"
                ))
            }
        }
    }
}

impl ClusterArgs {
    fn front_end(&self) -> Result<(FrontEnd, Settings), MembersError> {
        let settings = Settings::read_from(Settings::default(), self.config.as_deref(), self)?;
        let urls = match (&self.peers[..], &settings.orders.order_replicas) {
            ([], OrderReplicas::External(urls)) => urls.clone(),
            ([], _) => return Err(ConfigError::new("peer", "is needed: where a replica is that runs").into()),
            (peers, _) => urls_by_id(peers.to_vec()).map_err(|why| ConfigError::new("peer", why))?,
        };
        let front_end = FrontEnd::new(urls, shared_secret(&settings)?, settings.order_log())?;
        Ok((front_end, settings))
    }
}

async fn list(cluster: &ClusterArgs) -> Result<String, MembersError> {
    let (front_end, settings) = cluster.front_end()?;
    let mut urls = front_end
        .members(deadline(settings.replicas.order_answer_ms_max))
        .await?;
    // The addresses of our settings take precedence over the log's, since addresses change.
    for (id, url) in front_end.urls() {
        urls.entry(*id).and_modify(|known| known.clone_from(url));
    }
    let all = FrontEnd::new(urls.clone(), shared_secret(&settings)?, settings.order_log())?;
    Ok(table(&urls, &all.statuses().await))
}

fn table(urls: &BTreeMap<ReplicaId, String>, statuses: &[NodeStatus]) -> String {
    let mut lines = vec![["ID", "URL", "STATE", "ROLE", "TERM", "APPLIED"].map(str::to_owned)];
    for (status, url) in statuses.iter().zip(urls.values()) {
        let state = match (status.alive, status.ready) {
            (false, _) => "dead",
            (true, false) => "catching up",
            (true, true) => "alive",
        };
        let role = if status.leader { "leader" } else { "follower" };
        let (role, term, applied) = if status.alive {
            (role, status.term.to_string(), status.applied.to_string())
        } else {
            ("-", "-".to_owned(), "-".to_owned())
        };
        lines.push([
            status.id.to_string(),
            url.clone(),
            state.to_owned(),
            role.to_owned(),
            term,
            applied,
        ]);
    }
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..6).map(width).collect();
    let padded = |line: &[String; 6]| -> String {
        let cells: Vec<String> = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    lines.iter().map(padded).collect()
}

fn deadline(ms: u64) -> Instant {
    Instant::now() + Duration::from_millis(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_member_list_is_aligned_in_columns() {
        let urls = [(1, "http://10.0.0.1:4100"), (2, "http://b:80"), (3, "http://c:80")];
        let urls = urls.map(|(id, url)| (id, url.to_owned()));
        let status = |id, alive, ready, leader| NodeStatus {
            id,
            alive,
            ready,
            leader,
            term: 2,
            applied: 41,
        };
        let statuses = [
            status(1, true, true, true),
            status(2, false, false, false),
            status(3, true, false, false),
        ];
        assert_eq!(
            table(&BTreeMap::from(urls), &statuses),
            "ID  URL                   STATE        ROLE      TERM  APPLIED\n\
             1   http://10.0.0.1:4100  alive        leader    2     41\n\
             2   http://b:80           dead         -         -     -\n\
             3   http://c:80           catching up  follower  2     41\n"
        );
    }
}
