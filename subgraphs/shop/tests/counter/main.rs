//! The shop through its schema.

mod access;
mod catalog;
mod changes;
mod conserved;
mod deleting;
mod indexes;
mod paging;
mod placing;
mod sample;
mod schema;
mod support;
mod updating;
