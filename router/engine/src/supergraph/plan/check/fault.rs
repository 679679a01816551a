//! The faults that the checker finds.

use std::fmt;

/// The reason that a plan is wrong, and the place.
#[derive(Debug, PartialEq, Eq)]
pub struct PlanFault {
    /// The reason.
    pub kind: PlanFaultKind,
    /// The keys from the fault up to the root of the answer, of a response or of a representation.
    place: Vec<String>,
    /// The fetch that is wrong, unless the whole plan is.
    fetch: Option<String>,
}

/// The ways in which a plan can be wrong. A field is written as `Type.field`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanFaultKind {
    /// A selected field is not fetched for a type.
    #[error("no fetch writes {0}")]
    NotFetched(String),
    /// A key holds the value of another field, or of the field with other arguments.
    #[error("the key has {found}, and {wanted} is needed")]
    OtherField {
        /// The needed field with its arguments.
        wanted: String,
        /// The fetched field with its arguments.
        found: String,
    },
    /// Two fetches write different fields to one key.
    #[error("the key is written with {0} and with {1}")]
    Conflict(String, String),
    /// A fetch writes a key that nothing needs.
    #[error("nothing needs the field {0}")]
    NotNeeded(String),
    /// The subgraph may not resolve the field here.
    #[error("the subgraph may not resolve {0} here")]
    NotResolvable(String),
    /// The subgraph does not have the type or the field.
    #[error("the subgraph does not know {0}")]
    Unknown(String),
    /// The document is not valid for the subgraph.
    #[error("the document is not valid: {0}")]
    InvalidDocument(String),
    /// The representation has no key by which the subgraph can resolve the entity.
    #[error("the representation has no key of {0} in the subgraph")]
    NoKey(String),
    /// The representation does not have a field's `@requires` selection.
    #[error("the representation does not have the requirement of {0}")]
    NoRequirement(String),
    /// A value of a representation is not fetched in an earlier step.
    #[error("{0} is needed before it is fetched")]
    NotFetchedBefore(String),
    /// A representation names a field that is not the fetched one.
    #[error("the representation passes {0} off as another field")]
    Misnamed(String),
    /// The entities are at a place that no earlier step writes.
    #[error("no earlier step writes an object there")]
    NoPlace,
    /// Batches share a variable, and their representations are not the same.
    #[error("batches with different representations share the variable ${0}")]
    SharedVariable(String),
    /// The steps do not run the operation's root fields as its kind requires.
    #[error("the root fields are not executed as a {0} requires: {1}")]
    RootOrder(&'static str, String),
    /// The fetch goes to a subgraph with another name or index.
    #[error("the subgraph {0} does not have the index of the fetch")]
    WrongSubgraph(String),
    /// Checking the plan takes more work than its bound.
    #[error("the plan is too large to check")]
    TooLarge,
}

impl PlanFault {
    /// The same fault, seen from one level above.
    #[must_use]
    pub fn below(mut self, key: &str) -> Self {
        self.place.push(key.to_owned());
        self
    }

    /// The same fault, of this fetch.
    #[must_use]
    pub fn of_fetch(mut self, subgraph: &str, text: &str) -> Self {
        self.fetch = Some(format!("{subgraph} {text}"));
        self
    }
}

impl From<PlanFaultKind> for PlanFault {
    fn from(kind: PlanFaultKind) -> Self {
        Self {
            kind,
            place: Vec::new(),
            fetch: None,
        }
    }
}

impl fmt::Display for PlanFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place: Vec<_> = self.place.iter().rev().map(String::as_str).collect();
        write!(f, "{}, at \"{}\"", self.kind, place.join("."))?;
        self.fetch
            .iter()
            .try_for_each(|fetch| write!(f, ", in the fetch {fetch}"))
    }
}

/// The fault of a document that is not valid.
pub fn invalid(reason: &str) -> PlanFault {
    PlanFaultKind::InvalidDocument(reason.to_owned()).into()
}
