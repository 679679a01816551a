//! Those who ask.

use contract::{Role, Viewer};

/// The person with that id.
pub fn member(id: i64) -> Viewer {
    Viewer::User {
        id,
        role: Role::Member,
        admin: false,
    }
}

/// An administrator, person 99.
pub fn admin() -> Viewer {
    Viewer::User {
        id: 99,
        role: Role::Member,
        admin: true,
    }
}

/// A program.
pub fn service() -> Viewer {
    Viewer::service("tests")
}
