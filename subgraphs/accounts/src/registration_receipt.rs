//! The result of a registration that is stored with its idempotency key.

use entities::user;
use serde::{Deserialize, Serialize};

/// The id of a new account and the time of its registration. It holds no personal data: a replayed request sends them again,
/// and erasing an account has to remove all of them.
#[derive(Serialize, Deserialize)]
pub(crate) struct RegistrationReceipt {
    pub(crate) id: i64,
    joined_at_us: i64,
    /// The username, if it was generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    given: Option<String>,
}

impl RegistrationReceipt {
    /// Returns the stored result for a person that has just been added.
    pub(crate) fn new(person: &user::Model) -> Self {
        Self {
            id: person.id,
            joined_at_us: person.joined_at_us,
            // No user can choose such a name.
            given: user::looks_generated(&person.username).then(|| person.username.clone()),
        }
    }

    /// Returns the person as the request created them, regardless of later changes.
    pub(crate) fn original_user(&self, request: user::Model) -> user::Model {
        let username = if request.username.is_empty() {
            let given = self.given.clone();
            given.unwrap_or_else(|| user::generated_username(request.role, self.id))
        } else {
            request.username
        };
        user::Model {
            id: self.id,
            joined_at_us: self.joined_at_us,
            username,
            ..request
        }
    }
}
