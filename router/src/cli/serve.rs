//! `agora demo`, `agora serve` and `agora order-replica`: the commands that run until a signal.

use std::sync::Arc;

use contract::SystemClock;

use super::{CommandError, Problems, log};
use crate::app::App;
use crate::config::{Settings, SettingsFlags};
use crate::order_service::{self, ReplicaArgs};
use crate::serve::{Addresses, Front};

pub(super) async fn demo(flags: &SettingsFlags) -> Result<(), CommandError> {
    let settings = Settings::read_with_defaults(Settings::demo(), flags)?;
    settings.require_loopback()?;
    log::start(&settings);
    let addresses = reserve(&settings)?;
    let app = App::open(&settings, Arc::new(SystemClock)).await?;
    // The sample data contains trades.
    let replicas = app.start_replicas(&settings, &order_service::own_executable()).await?;
    crate::demo::seed(&app.services).await?;
    crate::serve::run(app, replicas, addresses, &settings, &Front::Demo).await?;
    Ok(())
}

pub(super) async fn serve(flags: &SettingsFlags) -> Result<(), CommandError> {
    serve_front(&Settings::read(flags)?, &Front::Graph).await
}

/// Serves a data folder without sample data.
pub(super) async fn serve_front(settings: &Settings, front: &Front) -> Result<(), CommandError> {
    log::start(settings);
    let addresses = reserve(settings)?;
    let app = App::open(settings, Arc::new(SystemClock)).await?;
    let replicas = app.start_replicas(settings, &order_service::own_executable()).await?;
    crate::serve::run(app, replicas, addresses, settings, front).await?;
    Ok(())
}

pub(super) async fn order_replica(args: &ReplicaArgs) -> Result<(), CommandError> {
    let settings = args.settings()?;
    log::start(&settings);
    Ok(order_service::run_replica(args, &settings).await?)
}

/// Reserves the addresses before the data folder is opened, so that a start with a taken one leaves no folder behind.
pub(super) fn reserve(settings: &Settings) -> Result<Addresses, Problems> {
    Addresses::reserve(settings).map_err(|refused| Problems::new(&refused))
}
