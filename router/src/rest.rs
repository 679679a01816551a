//! The documented REST routes, as data.
