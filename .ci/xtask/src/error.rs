//! The outcome of a task.

/// The outcome of a task; the error is a message for the developer.
pub type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;
