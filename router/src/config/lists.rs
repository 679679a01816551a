//! Settings that are lists.

use std::net::SocketAddr;

use contract::StringList;
use serde::{Deserialize, Serialize};

use crate::allowed_origin::AllowedOrigin;
use crate::ip_network::IpNetwork;

/// A list that is written as a TOML array or as one text with commas.
macro_rules! comma_list {
    ($(#[$meta:meta])* $name:ident of $item:ty) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "StringList", into = "Vec<String>")]
        pub struct $name(pub Vec<$item>);

        impl TryFrom<StringList> for $name {
            type Error = String;

            fn try_from(words: StringList) -> Result<Self, String> {
                words.split().map(|word| word.parse::<$item>().map_err(|error| error.to_string())).collect::<Result<_, _>>().map(Self)
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Self::try_from(StringList::One(text.to_owned()))
            }
        }

        impl From<$name> for Vec<String> {
            fn from(list: $name) -> Self {
                list.0.iter().map(ToString::to_string).collect()
            }
        }
    };
}

comma_list! {
    /// Extra listeners of REST mounts.
    RestListeners of RestListener
}

comma_list! {
    /// Origins of other sites whose pages may call.
    AllowedOrigins of AllowedOrigin
}

comma_list! {
    /// Proxies whose `X-Forwarded-For` is trusted.
    TrustedProxies of IpNetwork
}

/// A REST mount, or one of its services, on its own port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestListener {
    /// The mount: `bookstore`.
    pub mount: String,
    /// The service inside it: `catalog`.
    pub service: Option<String>,
    /// The address where it listens.
    pub address: SocketAddr,
}

impl std::str::FromStr for RestListener {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, address) = text
            .split_once('=')
            .ok_or_else(|| format!("`{text}` is not of the form SYSTEM[.SERVICE]=ADDRESS"))?;
        let address = address
            .parse()
            .map_err(|_| format!("`{address}` is no address such as 127.0.0.1:5001"))?;
        let (mount, service) = name
            .split_once('.')
            .map_or((name, None), |(mount, service)| (mount, Some(service)));
        Ok(Self {
            mount: mount.to_owned(),
            service: service.map(str::to_owned),
            address,
        })
    }
}

impl std::fmt::Display for RestListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dot = if self.service.is_some() { "." } else { "" };
        write!(
            f,
            "{}{dot}{}={}",
            self.mount,
            self.service.as_deref().unwrap_or_default(),
            self.address
        )
    }
}
