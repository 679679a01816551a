//! Networks of addresses, for settings.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// An address or a network, such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpNetwork {
    address: IpAddr,
    prefix: u8,
}

impl IpNetwork {
    /// Whether the network has the address.
    pub fn contains(self, address: IpAddr) -> bool {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, true),
            IpAddr::V6(address) => (address.to_bits(), false),
        };
        let ((own, is_v4), (other, is_other_v4)) = (bits(self.address), bits(address.to_canonical()));
        let differing = (own ^ other).leading_zeros();
        is_v4 == is_other_v4 && differing >= u32::from(self.prefix)
    }
}

impl FromStr for IpNetwork {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is neither an address nor a network such as 10.0.0.0/8");
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address = address.parse::<IpAddr>().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let is_number = |prefix: &&str| prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = match prefix {
            Some(prefix) => Some(prefix)
                .filter(is_number)
                .and_then(|prefix| prefix.parse().ok())
                .ok_or_else(wrong)?,
            None => longest,
        };
        if prefix <= longest {
            Ok(Self { address, prefix })
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for IpNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_parsed_and_printed() {
        for (text, written) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("127.0.0.1", "127.0.0.1/32"),
            ("::1", "::1/128"),
            ("0.0.0.0/0", "0.0.0.0/0"),
        ] {
            assert_eq!(text.parse::<IpNetwork>().unwrap().to_string(), written);
        }
        for wrong in [
            "",
            "localhost",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "::/129",
            "10.0.0.0/8/8",
            "all",
        ] {
            assert!(wrong.parse::<IpNetwork>().is_err(), "{wrong}");
        }
        let everywhere: IpNetwork = "0.0.0.0/0".parse().unwrap();
        assert!(everywhere.contains([203, 0, 113, 9].into()));
        assert!(!everywhere.contains("2001:db8::1".parse().unwrap()));
    }
}
