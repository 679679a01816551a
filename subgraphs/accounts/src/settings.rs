//! The settings of signing in.

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
        /// Wrong passwords for one name, or one account, from one address before the next attempt has to wait (`RATE_LIMITED`).
        failed_logins_max: u32 = 10,
        /// The same for all addresses together. An address that the account signed in from before never waits for the right password.
        failed_logins_everywhere_max: u32 = 100,
        /// Seconds that the first such attempt has to wait; twice as long with each further wrong password.
        failed_logins_wait_seconds: u32 = 15,
        /// The longest wait, in seconds.
        failed_logins_wait_seconds_max: u32 = 15 * 60,
        /// The longest wait, in seconds, where all addresses together are counted: a guesser with many addresses makes everybody else wait.
        failed_logins_everywhere_wait_seconds_max: u32 = 60,
        /// Seconds after the last of those wrong passwords until they are forgotten.
        failed_logins_seconds: u32 = 24 * 3600,
        /// Counts of wrong passwords that are kept, up to four for each name; where there are more, a new name begins with the highest count that made room.
        failed_logins_accounts_max: usize = 100_000,
        /// Addresses that are remembered of one account because it signed in from there, the latest first.
        sign_in_addresses_max: u64 = 64,
    }
}
