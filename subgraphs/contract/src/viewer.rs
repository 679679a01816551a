//! The caller of a request.

use entities::authority::Authority;
use entities::role::Role;

use crate::{Error, Result};

/// The caller of a request. The router determines it once per request; without one, a subgraph assumes `Anonymous`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Viewer {
    /// A caller that is not signed in.
    Anonymous,
    /// A signed-in user.
    User {
        /// The user's id.
        id: i64,
        /// The user's role in the brokerage.
        role: Role,
        /// Whether the user administers this installation.
        admin: bool,
    },
    /// Another program: the holder of a service credential.
    Service {
        /// The name that the credential was made for.
        name: String,
    },
    /// A caller of a REST mount under the `open` policy without a credential. It has only the rights that a field
    /// gives to callers of that mount by name. A caller of the graph is never one.
    OpenMount {
        /// The mount's name: `shop`.
        name: String,
    },
}

impl Viewer {
    /// The holder of the credential that was made for `name`.
    pub fn service(name: impl Into<String>) -> Self {
        Self::Service { name: name.into() }
    }

    /// A caller of the REST mount `name` without a credential, under the `open` policy.
    pub fn open_mount(name: impl Into<String>) -> Self {
        Self::OpenMount { name: name.into() }
    }

    /// The open mount that this viewer calls; `None` for every other viewer.
    pub fn mount(&self) -> Option<&str> {
        match self {
            // The part after a slash names the user served, and only keeps idempotency keys apart.
            Self::OpenMount { name } => name.split('/').next(),
            _ => None,
        }
    }

    /// Returns the signed-in user's id.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for every caller that is not a user.
    pub fn require_user(&self) -> Result<i64> {
        match self {
            Self::User { id, .. } => Ok(*id),
            Self::Anonymous | Self::Service { .. } | Self::OpenMount { .. } => Err(Error::Unauthenticated),
        }
    }

    /// Returns the signed-in user's id; `None` for a program, which acts for no user. Callers of the open mount
    /// `mount` count as programs.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for anonymous callers, `FORBIDDEN` for callers of another open mount.
    pub fn require_user_or_program(&self, mount: &str) -> Result<Option<i64>> {
        self.require_signed_in_or(mount)?;
        Ok(match self {
            Self::User { id, .. } => Some(*id),
            _ => None,
        })
    }

    /// Requires a user or a service.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for anonymous callers, `FORBIDDEN` for callers of an open mount.
    pub fn require_signed_in(&self) -> Result<()> {
        match self {
            Self::Anonymous => Err(Error::Unauthenticated),
            Self::OpenMount { .. } => Err(NOT_OPEN),
            Self::User { .. } | Self::Service { .. } => Ok(()),
        }
    }

    /// Like [`require_signed_in`](Self::require_signed_in), and also accepts callers of the open mount `mount`.
    ///
    /// # Errors
    /// As [`require_signed_in`](Self::require_signed_in).
    pub fn require_signed_in_or(&self, mount: &str) -> Result<()> {
        if self.mount() == Some(mount) {
            Ok(())
        } else {
            self.require_signed_in()
        }
    }

    /// Whether this is the user with that id.
    pub fn is_user(&self, user: i64) -> bool {
        matches!(self, Self::User { id, .. } if *id == user)
    }

    /// Whether this viewer is an operator: an administrator or a service. Callers of an open mount are not.
    pub fn is_operator(&self) -> bool {
        matches!(self, Self::User { admin: true, .. } | Self::Service { .. })
    }

    /// Whether this viewer is an operator, or calls the open mount `mount`, whose document has the operation in question.
    pub fn is_operator_or(&self, mount: &str) -> bool {
        self.is_operator() || self.mount() == Some(mount)
    }

    /// Requires an administrator or a service.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for anonymous callers, `FORBIDDEN` for all others.
    pub fn require_operator(&self) -> Result<()> {
        match self {
            _ if self.is_operator() => Ok(()),
            Self::Anonymous => Err(Error::Unauthenticated),
            Self::OpenMount { .. } => Err(NOT_OPEN),
            _ => Err(Error::Forbidden("only an administrator may do this")),
        }
    }

    /// Like [`require_operator`](Self::require_operator), and also accepts callers of the open mount `mount`.
    ///
    /// # Errors
    /// As [`require_operator`](Self::require_operator).
    pub fn require_operator_or(&self, mount: &str) -> Result<()> {
        if self.is_operator_or(mount) {
            Ok(())
        } else {
            self.require_operator()
        }
    }

    /// Requires the user with that id, or an operator.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for anonymous callers, `FORBIDDEN` for all others.
    pub fn require_self_or_operator(&self, user: i64) -> Result<()> {
        match self {
            _ if self.is_user(user) || self.is_operator() => Ok(()),
            Self::Anonymous => Err(Error::Unauthenticated),
            Self::OpenMount { .. } => Err(NOT_OPEN),
            _ => Err(Error::Forbidden("this belongs to somebody else")),
        }
    }

    /// Like [`require_self_or_operator`](Self::require_self_or_operator), and also accepts callers of the open mount `mount`.
    ///
    /// # Errors
    /// As [`require_self_or_operator`](Self::require_self_or_operator).
    pub fn require_self_or_operator_or(&self, user: i64, mount: &str) -> Result<()> {
        if self.is_operator_or(mount) {
            Ok(())
        } else {
            self.require_self_or_operator(user)
        }
    }

    /// Returns the right with which this viewer changes an account. The caller has checked that the viewer may
    /// refer to the account.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for anonymous callers.
    pub fn authority(&self) -> Result<Authority> {
        match self {
            Self::Anonymous => Err(Error::Unauthenticated),
            Self::User { .. } => Ok(Authority::Full),
            Self::Service { .. } => Ok(Authority::Service),
            Self::OpenMount { .. } => Ok(Authority::OpenMount(self.mount().unwrap_or_default().to_owned())),
        }
    }

    /// Returns the scope of this viewer's idempotency keys for the mutation `field`.
    ///
    /// All callers of an open mount share one scope. The scopes of users and of service credentials also differ by
    /// mutation (docs/rest-contract/common.md#idempotency). A credential with the name of a mount shares no scope
    /// with its callers.
    pub fn idempotency_scope(&self, field: &str) -> String {
        match self {
            Self::Anonymous => format!("anonymous/{field}"),
            Self::User { id, .. } => format!("user:{id}/{field}"),
            Self::Service { name } => format!("service:{name}/{field}"),
            Self::OpenMount { name } => format!("mount:{name}"),
        }
    }
}

/// The error of a field that the open mount's document does not have.
const NOT_OPEN: Error = Error::Forbidden("an open route may not do this");
