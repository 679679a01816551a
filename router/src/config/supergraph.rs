//! The settings of a router's supergraph file.

use std::time::Duration;

use contract::settings;

settings! {
    /// The supergraph file of a router.
    SupergraphSettings with flags SupergraphFlags under "Supergraph" {
        /// Milliseconds between two looks at the supergraph file, whose changes are served without a restart; 0 disables them. SIGHUP
        /// reads the file at once in any case.
        supergraph_poll_ms: u64 = 1_000,
    }
}

impl SupergraphSettings {
    /// Returns the time between two looks at the file; `None` if there are none.
    pub fn poll_interval(&self) -> Option<Duration> {
        (self.supergraph_poll_ms > 0).then(|| Duration::from_millis(self.supergraph_poll_ms))
    }
}
