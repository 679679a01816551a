//! In whose name something is done: the viewer's own, or one that an operator or a caller of an open mount gives.

use entities::user;
use serde::Serialize;

use crate::{Error, Result, Tx, Viewer};

/// In whose name something is done.
#[derive(Clone, Debug, Serialize)]
pub enum InName {
    /// The viewer's own, who may have written it.
    Own(i64, Option<String>),
    /// Of whoever has that username, or of nobody: an operator says so.
    Given(String),
}

impl InName {
    /// What `viewer` asks for with this username in the argument `field`. Callers of the open mount `mount` may give one.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for anonymous callers; `INVALID_INPUT` for a program that names no person.
    pub fn of(viewer: &Viewer, mount: &str, field: &'static str, username: Option<String>) -> Result<Self> {
        viewer.signed_in_or(mount)?;
        match (viewer, username) {
            (viewer, Some(username)) if viewer.is_operator_or(mount) => Ok(Self::Given(username)),
            (Viewer::Service { .. } | Viewer::OpenMount { .. }, None) => {
                Err(Error::invalid(field, "must be given, because no person is signed in"))
            }
            (viewer, username) => Ok(Self::Own(viewer.user()?, username)),
        }
    }

    /// The name alone, of somebody who may have left since: what a repeated request is answered with.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn username(&self, tx: &Tx) -> Result<String> {
        match self {
            Self::Given(username) => Ok(username.clone()),
            Self::Own(id, _) => {
                let person = user::by_id(tx, *id).await?;
                person.map(|person| person.username).ok_or(Error::Unauthenticated)
            }
        }
    }

    /// The name, and the active person who has it, both as they are in this transaction.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` when the viewer's account is not in use any more, `FORBIDDEN` for another's name; when the
    /// database fails.
    pub async fn person(&self, tx: &Tx) -> Result<(String, Option<i64>)> {
        match self {
            Self::Given(username) => Ok((username.clone(), user::active_by_username(tx, username).await?)),
            Self::Own(id, written) => {
                // The token may be older than the deactivation.
                let found = user::by_id(tx, *id).await?.filter(|person| person.active);
                let person = found.ok_or(Error::Unauthenticated)?;
                if written
                    .as_ref()
                    .is_some_and(|name| user::folded(name) != person.username_key)
                {
                    return Err(Error::Forbidden("only an administrator may do this in another name"));
                }
                Ok((person.username, Some(person.id)))
            }
        }
    }
}
