//! What the tests of every domain start from: [`TestServices`] over a database of their own, the domain on them
//! ([`TestDomain`]), people to ask it ([`member`], [`admin`], [`service`]) and readers of what it says ([`code`],
//! [`heard`]). Nothing but tests depends on it.
//!
//! A test fails by panicking, and so does everything here.

mod checked_in;
mod domain;
mod events;
mod services;
mod viewers;

pub use checked_in::assert_checked_in;
pub use domain::{TestDomain, code};
pub use events::heard;
pub use services::{NEW_YEAR_US, TestServices};
pub use viewers::{admin, member, service};
