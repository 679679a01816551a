//! Who is asking.

use async_graphql::Enum;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What a person is to the brokerage; everyone else is a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    /// Uses the bookstore, the shop and the community.
    Member,
    /// Owns shares and authorizes brokers.
    Investor,
    /// Trades for investors, for a fee.
    Broker,
}

impl Role {
    /// The word stored in the database and in tokens: `MEMBER`, `INVESTOR` or `BROKER`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Member => "MEMBER",
            Self::Investor => "INVESTOR",
            Self::Broker => "BROKER",
        }
    }

    /// The role that [`as_str`](Self::as_str) names, or `None`.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Member, Self::Investor, Self::Broker]
            .into_iter()
            .find(|role| role.as_str() == word)
    }
}

/// Who is asking. The router decides it once per request; a subgraph that is handed none refuses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Viewer {
    /// Nobody signed in.
    Anonymous,
    /// A person.
    User {
        /// The user's id.
        id: i64,
        /// What the person is to the brokerage.
        role: Role,
        /// Whether the person administers this installation.
        admin: bool,
    },
    /// Another program: the holder of a service credential, or a REST mount under the `open` policy.
    Service {
        /// The name the credential was made for, or the mount's name.
        name: String,
        /// Whether it is whoever calls an open mount, and not the holder of a credential.
        open: bool,
    },
}

impl Viewer {
    /// The holder of the credential that was made for `name`.
    pub fn service(name: impl Into<String>) -> Self {
        Self::Service {
            name: name.into(),
            open: false,
        }
    }

    /// Whoever calls the REST mount `name` without a credential, under the `open` policy.
    pub fn open_mount(name: impl Into<String>) -> Self {
        Self::Service {
            name: name.into(),
            open: true,
        }
    }

    /// The signed-in person's id.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for everyone who is not a person.
    pub fn user(&self) -> Result<i64> {
        match self {
            Self::User { id, .. } => Ok(*id),
            Self::Anonymous | Self::Service { .. } => Err(Error::Unauthenticated),
        }
    }

    /// Lets everyone but nobody pass.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for nobody.
    pub fn signed_in(&self) -> Result<()> {
        match self {
            Self::Anonymous => Err(Error::Unauthenticated),
            Self::User { .. } | Self::Service { .. } => Ok(()),
        }
    }

    /// Whether this is the person with that id.
    pub fn is(&self, user: i64) -> bool {
        matches!(self, Self::User { id, .. } if *id == user)
    }

    /// Whether this viewer runs the installation: an administrator or a service.
    pub fn is_operator(&self) -> bool {
        matches!(self, Self::User { admin: true, .. } | Self::Service { .. })
    }

    /// Lets administrators and services pass.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for nobody, `FORBIDDEN` for everyone else.
    pub fn operator(&self) -> Result<()> {
        match self {
            _ if self.is_operator() => Ok(()),
            Self::Anonymous => Err(Error::Unauthenticated),
            _ => Err(Error::Forbidden("only an administrator may do this")),
        }
    }

    /// Lets the person with that id pass, and operators.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for nobody, `FORBIDDEN` for everyone else.
    pub fn self_or_operator(&self, user: i64) -> Result<()> {
        match self {
            _ if self.is(user) || self.is_operator() => Ok(()),
            Self::Anonymous => Err(Error::Unauthenticated),
            _ => Err(Error::Forbidden("this belongs to somebody else")),
        }
    }

    /// The scope an idempotency key of this viewer lives in, for the mutation `field`.
    ///
    /// A service's keys share one scope (CONTRACTS 7: "under `open`, to the mount"); a person's are
    /// told apart by the mutation too. A credential that happens to be called like a mount shares nothing with its callers.
    pub fn idempotency_scope(&self, field: &str) -> String {
        match self {
            Self::Anonymous => format!("anonymous/{field}"),
            Self::User { id, .. } => format!("user:{id}/{field}"),
            Self::Service { name, open: false } => format!("service:{name}"),
            Self::Service { name, open: true } => format!("mount:{name}"),
        }
    }
}
