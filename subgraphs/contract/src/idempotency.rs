//! Idempotency keys: the same key with the same request has one effect and one answer (docs/rest-contract/common.md#idempotency).

use entities::idempotency::{self, Found};
use sea_orm::ConnectionTrait;
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::{Error, Result, Tx, Viewer};

/// How long a key may be.
const KEY_CHARS_MAX: usize = 255;

/// A key a caller sent along, with whose it is and what it was sent with.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    scope: String,
    key: String,
    fingerprint: String,
}

impl IdempotencyKey {
    /// The key of one call of the mutation `field` with these arguments; `None` when the caller sent none.
    ///
    /// # Errors
    /// `INVALID_INPUT` for a blank or overlong key.
    pub fn of(viewer: &Viewer, field: &str, key: Option<String>, arguments: &impl Serialize) -> Result<Option<Self>> {
        let Some(key) = key else { return Ok(None) };
        let wrong = |reason: &'static str| Error::invalid("idempotencyKey", reason);
        if key.trim().is_empty() {
            return Err(wrong("must not be blank"));
        }
        if key.chars().count() > KEY_CHARS_MAX {
            return Err(wrong("must have at most 255 characters"));
        }
        let request =
            serde_json::to_vec(&(field, arguments)).map_err(|error| Error::Internal(error.to_string().into()))?;
        let fingerprint = Sha256::digest(&request)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(Some(Self {
            scope: viewer.idempotency_scope(field),
            key,
            fingerprint,
        }))
    }
}

/// Runs `effect` in `tx`, unless `key` already had its effect: then what it answered is answered again.
///
/// What `effect` answers is kept beside the key in the same transaction. A refused request leaves its key free.
///
/// # Errors
/// `IDEMPOTENCY_MISMATCH` when the key was used for another request, and whatever `effect` answers.
pub async fn once<T, F>(tx: &Tx, key: Option<&IdempotencyKey>, now_us: i64, effect: F) -> Result<Once<T>>
where
    T: Serialize + DeserializeOwned,
    F: AsyncFnOnce() -> Result<T>,
{
    let Some(IdempotencyKey {
        scope,
        key,
        fingerprint,
    }) = key
    else {
        return Ok(Once::First(effect().await?));
    };
    let unreadable = |error: serde_json::Error| Error::Internal(format!("idempotency answer: {error}").into());
    match idempotency::find(tx, scope, key).await? {
        Some(Found {
            fingerprint: before, ..
        }) if before != *fingerprint => Err(Error::IdempotencyMismatch),
        Some(Found { answer, .. }) => serde_json::from_str(&answer).map(Once::Again).map_err(unreadable),
        None => {
            let value = effect().await?;
            let answer = serde_json::to_string(&value).map_err(unreadable)?;
            idempotency::remember(tx, scope, key, fingerprint, &answer, now_us).await?;
            Ok(Once::First(value))
        }
    }
}

/// What `key` answered before, if it had its effect already; for a caller who cannot have one now.
///
/// # Errors
/// `IDEMPOTENCY_MISMATCH` when the key was used for another request, and when the database fails.
pub async fn answered_before<T: DeserializeOwned>(
    db: &impl ConnectionTrait,
    key: Option<&IdempotencyKey>,
) -> Result<Option<T>> {
    let Some(key) = key else { return Ok(None) };
    match idempotency::find(db, &key.scope, &key.key).await? {
        None => Ok(None),
        Some(found) if found.fingerprint != key.fingerprint => Err(Error::IdempotencyMismatch),
        Some(found) => serde_json::from_str(&found.answer)
            .map(Some)
            .map_err(|error| Error::Internal(format!("idempotency answer: {error}").into())),
    }
}

/// Whether a call had its effect now or before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Once<T> {
    /// Now: tell the others.
    First(T),
    /// Before: there is nothing to tell.
    Again(T),
}

impl<T> Once<T> {
    /// What happened now; `None` when it happened before.
    pub fn first(&self) -> Option<&T> {
        match self {
            Self::First(value) => Some(value),
            Self::Again(_) => None,
        }
    }

    /// The same call with another answer.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Once<U> {
        match self {
            Self::First(value) => Once::First(change(value)),
            Self::Again(value) => Once::Again(change(value)),
        }
    }

    /// The answer, whichever call it is.
    pub fn into_inner(self) -> T {
        match self {
            Self::First(value) | Self::Again(value) => value,
        }
    }
}
