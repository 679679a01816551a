//! A run: sets the world up, lets the people live, and sums up.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::task::JoinSet;

use crate::caller::{Abandoned, Caller};
use crate::conservation;
use crate::http::Target;
use crate::memory::{MemoryReader, MemorySource};
use crate::options::{Credential, Extent, Options};
use crate::recorder::Recorder;
use crate::report::{Lives, Report};
use crate::scenario::{self, LifePlan};
use crate::stress::{self, Persistence};
use crate::world::{Operator, Session, World};

/// The pause after a life that ended with an error, so that a server that is away is not asked without end.
const ABANDONED_PAUSE: Duration = Duration::from_millis(500);
/// The interval of the rows over time.
const ROW: Duration = Duration::from_secs(1);
/// The lives that end with an error, after which a place with a fixed number of lives gives up.
const ABANDONED_MAX: u32 = 3;

/// The run could not begin.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The server refuses or does not answer what a run needs first.
    #[error("the run cannot be set up at {target}: {reason}")]
    SetUp {
        /// The server.
        target: Target,
        /// The first finding.
        reason: String,
    },
    /// An option contradicts another one.
    #[error("{0}")]
    Options(&'static str),
}

/// Runs a load test and returns its report, which says whether anything was wrong.
///
/// # Errors
/// When the run cannot begin. The report has everything that happens during the run.
pub async fn run(options: Options) -> Result<Report, LoadError> {
    if options.users == 0 {
        return Err(LoadError::Options("a run needs at least one user"));
    }
    let recorder = Arc::new(Recorder::new());
    let mut caller = Caller::new(options.target.clone(), options.patience, recorder.clone());
    let Ok((operator, world)) = set_up(&options, &mut caller).await else {
        let finding = recorder.recording().findings.into_iter().next();
        let reason = finding.map_or_else(String::new, |found| {
            format!("{}: {} ({})", found.step, found.message, found.answer)
        });
        let target = options.target;
        return Err(LoadError::SetUp { target, reason });
    };
    let world = Arc::new(world);
    let began = Instant::now();
    let people = populate(&options, &world, &recorder);
    let mut hostile = annoy(&options, &world, &recorder);
    let lives = with_progress(&options, &recorder, people).await;
    match options.extent {
        Extent::Time(_) => hostile.shutdown().await,
        Extent::Lives(_) => while hostile.join_next().await.is_some() {},
    }
    let elapsed = began.elapsed();
    let checks = conservation::check(&mut caller, &operator, &world).await;
    Ok(Report::new(&options, elapsed, lives, recorder.recording(), checks))
}

async fn set_up(options: &Options, caller: &mut Caller) -> Result<(Operator, World), Abandoned> {
    let operator = match &options.credential {
        Credential::Service(token) => Operator::Service(token.as_str().into()),
        Credential::Administrator(name, password) => Operator::Person(Session::open(caller, name, password).await?),
    };
    let world = World::set_up(caller, &operator, run_name(options.seed), options.users).await?;
    Ok((operator, world))
}

/// Returns a name that no other run has: names of accounts are never reused.
fn run_name(seed: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut number = u64::try_from(now.as_millis()).unwrap_or_default().wrapping_mul(1_000) ^ (seed % 1_000);
    let mut name = Vec::new();
    while number > 0 {
        // Letters and digits that make no word and no role.
        name.push(b"0123456789bcdfghjkmnpqrstvwxz"[usize::try_from(number % 29).unwrap_or_default()]);
        number /= 29;
    }
    String::from_utf8(name).unwrap_or_default()
}

fn populate(options: &Options, world: &Arc<World>, recorder: &Arc<Recorder>) -> JoinSet<Lives> {
    let mut people = JoinSet::new();
    let deadline = match options.extent {
        Extent::Time(time) => Some(Instant::now() + time),
        Extent::Lives(_) => None,
    };
    let plan = LifePlan {
        rounds: options.rounds,
        think: options.think,
        deadline,
    };
    for place in 0..options.users {
        let (options, world, recorder) = (options.clone(), world.clone(), recorder.clone());
        people.spawn(async move { inhabit(&options, &world, &recorder, place, plan).await });
    }
    people
}

fn annoy(options: &Options, world: &World, recorder: &Arc<Recorder>) -> JoinSet<()> {
    let mut clients = JoinSet::new();
    let persistence = match options.extent {
        Extent::Time(_) => Persistence::Endless,
        Extent::Lives(lives) => Persistence::Times(lives),
    };
    for place in 0..options.hostile {
        let (target, recorder, run) = (options.target.clone(), recorder.clone(), world.run.clone());
        clients.spawn(stress::annoy(
            target,
            options.patience,
            recorder,
            run,
            place,
            options.seed,
            persistence,
        ));
    }
    clients
}

/// Lets one person after the other live at a place.
async fn inhabit(
    options: &Options,
    world: &Arc<World>,
    recorder: &Arc<Recorder>,
    place: usize,
    plan: LifePlan,
) -> Lives {
    let mut lives = Lives::default();
    for life in 0.. {
        let is_enough = match options.extent {
            Extent::Time(_) => plan.is_over(),
            Extent::Lives(max) => lives.complete >= u64::from(max) || lives.abandoned >= u64::from(ABANDONED_MAX),
        };
        if is_enough {
            break;
        }
        let caller = Caller::new(options.target.clone(), options.patience, recorder.clone());
        if scenario::live(caller, world, place, life, options.seed, plan).await {
            lives.complete += 1;
        } else {
            lives.abandoned += 1;
            tokio::time::sleep(ABANDONED_PAUSE).await;
        }
    }
    lives
}

/// Waits for all people, and shows and records a row each second.
async fn with_progress(options: &Options, recorder: &Recorder, mut people: JoinSet<Lives>) -> Lives {
    let mut lives = Lives::default();
    let mut rows = tokio::time::interval(ROW);
    rows.tick().await;
    let mut memory = options.memory.clone().map(MemorySource::reader);
    loop {
        tokio::select! {
            ended = people.join_next() => match ended {
                Some(Ok(of_one)) => {
                    lives.complete += of_one.complete;
                    lives.abandoned += of_one.abandoned;
                }
                Some(Err(_)) => lives.abandoned += 1,
                None => break,
            },
            _ = rows.tick() => {
                let second = recorder.end_second(bytes(&mut memory).await);
                options.display.row(&second, &recorder.totals(), people.len());
            }
        }
    }
    // A part of a second would look like a dip; a short run has no other row.
    if recorder.is_without_rows() {
        recorder.end_second(bytes(&mut memory).await);
    }
    options.display.end();
    lives
}

/// Returns the memory of the server in bytes, if it is known.
async fn bytes(memory: &mut Option<MemoryReader>) -> Option<u64> {
    match memory {
        Some(reader) => reader.bytes().await,
        None => None,
    }
}
