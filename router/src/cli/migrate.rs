//! `agora migrate`: brings the tables of a data folder to the newest schema, tells where they are, or goes back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use contract::{Clock, InProcessBus, SystemClock, to_date_time};
use migrations::{DataLoss, Migrator, MigratorTrait};
use sea_orm::DbErr;

use super::{CommandError, log, print};
use crate::app;
use crate::config::{DataFolder, Settings, SettingsFlags};

/// The arguments of `agora migrate`.
#[derive(Debug, Args)]
pub(super) struct MigrateArgs {
    /// Reverts this number of the latest migrations instead. It shows the tables and columns that would go, with the rows that have
    /// content, and changes nothing without `--yes`.
    #[arg(long, value_name = "STEPS", value_parser = clap::value_parser!(u32).range(1..))]
    down: Option<u32>,
    /// Reverts the migrations, after a copy of the database into the data folder.
    #[arg(long, requires = "down")]
    yes: bool,
    /// Only lists which migrations are applied and which are pending. It changes nothing, and a server may run.
    #[arg(long, conflicts_with = "down")]
    status: bool,
    #[command(flatten)]
    settings: SettingsFlags,
}

impl MigrateArgs {
    pub(super) async fn run(&self) -> Result<(), CommandError> {
        let settings = Settings::read(&self.settings)?;
        log::start(&settings);
        let folder = DataFolder::new(&settings.server.data);
        match self.down {
            Some(steps) => {
                let plan = Reversal::plan(&folder, steps).await?;
                if !self.yes {
                    return Err(plan.refusal().into());
                }
                print(&plan.to_string())?;
                migrate(&settings, &folder, Direction::Down(steps)).await?;
            }
            None if self.status => {
                if !folder.database().exists() {
                    let path = folder.path().display();
                    eprintln!("agora: {path} has no database yet: `agora serve` and `agora migrate` create it");
                }
            }
            None => migrate(&settings, &folder, Direction::Up).await?,
        }
        print(&status_lines(&status(&folder).await?))
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down(u32),
}

async fn migrate(settings: &Settings, folder: &DataFolder, direction: Direction) -> Result<(), CommandError> {
    let _lock = app::lock(folder)?;
    if let Direction::Down(_) = direction {
        back_up(folder).await?;
    }
    let db = app::connect(settings, folder, Arc::new(InProcessBus::new(1))).await?;
    let migrated = db
        .migrate(async move |connection| match direction {
            Direction::Up => Migrator::up(connection, None).await,
            Direction::Down(steps) => Migrator::down(connection, Some(steps)).await,
        })
        .await;
    // Also after an error: the steps before it are complete.
    let closed = db.close().await;
    migrated.map_err(app::OpenError::from)?;
    Ok(closed.map_err(contract::Error::from)?)
}

/// The migrations of a folder, each with whether it is applied. Nothing is written.
async fn status(folder: &DataFolder) -> Result<Vec<(String, bool)>, CommandError> {
    let path = folder.database();
    let failed = |error| format!("{}: {error}", path.display());
    let Some(db) = contract::open_read_only(&path).await.map_err(failed)? else {
        let names = Migrator::migrations();
        return Ok(names
            .iter()
            .map(|migration| (migration.name().to_owned(), false))
            .collect());
    };
    let status = migrations::status(&db).await.map_err(failed);
    db.close().await.map_err(failed)?;
    Ok(status?)
}

fn status_lines(status: &[(String, bool)]) -> String {
    let word = |is_applied: &bool| if *is_applied { "Applied" } else { "Pending" };
    let lines = status
        .iter()
        .map(|(name, is_applied)| format!("{name:<24} {}\n", word(is_applied)));
    lines.collect()
}

/// Copies the database and the number of its commits into a new folder of the data folder, and says where.
async fn back_up(folder: &DataFolder) -> Result<(), CommandError> {
    let time = to_date_time(SystemClock.now_us()).to_string().replace(':', "");
    let backup = folder.path().join(format!("before-down-{time}"));
    let failed = |error: std::io::Error| format!("{}: {error}; nothing was changed", backup.display());
    let (from, to) = (folder.database(), backup.clone());
    let copied = tokio::task::spawn_blocking(move || copy_files(&from, &to)).await?;
    copied.map_err(failed)?;
    let backup = backup.display();
    print(&format!("the database as it was is in {backup}\n"))
}

fn copy_files(database: &Path, backup: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().mode(0o700).create(backup)?;
    let named = |path: &Path| -> PathBuf { backup.join(path.file_name().unwrap_or_default()) };
    contract::copy_database(database, &named(database))?;
    // Without it, a start could not tell whether the copy has all commits.
    let mut commits = database.as_os_str().to_owned();
    commits.push(".commits");
    let commits = PathBuf::from(commits);
    match std::fs::copy(&commits, named(&commits)) {
        // An older build counted none.
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A reversal before it happens.
struct Reversal {
    /// The latest first.
    migrations: Vec<String>,
    losses: Vec<DataLoss>,
}

impl Reversal {
    async fn plan(folder: &DataFolder, steps: u32) -> Result<Self, CommandError> {
        let path = folder.database();
        let failed = |error| format!("{}: {error}", path.display());
        let Some(db) = contract::open_read_only(&path).await.map_err(failed)? else {
            return Err(format!(
                "{} has no database, so there is nothing to revert",
                folder.path().display()
            )
            .into());
        };
        let planned = async {
            let status = migrations::status(&db).await?;
            let applied: Vec<String> = status
                .into_iter()
                .filter(|(_, is_applied)| *is_applied)
                .map(|(name, _)| name)
                .collect();
            let losses = if steps as usize > applied.len() {
                Vec::new()
            } else {
                migrations::data_losses(&db, steps).await?
            };
            Ok::<_, DbErr>((applied, losses))
        };
        let planned = planned.await.map_err(failed);
        db.close().await.map_err(failed)?;
        let (applied, losses) = planned?;
        if steps as usize > applied.len() {
            let why = format!(
                "down: {steps} steps are more than the {} that are applied; nothing was changed",
                applied.len()
            );
            return Err(why.into());
        }
        Ok(Self {
            migrations: applied.into_iter().rev().take(steps as usize).collect(),
            losses,
        })
    }

    fn refusal(&self) -> String {
        format!(
            "{self}Nothing was changed. Money that brokers or orders have would go back to its owners. Repeat the command with --yes: \
             it first copies the database into the data folder"
        )
    }
}

impl std::fmt::Display for Reversal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "this reverts {}", self.migrations.join(", "))?;
        if self.losses.is_empty() {
            return writeln!(f, "no table and no column goes");
        }
        writeln!(
            f,
            "these tables and columns go, with that number of rows that have content:"
        )?;
        for loss in &self.losses {
            writeln!(f, "  {:<40} {:>10}", loss.object, loss.rows)?;
        }
        Ok(())
    }
}
