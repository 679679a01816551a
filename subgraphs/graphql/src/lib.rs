//! async-graphql, with an executor of our own for objects and for whole documents.
//!
//! The domains depend on this crate under the name `async_graphql`. It is async-graphql, item by item, except for the two
//! functions that its macros call for an object: [`resolver_utils::resolve_container`] and its serial form. Types,
//! registry, schema, validation and subscriptions are the library's. [`Documents`] executes a document that the router
//! has validated, without the passes of [`Schema::execute`] over it. Extensions that resolve fields are not called.

mod documents;
mod object;

pub use async_graphql::*;

pub use documents::{DocumentRequest, Documents, Root};

/// The functions that async-graphql's macros call.
pub mod resolver_utils {
    pub use async_graphql::resolver_utils::*;

    pub use crate::object::{resolve_container, resolve_container_serial};
}
