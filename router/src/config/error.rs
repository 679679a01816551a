//! The errors of settings.

/// An invalid setting, with its name and the reason.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {why}")]
pub struct ConfigError {
    pub(super) name: String,
    pub(super) why: String,
}

impl ConfigError {
    pub(crate) fn new(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            why: why.into(),
        }
    }
}
