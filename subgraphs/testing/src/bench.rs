//! The common part of all benches: their arguments, their rounds, the processor time, and the median.
//!
//! `cargo bench` measures. `cargo test --bench` runs the same bench once on a small database for a fraction of a second:
//! it compares the answers, and its figures mean nothing. `.ci/run` does that with every bench, so that none stops working
//! unnoticed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

const USAGE: &str = "\
Usage: cargo bench -p PACKAGE --bench NAME -- [FOLDER] [--filter TEXT] [--rounds N] [--times N] [--smoke]

  FOLDER          where the databases are; without it, the target folder
  --filter TEXT   only the variants whose name contains TEXT
  --rounds N      the number of measured rounds, from 1
  --times N       the number of operations in a round, from 1, where a round counts them
  --smoke         one short round on a small database, as `cargo test --bench` does";

/// The length of each part of a smoke run that has a length.
const SMOKE_TIME: Duration = Duration::from_millis(20);

/// The arguments of a bench.
#[derive(Debug)]
pub struct Bench {
    smoke: bool,
    folder: PathBuf,
    filter: String,
    rounds: Option<u32>,
    times: Option<u32>,
}

/// One round of a bench.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    is_measured: bool,
}

impl Bench {
    /// Reads the arguments of this process. The folder without a `FOLDER` is the caller's `CARGO_TARGET_TMPDIR`.
    pub fn from_args(target_folder: &str) -> Self {
        match Self::parse(target_folder, std::env::args().skip(1)) {
            Ok(bench) => bench,
            Err(problem) => {
                eprintln!("{problem}\n\n{USAGE}");
                std::process::exit(2)
            }
        }
    }

    fn parse(target_folder: &str, arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut bench = Self {
            smoke: true,
            folder: target_folder.into(),
            filter: String::new(),
            rounds: None,
            times: None,
        };
        let (mut arguments, mut smoke) = (arguments.into_iter(), false);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                // `cargo bench` passes it, and `cargo test` does not.
                "--bench" => bench.smoke = false,
                "--smoke" => smoke = true,
                "--filter" => bench.filter = value()?,
                "--rounds" => bench.rounds = Some(number_of("--rounds", &value()?)?),
                "--times" => bench.times = Some(number_of("--times", &value()?)?),
                option if option.starts_with('-') => return Err(format!("{option} is not an option")),
                folder => bench.folder = folder.into(),
            }
        }
        bench.smoke |= smoke;
        Ok(bench)
    }

    /// Returns the folder for the databases.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the first value for a measurement, the second for a smoke run.
    pub fn size<T>(&self, measurement: T, smoke: T) -> T {
        if self.smoke { smoke } else { measurement }
    }

    /// Returns the number of operations in a round.
    pub fn times(&self, measurement: u32, smoke: u32) -> u32 {
        self.times.unwrap_or(self.size(measurement, smoke))
    }

    /// Returns how long a part of a round runs.
    pub fn time(&self, measurement: Duration) -> Duration {
        self.size(measurement, SMOKE_TIME)
    }

    /// Returns the rounds: one that warms up and is not measured, and this many others. A smoke run has one.
    pub fn rounds(&self, measurement: u32) -> impl Iterator<Item = Round> + use<> {
        let rounds = self.rounds.unwrap_or(measurement);
        let all = self.size(0..=rounds, 1..=1);
        all.map(|round| Round { is_measured: round > 0 })
    }

    /// Whether the filter selects the variant of that name.
    pub fn selects(&self, variant: &str) -> bool {
        variant.contains(&self.filter)
    }
}

fn number_of(option: &str, value: &str) -> Result<u32, String> {
    let number = value.parse().ok().filter(|number| *number > 0);
    number.ok_or(format!("{option} must be a number from 1, not {value}"))
}

impl Round {
    /// Keeps the figure, unless this round only warms up.
    pub fn record<T>(self, figures: &mut Vec<T>, figure: T) {
        if self.is_measured {
            figures.push(figure);
        }
    }
}

/// Returns the processor time of all threads of this process, in nanoseconds. Neither waiting nor the load of other
/// programs counts.
///
/// The counts of single threads (Linux: `schedstat`) would lack up to 4 ms of the thread that reads them.
pub fn processor_ns() -> f64 {
    let time = Duration::try_from(clock_gettime(ClockId::ProcessCPUTime));
    time.unwrap_or_default().as_secs_f64() * 1e9
}

/// Returns the median.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
