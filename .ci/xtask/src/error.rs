//! The outcome of a task.

/// The outcome of a task; the error is a text for the person at the keyboard.
pub type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;
