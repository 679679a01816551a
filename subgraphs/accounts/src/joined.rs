//! What an idempotency key remembers of an account that was made.

use entities::user;
use serde::{Deserialize, Serialize};

/// Which account it was, and since when. Nothing personal: that comes with the same request again, and whoever is erased is
/// to be gone.
#[derive(Serialize, Deserialize)]
pub(crate) struct Joined {
    pub(crate) id: i64,
    joined_at_us: i64,
}

impl Joined {
    /// Of somebody who has just joined.
    pub(crate) fn of(person: &user::Model) -> Self {
        Self {
            id: person.id,
            joined_at_us: person.joined_at_us,
        }
    }

    /// The person as that request made them, whatever became of them since.
    pub(crate) fn as_at_first(&self, request: user::Model) -> user::Model {
        let username = match request.username.is_empty() {
            true => user::given_username(&request.role, self.id),
            false => request.username,
        };
        user::Model {
            id: self.id,
            joined_at_us: self.joined_at_us,
            username,
            ..request
        }
    }
}
