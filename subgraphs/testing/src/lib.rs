//! The common basis of all domains' tests: [`TestServices`] over a database of their own, the domain on them
//! ([`TestDomain`]), viewers that query it ([`member`], [`admin`], [`service`]) and readers of its answers
//! ([`code`], [`received_events`]). [`bench`] is the common part of the benches. Only tests and benches depend on this crate.
//!
//! A test fails by panicking, and so do the helpers here.

pub mod bench;
mod checked_in;
mod domain;
mod events;
mod services;
mod viewers;

pub use checked_in::assert_checked_in;
pub use domain::{TestDomain, code};
pub use events::received_events;
pub use services::{NEW_YEAR_US, TestServices};
pub use viewers::{admin, member, service};
