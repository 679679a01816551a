//! The shop through its schema.

mod access;
mod catalog;
mod deleting;
mod indexes;
mod paging;
mod placing;
mod sample;
mod schema;
mod stock_conservation;
mod subscription;
mod support;
mod updating;
