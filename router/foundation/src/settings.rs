//! One list for a group of settings: its struct, its defaults and its command-line flags.

use serde::Deserialize;

/// Declares a group of settings once.
///
/// Out of `name: type = default` with a doc comment each come the struct that the program reads, its `Default`, and a
/// struct of optional flags whose `--help` is the same doc comment.
///
/// The crate that uses it depends on `serde` and `clap`.
#[macro_export]
macro_rules! settings {
    (
        $(#[$meta:meta])*
        $name:ident with flags $flags:ident under $heading:literal {
            $($(#[$doc:meta])* $field:ident: $type:ty = $default:expr,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[$doc])* pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        #[doc = concat!("The settings of [`", stringify!($name), "`] as command-line flags; what is not given stays.")]
        #[derive(Clone, Debug, Default, clap::Args, serde::Serialize)]
        // Two groups of settings may have the same name in different crates; clap's groups may not.
        #[group(skip)]
        pub struct $flags {
            $(
                $(#[$doc])*
                #[arg(long, help_heading = $heading, value_name = stringify!($type))]
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )*
        }
    };
}

/// A list in the settings, written as a TOML array or as one text with commas.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum StringList {
    /// One text with commas.
    One(String),
    /// An array.
    Many(Vec<String>),
}

impl StringList {
    /// Returns the words, trimmed, without empty ones.
    pub fn split(&self) -> impl Iterator<Item = &str> {
        let texts = match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts.as_slice(),
        };
        texts
            .iter()
            .flat_map(|text| text.split(','))
            .map(str::trim)
            .filter(|word| !word.is_empty())
    }
}
