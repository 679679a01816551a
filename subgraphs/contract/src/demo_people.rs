//! The people of the sample data, to whom the rows of several domains belong.

/// The ids of the people of the sample data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DemoPeople {
    /// An investor.
    pub ada: i64,
    /// A broker whose fee is 1 %.
    pub ben: i64,
    /// A member.
    pub cleo: i64,
    /// A member.
    pub dan: i64,
    /// An administrator.
    pub admin: i64,
}
