//! What the tests of every domain start from; nothing but tests depends on it.

mod checked_in;

pub use checked_in::assert_checked_in;
