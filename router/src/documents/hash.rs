//! SHA-256 hashes of documents.

use std::fmt;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::error::DocumentError;

/// The SHA-256 hash of a document's text in UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct DocumentHash([u8; 32]);

impl DocumentHash {
    pub(super) fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Reads 64 hexadecimal digits, in any case.
    pub(super) fn parse(hex: &str) -> Option<Self> {
        let digits = hex.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for DocumentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Returns the hash of an `extensions.persistedQuery` (Apollo's protocol, version 1). It may be the id of a trusted document too.
pub(super) fn sent_hash(persisted_query: &Value) -> Result<&str, DocumentError> {
    if persisted_query.get("version").and_then(Value::as_u64) != Some(1) {
        return Err(DocumentError::OtherVersion);
    }
    let hash = persisted_query.get("sha256Hash").and_then(Value::as_str);
    hash.ok_or(DocumentError::NoHash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_in_any_case() {
        let of_empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let expected = Some(DocumentHash::of(""));
        assert_eq!(DocumentHash::parse(of_empty), expected);
        assert_eq!(DocumentHash::parse(&of_empty.to_uppercase()), expected);
        for wrong in [
            "",
            "00",
            &of_empty.replace('e', "g"),
            &format!("{of_empty}0"),
            &"é".repeat(32),
        ] {
            assert_eq!(DocumentHash::parse(wrong), None, "{wrong}");
        }
    }
}
