//! The settings of authentication.

contract::settings! {
    /// The limits of authentication.
    Settings with flags SettingsFlags under "Accounts" {
        /// The lifetime of an access token in seconds.
        access_seconds: u32 = 15 * 60,
        /// The lifetime of a refresh token in seconds; each use of one issues a new one with the same lifetime.
        refresh_seconds: u32 = 30 * 24 * 3600,
        /// Passwords that are hashed concurrently. Each takes a core and `argon2_memory_kib`.
        hashing_at_once: u32 = 2,
        /// Milliseconds that a request waits to hash its password before it is answered `UNAVAILABLE`.
        hashing_wait_ms_max: u64 = 5_000,
        /// KiB of memory of one hash (RFC 9106, `m`). The default is OWASP's recommendation for Argon2id with one lane.
        argon2_memory_kib: u32 = 19_456,
        /// Passes over that memory (RFC 9106, `t`).
        argon2_passes: u32 = 2,
        /// Wrong passwords for one name, or one account, from one address before the next attempt has to wait (`RATE_LIMITED`).
        failed_logins_max: u32 = 10,
        /// The same for all addresses together. With the right password, an address from which the account signed in before never waits.
        failed_logins_everywhere_max: u32 = 100,
        /// Seconds that the first such attempt has to wait; each further wrong password doubles the wait.
        failed_logins_wait_seconds: u32 = 15,
        /// The longest wait, in seconds.
        failed_logins_wait_seconds_max: u32 = 15 * 60,
        /// The longest wait, in seconds, where all addresses are counted together: an attacker with many addresses makes the other callers
        /// wait.
        failed_logins_everywhere_wait_seconds_max: u32 = 60,
        /// Seconds after the last wrong password until the count is forgotten.
        failed_logins_seconds: u32 = 24 * 3600,
        /// Counts of wrong passwords that are kept, up to four for each name. When they are full, a new name starts with the highest count
        /// that was removed for it.
        failed_logins_accounts_max: usize = 100_000,
        /// Addresses kept for one account because it signed in from there; the latest ones are kept.
        sign_in_addresses_max: u64 = 64,
    }
}
