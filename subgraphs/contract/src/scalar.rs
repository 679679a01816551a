//! The scalars of the API: one definition of each format, for the router, the domains and the REST routes.

use foundation::Scalar;

use crate::{date, date_time, money};

/// The scalars that Agora itself defines.
pub static SCALARS: [Scalar; 3] = [
    Scalar {
        name: "Date",
        check: date::check,
    },
    Scalar {
        name: "DateTime",
        check: date_time::check,
    },
    Scalar {
        name: "Money",
        check: money::check,
    },
];
