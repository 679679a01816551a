//! Which sign-in a request belongs to.

/// The session behind the viewer's access token. The router hands it on as request data when the token has one;
/// a service credential has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub i64);
