//! The session that a request belongs to.

/// The session of the viewer's access token. The router passes it on as request data if the token has one; a
/// service credential has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub i64);
