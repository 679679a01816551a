//! Password hashing with Argon2id: on blocking threads, and a bounded number at a time.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::{Output, PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use contract::{Error, Result};
use rand::RngCore;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Settings;

const CHARS_MIN: usize = 8;
const CHARS_MAX: usize = 256;
/// No character takes more than four bytes.
const BYTES_MAX: usize = 4 * CHARS_MAX;

/// A password that a caller sent. It is never printed, and wiped from memory when dropped.
#[derive(Clone)]
pub(crate) struct Password(SecretString);

impl Password {
    /// A password to be set: 8 to 256 characters.
    ///
    /// # Errors
    /// `INVALID_INPUT` naming `field`.
    pub(crate) fn try_new(field: &'static str, text: String) -> Result<Self> {
        let chars = match text.len() {
            0..=BYTES_MAX => text.chars().count(),
            _ => usize::MAX,
        };
        let password = Self(text.into());
        match chars {
            0..CHARS_MIN => Err(Error::invalid(field, "must have at least 8 characters")),
            CHARS_MIN..=CHARS_MAX => Ok(password),
            _ => Err(Error::invalid(field, "must have at most 256 characters")),
        }
    }

    /// A password to be checked. A password that is too long to have been set is wrong, and is checked with the same work.
    pub(crate) fn unvalidated(text: String) -> Self {
        match text.len() {
            0..=BYTES_MAX => Self(text.into()),
            _ => Self(String::new().into()),
        }
    }
}

/// Hashes and checks passwords, a bounded number at once.
pub(crate) struct Hasher {
    argon2: Argon2<'static>,
    /// A hash to check against when the account has none, so that an unknown name takes as long as a wrong password.
    decoy_hash: Arc<str>,
    permits: Arc<Semaphore>,
    wait_max: Duration,
}

/// A permit to keep one core busy with hashing.
pub(crate) struct HashPermit {
    _permit: OwnedSemaphorePermit,
}

impl Hasher {
    pub(crate) fn new(settings: &Settings) -> Self {
        let (memory_kib, passes) = (settings.argon2_memory_kib.max(8), settings.argon2_passes.max(1));
        let params = Params::new(memory_kib, passes, 1, None).expect("both are at least what Argon2 allows");
        Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            decoy_hash: decoy_hash(memory_kib, passes).into(),
            permits: Arc::new(Semaphore::new(settings.hashing_at_once.max(1) as usize)),
            wait_max: Duration::from_millis(settings.hashing_wait_ms_max),
        }
    }

    /// Waits for a permit, up to the configured time.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the wait takes too long.
    pub(crate) async fn acquire_permit(&self) -> Result<HashPermit> {
        match tokio::time::timeout(self.wait_max, self.permits.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(HashPermit { _permit: permit }),
            _ => Err(Error::Unavailable(
                "too many people are signing in, try again in a moment",
            )),
        }
    }

    /// Returns the PHC string of a password, with a new salt.
    ///
    /// # Errors
    /// As [`acquire_permit`](Self::acquire_permit), and `INTERNAL` when hashing fails.
    pub(crate) async fn hash(&self, password: &Password) -> Result<String> {
        let (argon2, password) = (self.argon2.clone(), password.clone());
        let (hashed, _) = run_blocking(self.acquire_permit().await?, move || {
            let salt = salt();
            let hash = argon2.hash_password(password.0.expose_secret().as_bytes(), &salt);
            hash.map(|hash| hash.to_string())
                .map_err(|error| Error::Internal(format!("hashing a password: {error}").into()))
        })
        .await?;
        hashed
    }

    /// Whether `hash` is the password's. Without a hash it is false, after the same work. Returns the permit, so that
    /// the calling function can record a failure before another attempt is checked.
    ///
    /// # Errors
    /// `INTERNAL` when the blocking task is cancelled or panics.
    pub(crate) async fn verify(
        &self,
        permit: HashPermit,
        password: &Password,
        hash: Option<&str>,
    ) -> Result<(bool, HashPermit)> {
        let (argon2, password) = (self.argon2.clone(), password.clone());
        let has_hash = hash.is_some();
        let hash = hash.map_or_else(|| self.decoy_hash.clone(), Arc::from);
        let (is_correct, permit) = run_blocking(permit, move || {
            PasswordHash::new(&hash)
                .and_then(|hash| argon2.verify_password(password.0.expose_secret().as_bytes(), &hash))
                .is_ok()
        })
        .await?;
        Ok((is_correct && has_hash, permit))
    }
}

// The permit moves into the blocking task: a client that disconnects does not free it while the core is still busy.
async fn run_blocking<T: Send + 'static>(
    permit: HashPermit,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<(T, HashPermit)> {
    tokio::task::spawn_blocking(move || (job(), permit))
        .await
        .map_err(|_| Error::Internal("hashing was interrupted".into()))
}

fn salt() -> SaltString {
    SaltString::encode_b64(&random_bytes::<16>()).expect("16 bytes are a salt")
}

fn decoy_hash(memory_kib: u32, passes: u32) -> String {
    let output = Output::new(&random_bytes::<32>()).expect("32 bytes are an output");
    format!("$argon2id$v=19$m={memory_kib},t={passes},p=1${}${output}", salt())
}

/// Returns bytes of a cryptographically secure random number generator.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}
