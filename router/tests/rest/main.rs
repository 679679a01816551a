//! The REST routes, through the front door.

mod access;
mod app;
mod bookstore;
