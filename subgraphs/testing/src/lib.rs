//! The common basis of all domains' tests: [`TestServices`] over a database of their own, the domain on them
//! ([`TestDomain`]), and the [`Client`] of GraphQL that every harness gives its tests: [`Client::query`] returns an
//! [`Answer`], [`Client::sign_in`] a [`Person`]. A harness plugs its service in as a [`Transport`]. [`within`] bounds
//! a wait. [`bench`] is the common part of the benches. Only tests and benches depend on this crate.
//!
//! A test fails by panicking, and so do the helpers here.

mod answer;
pub mod bench;
mod checked_in;
mod client;
mod domain;
mod events;
mod gate;
mod people;
mod services;
mod viewers;
mod within;

pub use answer::{Answer, number_of};
pub use checked_in::assert_checked_in;
pub use client::{Client, Request, Transport};
pub use domain::TestDomain;
pub use events::received_events;
pub use gate::{Gate, until_waiting};
pub use people::{LOGIN, Person, REGISTER};
pub use services::{NEW_YEAR_US, TestServices};
pub use viewers::{admin, member, service};
pub use within::within;
