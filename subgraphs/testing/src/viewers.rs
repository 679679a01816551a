//! Viewers for tests.

use contract::{Role, Viewer};

/// The user with that id.
pub fn member(id: i64) -> Viewer {
    Viewer::User {
        id,
        role: Role::Member,
        admin: false,
    }
}

/// An administrator, the user 99.
pub fn admin() -> Viewer {
    Viewer::User {
        id: 99,
        role: Role::Member,
        admin: true,
    }
}

/// A service.
pub fn service() -> Viewer {
    Viewer::service("tests")
}
