//! The user in whose name an operation is done: the viewer, or a username that an operator or a caller of an open
//! mount gives.

use entities::user;
use serde::Serialize;

use crate::{Error, Result, Tx, Viewer};

/// The user in whose name an operation is done.
#[derive(Clone, Debug, Serialize)]
pub enum ActingUser {
    /// The viewer, with the username that the viewer sent, if any.
    Own(i64, Option<String>),
    /// The username that an operator or a caller of an open mount gave; a user with it may exist or not.
    Given(String),
}

impl ActingUser {
    /// Returns the user in whose name `viewer` acts with this username in the argument `field`. Callers of the open
    /// mount `mount` may give any username.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for anonymous callers; `INVALID_INPUT` for a program that gives no username.
    pub fn new(viewer: &Viewer, mount: &str, field: &'static str, username: Option<String>) -> Result<Self> {
        viewer.require_signed_in_or(mount)?;
        match (viewer, username) {
            (viewer, Some(username)) if viewer.is_operator_or(mount) => Ok(Self::Given(username)),
            (Viewer::Service { .. } | Viewer::OpenMount { .. }, None) => {
                Err(Error::invalid(field, "must be given, because no person is signed in"))
            }
            (viewer, username) => Ok(Self::Own(viewer.require_user()?, username)),
        }
    }

    /// Returns the username alone, even if its user was deactivated since: for the answer to a repeated request.
    pub async fn username(&self, tx: &Tx) -> Result<String> {
        match self {
            Self::Given(username) => Ok(username.clone()),
            Self::Own(id, _) => {
                let person = user::by_id(tx, *id).await?;
                person.map(|person| person.username).ok_or(Error::Unauthenticated)
            }
        }
    }

    /// Returns the username, and the active user who has it, both as of this transaction.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` when the viewer's account is deactivated, `FORBIDDEN` for another user's name, and an
    /// error when the database fails.
    pub async fn resolve(&self, tx: &Tx) -> Result<(String, Option<i64>)> {
        match self {
            Self::Given(username) => Ok((username.clone(), user::active_by_username(tx, username).await?)),
            Self::Own(id, username) => {
                // The token may be older than the deactivation.
                let found = user::by_id(tx, *id).await?.filter(|person| person.active);
                let person = found.ok_or(Error::Unauthenticated)?;
                if username
                    .as_ref()
                    .is_some_and(|name| user::case_fold(name) != person.username_key)
                {
                    return Err(Error::Forbidden("only an administrator may do this in another name"));
                }
                Ok((person.username, Some(person.id)))
            }
        }
    }
}
