//! The bounds of signing in. Every one is a setting.

contract::settings! {
    /// The bounds of signing in.
    Settings with flags SettingsFlags under "Accounts" {
        /// Seconds an access token lives.
        access_seconds: u32 = 15 * 60,
        /// Seconds a refresh token lives; each use of one makes another that lives as long.
        refresh_seconds: u32 = 30 * 24 * 3600,
        /// Passwords being hashed at once. Each takes a core and `argon2_memory_kib`.
        hashing_at_once: u32 = 2,
        /// Milliseconds a request waits for its turn to hash before it is answered `UNAVAILABLE`.
        hashing_wait_ms_max: u64 = 5_000,
        /// KiB of memory one hash takes (RFC 9106, `m`). OWASP's recommendation for Argon2id with one lane.
        argon2_memory_kib: u32 = 19_456,
        /// Passes over that memory (RFC 9106, `t`).
        argon2_passes: u32 = 2,
        /// Wrong passwords for one name from one address before the next attempt is answered `RATE_LIMITED`.
        failed_logins_max: u32 = 10,
        /// Seconds from the first of those wrong passwords until they are forgotten.
        failed_logins_seconds: u32 = 15 * 60,
        /// Names and addresses whose wrong passwords are remembered, and sign-ins by address; beyond it the fewest failures are forgotten.
        failed_logins_accounts_max: usize = 10_000,
    }
}
