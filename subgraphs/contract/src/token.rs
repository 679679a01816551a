//! Tokens: signed with this installation's keys, verified once, by the router.

mod identity;
mod internal;
mod key_file;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use self::identity::Identity;
use self::key_file::StoredKey;
pub use self::key_file::{KeyList, KeySummary};
use crate::{FileVersion, Role, Viewer};

const ISSUER: &str = "agora";
const AUDIENCE: &str = "agora";

/// The claims of a token (RFC 7519). The brokerage's document requires the name `type`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The user's id, or the service's name.
    pub sub: String,
    /// `member`, `investor`, `broker` or `service`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether the user administers this installation.
    #[serde(default)]
    pub admin: bool,
    /// The session the token belongs to; none for services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<i64>,
    /// The id of a service's credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The issuer: always `agora`.
    pub iss: String,
    /// The audience: always `agora`.
    pub aud: String,
    /// The time of issue, in seconds since the epoch.
    pub iat: i64,
    /// The expiry, in seconds since the epoch.
    pub exp: i64,
}

impl Claims {
    fn new(sub: String, kind: String, now_us: i64, ttl_seconds: i64) -> Self {
        let iat = now_us.div_euclid(1_000_000);
        Self {
            sub,
            kind,
            admin: false,
            sid: None,
            jti: None,
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            iat,
            exp: iat + ttl_seconds,
        }
    }
}

/// The content of a valid token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedToken {
    /// The caller.
    pub viewer: Viewer,
    /// The session the token belongs to; none for services.
    pub session: Option<i64>,
    /// The id of a service's credential, if it has one.
    pub credential: Option<String>,
    /// The time of issue, in microseconds since the epoch (whole seconds).
    pub issued_us: i64,
    /// The expiry, in microseconds since the epoch.
    pub expires_us: i64,
}

/// The reason why a token is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token was not issued here, or was tampered with.
    #[error("the token is not valid")]
    Invalid,
    /// The token was valid, but has expired.
    #[error("the token has expired")]
    Expired,
    /// The request has no token, where every request needs one.
    #[error("a token is needed")]
    Missing,
}

/// The installation's signing keys, newest first: the newest signs, all of them verify, so keys rotate with overlap.
///
/// `agora keys` changes their file, also while a server runs. [`refresh`](Self::refresh) reads it again when it changed.
pub struct TokenKeys {
    set: RwLock<KeySet>,
    /// The number of times that the keys changed.
    generation: AtomicU64,
    /// The file of the keys; none for keys that live as long as this process.
    path: Option<PathBuf>,
    rules: Validation,
}

/// The keys of one version of the file.
struct KeySet {
    keys: Arc<[SigningKey]>,
    file: Option<FileVersion>,
}

struct SigningKey {
    kid: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl TokenKeys {
    fn new(stored: &[StoredKey], path: Option<PathBuf>, file: Option<FileVersion>) -> Self {
        let rules = validation(ISSUER, AUDIENCE);
        let keys = stored.iter().map(SigningKey::new).collect();
        Self {
            set: RwLock::new(KeySet { keys, file }),
            generation: AtomicU64::new(0),
            path,
            rules,
        }
    }

    /// Keys that live as long as this process, for tests and tools.
    pub fn ephemeral() -> Self {
        Self::new(&[StoredKey::generate()], None, None)
    }

    /// Reads the key set from `path`, and creates one there (mode 0600) if it is missing.
    ///
    /// # Errors
    /// When the file cannot be read or created, or is not a key set.
    pub fn load_or_create(path: &Path) -> io::Result<Self> {
        match Self::load(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                key_file::store(path, &[StoredKey::generate()])?;
                Self::load(path)
            }
            loaded => loaded,
        }
    }

    /// Reads the key set from `path`.
    ///
    /// # Errors
    /// When the file cannot be read or is not a key set.
    pub fn load(path: &Path) -> io::Result<Self> {
        // Before the contents: if the file is replaced in between, the next refresh reads it again.
        let file = FileVersion::of(path);
        let stored = key_file::load(path)?;
        Ok(Self::new(&stored, Some(path.to_owned()), file))
    }

    /// Reads the file again if it changed. While it cannot be read, the keys stay as they were.
    pub fn refresh(&self) {
        let Some(path) = &self.path else { return };
        let file = FileVersion::of(path);
        if self.set.read().unwrap_or_else(PoisonError::into_inner).file == file {
            return;
        }
        let mut set = self.set.write().unwrap_or_else(PoisonError::into_inner);
        if set.file == file {
            return;
        }
        set.file = file;
        match key_file::load(path) {
            Ok(stored) => {
                set.keys = stored.iter().map(SigningKey::new).collect();
                self.generation.fetch_add(1, Ordering::Release);
                tracing::info!(
                    keys = set.keys.len(),
                    signs = set.keys[0].kid,
                    "the signing keys changed"
                );
            }
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "cannot read the signing keys; they stay as they were");
            }
        }
    }

    /// Returns a number that changes when the keys change. A token that was verified before may be invalid then.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Returns the id of the key that signs.
    pub fn signing_id(&self) -> String {
        self.current()[0].kid.clone()
    }

    /// Returns the keys of the file as it is now.
    fn current(&self) -> Arc<[SigningKey]> {
        self.refresh();
        Arc::clone(&self.set.read().unwrap_or_else(PoisonError::into_inner).keys)
    }

    /// Returns a token for a user, and its expiry (microseconds since the epoch).
    pub fn sign_user(
        &self,
        id: i64,
        role: Role,
        admin: bool,
        session: i64,
        now_us: i64,
        ttl_seconds: i64,
    ) -> (String, i64) {
        let claims = Claims {
            admin,
            sid: Some(session),
            ..Claims::new(id.to_string(), role.as_str().to_lowercase(), now_us, ttl_seconds)
        };
        self.sign(&claims)
    }

    /// Returns a credential for a service, and its expiry (microseconds since the epoch). It has no id, so it can
    /// only be revoked together with all credentials of the service.
    pub fn sign_service(&self, name: &str, now_us: i64, ttl_seconds: i64) -> (String, i64) {
        self.sign(&Claims::new(name.to_owned(), "service".to_owned(), now_us, ttl_seconds))
    }

    /// Like [`sign_service`](Self::sign_service), with an id by which it can be revoked.
    pub fn sign_credential(&self, name: &str, id: &str, now_us: i64, ttl_seconds: i64) -> (String, i64) {
        self.sign(&Claims {
            jti: Some(id.to_owned()),
            ..Claims::new(name.to_owned(), "service".to_owned(), now_us, ttl_seconds)
        })
    }

    fn sign(&self, claims: &Claims) -> (String, i64) {
        (self.encode(claims), claims.exp * 1_000_000)
    }

    /// Signs claims with the newest key.
    fn encode(&self, claims: &impl Serialize) -> String {
        let key = &self.current()[0];
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(key.kid.clone());
        jsonwebtoken::encode(&header, claims, &key.encoding).expect("plain claims always encode with an HMAC key")
    }

    /// Returns the claims of a token that one of the keys signed and that these rules accept.
    fn decode<C: DeserializeOwned>(&self, token: &str, rules: &Validation) -> Result<C, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        let keys = self.current();
        let key = keys
            .iter()
            .find(|key| Some(&key.kid) == header.kid.as_ref())
            .ok_or(TokenError::Invalid)?;
        let decoded = jsonwebtoken::decode::<C>(token, &key.decoding, rules);
        Ok(decoded.map_err(|_| TokenError::Invalid)?.claims)
    }

    /// Checks a token: our key by its `kid`, HS256 only, our issuer and audience, not expired at `now_us`.
    ///
    /// # Errors
    /// [`TokenError`]; the caller answers 401.
    pub fn verify(&self, token: &str, now_us: i64) -> Result<VerifiedToken, TokenError> {
        let claims: Claims = self.decode(token, &self.rules)?;
        let expires_us = claims.exp.checked_mul(1_000_000).ok_or(TokenError::Invalid)?;
        if expires_us <= now_us {
            return Err(TokenError::Expired);
        }
        let viewer = match claims.kind.as_str() {
            "service" => Viewer::service(claims.sub),
            kind => Viewer::User {
                id: claims.sub.parse().map_err(|_| TokenError::Invalid)?,
                role: Role::parse(&kind.to_uppercase()).ok_or(TokenError::Invalid)?,
                admin: claims.admin,
            },
        };
        Ok(VerifiedToken {
            viewer,
            session: claims.sid,
            credential: claims.jti,
            issued_us: claims.iat.saturating_mul(1_000_000),
            expires_us,
        })
    }
}

/// Returns the rules for tokens of that issuer for that audience.
fn validation(issuer: &str, audience: &str) -> Validation {
    let mut rules = Validation::new(Algorithm::HS256);
    rules.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    rules.set_audience(&[audience]);
    rules.set_issuer(&[issuer]);
    // The callers check the expiry: the library would use the system clock.
    rules.validate_exp = false;
    rules
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.current().iter().map(|key| &key.kid))
            .finish()
    }
}

impl SigningKey {
    fn new(stored: &StoredKey) -> Self {
        let secret = stored.secret();
        Self {
            kid: stored.kid.clone(),
            encoding: EncodingKey::from_secret(&secret),
            decoding: DecodingKey::from_secret(&secret),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const NOW: i64 = 1_800_000_000_000_000;

    #[test]
    fn a_token_is_valid_until_its_expiry_exactly() {
        let keys = TokenKeys::ephemeral();
        let (token, expires) = keys.sign_user(7, Role::Broker, true, 3, NOW, 60);
        let held = keys.verify(&token, expires - 1).unwrap();
        assert_eq!(
            held.viewer,
            Viewer::User {
                id: 7,
                role: Role::Broker,
                admin: true
            }
        );
        assert_eq!(held.session, Some(3));
        assert_eq!(keys.verify(&token, expires), Err(TokenError::Expired));
    }

    #[test]
    fn a_foreign_key_or_another_algorithm_makes_a_token_invalid() {
        let keys = TokenKeys::ephemeral();
        let (foreign, _) = TokenKeys::ephemeral().sign_service("ben", NOW, 60);
        assert_eq!(keys.verify(&foreign, NOW), Err(TokenError::Invalid));
        let (token, _) = keys.sign_service("ben", NOW, 60);
        let body = token.split('.').nth(1).unwrap();
        // {"alg":"none","typ":"JWT"}
        assert_eq!(
            keys.verify(&format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{body}."), NOW),
            Err(TokenError::Invalid)
        );
        assert_eq!(keys.verify("", NOW), Err(TokenError::Invalid));
    }

    #[test]
    fn a_modified_token_is_invalid() {
        let keys = TokenKeys::ephemeral();
        let (token, _) = keys.sign_user(7, Role::Member, false, 3, NOW, 60);
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'Q' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(keys.verify(&changed, NOW), Err(TokenError::Invalid), "{changed}");
        }
    }

    #[test]
    fn a_token_with_a_missing_or_foreign_claim_is_invalid() {
        let keys = TokenKeys::ephemeral();
        let signed = |algorithm, claims: &serde_json::Value| {
            let mut header = Header::new(algorithm);
            let key = &keys.current()[0];
            header.kid = Some(key.kid.clone());
            jsonwebtoken::encode(&header, claims, &key.encoding).unwrap()
        };
        let good = serde_json::json!({
            "sub": "7", "type": "member", "iss": ISSUER, "aud": AUDIENCE, "iat": 1_800_000_000, "exp": 1_800_000_060,
        });
        assert!(keys.verify(&signed(Algorithm::HS256, &good), NOW).is_ok());
        assert!(keys.verify(&signed(Algorithm::HS512, &good), NOW).is_err());
        for (claim, value) in [
            ("iss", serde_json::json!("another")),
            ("aud", serde_json::json!("another")),
            ("type", serde_json::json!("king")),
            ("sub", serde_json::json!("unknown")),
            ("exp", serde_json::json!(i64::MAX)),
            ("exp", serde_json::json!("tomorrow")),
        ] {
            let mut changed = good.clone();
            changed[claim] = value;
            assert_eq!(
                keys.verify(&signed(Algorithm::HS256, &changed), NOW),
                Err(TokenError::Invalid),
                "{changed}"
            );
        }
        for claim in ["sub", "type", "iss", "aud", "iat", "exp"] {
            let mut shorter = good.clone();
            shorter.as_object_mut().unwrap().remove(claim);
            let outcome = keys.verify(&signed(Algorithm::HS256, &shorter), NOW);
            assert_eq!(outcome, Err(TokenError::Invalid), "without {claim}");
        }
    }

    #[test]
    fn keys_rotate_with_overlap_while_they_are_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        let keys = TokenKeys::load_or_create(&path).unwrap();
        let (before, _) = keys.sign_service("ben", NOW, 60);
        let old = keys.signing_id();
        let generation = keys.generation();

        let new = KeyList::rotate(&path, NOW).unwrap();

        let (after, _) = keys.sign_service("ben", NOW, 60);
        assert_eq!(jsonwebtoken::decode_header(&after).unwrap().kid, Some(new));
        assert!(keys.verify(&before, NOW).is_ok() && keys.verify(&after, NOW).is_ok());
        assert_ne!(keys.generation(), generation);

        KeyList::retire(&path, &old, |_| Ok(())).unwrap();

        assert_eq!(keys.verify(&before, NOW), Err(TokenError::Invalid));
        assert!(keys.verify(&after, NOW).is_ok());
        fs::write(&path, "[]").unwrap();
        assert!(keys.verify(&after, NOW).is_ok(), "an unreadable file changes nothing");
    }

    #[test]
    fn an_invalid_key_set_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        for text in [
            "",
            "[]",
            "{}",
            r#"[{"kid":"a","secret_hex":""}]"#,
            r#"[{"kid":"a","secret_hex":"00"}]"#,
            r#"[{"kid":"a","secret_hex":"zz000000000000000000000000000000000000000000000000000000000000000"}]"#,
        ] {
            fs::write(&path, text).unwrap();
            assert!(TokenKeys::load_or_create(&path).is_err(), "{text}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text, "and stays as it is");
        }
    }

    #[test]
    fn the_key_set_survives_a_restart_and_is_private_to_its_owner() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        let (token, _) = TokenKeys::load_or_create(&path).unwrap().sign_service("ben", NOW, 60);
        assert!(TokenKeys::load_or_create(&path).unwrap().verify(&token, NOW).is_ok());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refused = TokenKeys::load_or_create(&path).err().unwrap().to_string();
            assert!(refused.contains("chmod 600"), "{refused}");
        }
    }
}
