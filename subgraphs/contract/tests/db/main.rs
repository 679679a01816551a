//! `Db`, on real files.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod doors;
mod groups;
mod kill;
mod support;
