//! Tests of the executor: it answers what async-graphql's own executor answers.

mod documents;
mod schemas;
