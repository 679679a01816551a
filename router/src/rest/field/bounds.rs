//! The bounds that the domains set for values, for the documentation.

/// The bounds that a domain sets for a value. The domain enforces them; the documentation states them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueBounds {
    /// No bounds beyond those of the kind.
    None,
    /// A text with a number of characters in this range that matches the regular expression.
    Chars {
        /// The fewest.
        min: u32,
        /// The most.
        max: u32,
        /// An ECMA-262 regular expression.
        pattern: &'static str,
    },
    /// A number in this range.
    Range {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// A number in this range with at most two decimals.
    Cents {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// A moment from 1970 on.
    Since1970,
    /// A list with a number of items in this range.
    Items {
        /// The fewest.
        min: u32,
        /// The most.
        max: u32,
    },
}

/// The control characters that texts must not have: all but line breaks and tabs.
macro_rules! control {
    () => {
        r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f"
    };
}
pub(in crate::rest) use control;

/// The invisible characters of one UTF-16 unit (`Default_Ignorable_Code_Point`).
macro_rules! invisible {
    () => {
        r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    };
}

impl ValueBounds {
    /// Text on one line that is not blank, without control characters.
    pub const fn line(max: u32) -> Self {
        Self::Chars {
            min: 1,
            max,
            pattern: LINE,
        }
    }

    /// Text that is not blank.
    pub const fn text(max: u32) -> Self {
        Self::Chars {
            min: 1,
            max,
            pattern: TEXT,
        }
    }

    /// Text that may be blank; blank text counts as absent.
    pub const fn optional_text(max: u32) -> Self {
        Self::Chars {
            min: 0,
            max,
            pattern: concat!("^[^", control!(), "]*$"),
        }
    }
}

/// At least one visible character, and no control characters but line breaks and tabs.
const TEXT: &str = concat!(
    "^[^",
    control!(),
    "]*[^\\s",
    invisible!(),
    control!(),
    "][^",
    control!(),
    "]*$"
);

/// At least one visible character, on one line.
const LINE: &str = concat!(
    r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f",
    invisible!(),
    r"][^\u0000-\u001f\u007f-\u009f]*$"
);

/// One line without invisible characters that is not blank.
const VISIBLE_LINE: &str = concat!(
    r"^[^\u0000-\u001f\u007f-\u009f",
    invisible!(),
    r"]*[^\s\u0000-\u001f\u007f-\u009f",
    invisible!(),
    r"][^\u0000-\u001f\u007f-\u009f",
    invisible!(),
    "]*$"
);

/// A username: at most 64 characters on one line.
pub const USERNAME: ValueBounds = ValueBounds::Chars {
    min: 1,
    max: 64,
    pattern: VISIBLE_LINE,
};

/// The name of an author, who need not have an account: at most 64 characters on one line.
pub const AUTHOR: ValueBounds = ValueBounds::line(64);

/// An email: one `@` with text on both sides and no white space.
pub const EMAIL: ValueBounds = ValueBounds::Chars {
    min: 3,
    max: 254,
    pattern: concat!(
        r"^[^@\s\u0000-\u001f\u007f-\u009f",
        invisible!(),
        r"]+@[^@\s\u0000-\u001f\u007f-\u009f",
        invisible!(),
        "]+$"
    ),
};

/// The name that a person signs in with.
pub const SIGN_IN_NAME: ValueBounds = ValueBounds::text(254);

/// A new password.
pub const PASSWORD: ValueBounds = ValueBounds::Chars {
    min: 8,
    max: 256,
    pattern: "",
};
