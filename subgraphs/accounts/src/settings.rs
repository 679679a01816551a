//! The bounds of signing in. Every one is a setting.

use serde::{Deserialize, Serialize};

/// The bounds of signing in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Seconds an access token lives.
    pub access_seconds: u32,
    /// Seconds a refresh token lives; each use of one makes another that lives as long.
    pub refresh_seconds: u32,
    /// Passwords being hashed at once. Each takes a core and [`argon2_memory_kib`](Self::argon2_memory_kib).
    pub hashing_at_once: u32,
    /// Milliseconds a request waits for its turn to hash before it is answered `UNAVAILABLE`.
    pub hashing_wait_ms_max: u64,
    /// KiB of memory one hash takes (RFC 9106, `m`).
    pub argon2_memory_kib: u32,
    /// Passes over that memory (RFC 9106, `t`).
    pub argon2_passes: u32,
    /// Wrong passwords for one account before the next attempt is answered `RATE_LIMITED`.
    pub failed_logins_max: u32,
    /// Seconds from the first of those wrong passwords until they are forgotten.
    pub failed_logins_seconds: u32,
    /// Accounts whose wrong passwords are remembered; beyond it the oldest are forgotten.
    pub failed_logins_accounts_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            access_seconds: 15 * 60,
            refresh_seconds: 30 * 24 * 3600,
            hashing_at_once: 2,
            hashing_wait_ms_max: 5_000,
            // OWASP's recommendation for Argon2id with one lane.
            argon2_memory_kib: 19_456,
            argon2_passes: 2,
            failed_logins_max: 10,
            failed_logins_seconds: 15 * 60,
            failed_logins_accounts_max: 10_000,
        }
    }
}
