//! Idempotency keys: the same key with the same request has one effect and one answer (docs/rest-contract/common.md#idempotency).

use entities::idempotency::{self, RecordedUse};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::{DbConnection, Error, Result, Tx, Viewer};

/// The most characters of a key.
const KEY_CHARS_MAX: usize = 255;

/// A key that the caller sent, with its scope and the fingerprint of its request.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    scope: String,
    key: String,
    fingerprint: String,
}

impl IdempotencyKey {
    /// Returns the key of one call of the mutation `field` with these arguments; `None` if the caller sent none.
    ///
    /// # Errors
    /// `INVALID_INPUT` for a blank or overlong key.
    pub fn for_mutation(
        viewer: &Viewer,
        field: &str,
        key: Option<String>,
        arguments: &impl Serialize,
    ) -> Result<Option<Self>> {
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

/// Runs `effect` in `tx`, unless a call with `key` already had its effect: then it returns the recorded answer.
///
/// The answer of `effect` is recorded with the key in the same transaction. A failed request leaves its key unused.
/// Events belong into `effect`, so that a repeated request publishes nothing.
///
/// # Errors
/// `IDEMPOTENCY_MISMATCH` when the key was used for another request, and every error of `effect`.
pub async fn idempotent<T, F>(
    tx: &Tx,
    key: Option<&IdempotencyKey>,
    now_us: i64,
    effect: F,
) -> Result<IdempotentResult<T>>
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
        return Ok(IdempotentResult::Executed(effect().await?));
    };
    let unreadable = |error: serde_json::Error| Error::Internal(format!("idempotency answer: {error}").into());
    match idempotency::find(tx, scope, key).await? {
        Some(RecordedUse {
            fingerprint: before, ..
        }) if before != *fingerprint => Err(Error::IdempotencyMismatch),
        Some(RecordedUse { answer, .. }) => serde_json::from_str(&answer)
            .map(IdempotentResult::Replayed)
            .map_err(unreadable),
        None => {
            let value = effect().await?;
            let answer = serde_json::to_string(&value).map_err(unreadable)?;
            idempotency::record(tx, scope, key, fingerprint, &answer, now_us).await?;
            Ok(IdempotentResult::Executed(value))
        }
    }
}

/// Returns the recorded answer of `key`, if a call already had its effect; for callers that cannot run the effect
/// now.
///
/// # Errors
/// `IDEMPOTENCY_MISMATCH` when the key was used for another request, and when the database fails.
pub async fn recorded_answer<T: DeserializeOwned>(
    db: &impl DbConnection,
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

/// The answer of a call, with whether the effect happened now or at an earlier call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdempotentResult<T> {
    /// The effect happened now.
    Executed(T),
    /// An earlier call had the effect.
    Replayed(T),
}

impl<T> IdempotentResult<T> {
    /// Returns the answer in either case.
    pub fn into_inner(self) -> T {
        match self {
            Self::Executed(value) | Self::Replayed(value) => value,
        }
    }
}
