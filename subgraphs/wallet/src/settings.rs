//! The currencies of the wallets, as a setting.

use std::str::FromStr;

use contract::{Error, Money, Result, StringList};
use serde::{Deserialize, Serialize};

contract::settings! {
    /// The limits of wallets.
    Settings with flags SettingsFlags under "Wallet" {
        /// ISO 4217 codes of the currencies that can be moved, with commas. `USD`, in which stocks are traded, must be one of them; each
        /// has two decimals.
        currencies: Currencies = Currencies::default(),
    }
}

/// The currency in which stocks are traded, and the only one that the REST API has.
const TRADING_CURRENCY: &str = "USD";

/// The currencies of ISO 4217 whose minor unit is not a hundredth: an amount in minor units would mean another sum.
const OTHER_DECIMALS: &[&str] = &[
    "BHD", "BIF", "CLF", "CLP", "DJF", "GNF", "IQD", "ISK", "JOD", "JPY", "KMF", "KRW", "KWD", "LYD", "OMR", "PYG",
    "RWF", "TND", "UGX", "UYI", "UYW", "VND", "VUV", "XAF", "XOF", "XPF",
];

/// The currencies that can be moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StringList", into = "Vec<String>")]
pub struct Currencies(Vec<String>);

impl Default for Currencies {
    fn default() -> Self {
        Self([TRADING_CURRENCY, "EUR", "GBP", "CHF"].map(str::to_owned).to_vec())
    }
}

impl TryFrom<StringList> for Currencies {
    type Error = String;

    fn try_from(words: StringList) -> Result<Self, String> {
        let mut codes: Vec<String> = Vec::new();
        for code in words.split() {
            if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
                return Err(format!("`{code}` is no ISO 4217 code such as EUR"));
            }
            if OTHER_DECIMALS.contains(&code) {
                return Err(format!("{code} does not have two decimals"));
            }
            if !codes.iter().any(|known| known == code) {
                codes.push(code.to_owned());
            }
        }
        if codes.iter().any(|code| code == TRADING_CURRENCY) {
            Ok(Self(codes))
        } else {
            Err(format!(
                "{TRADING_CURRENCY} must be one of them: stocks are traded in it"
            ))
        }
    }
}

impl FromStr for Currencies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::try_from(StringList::One(text.to_owned()))
    }
}

impl From<Currencies> for Vec<String> {
    fn from(currencies: Currencies) -> Self {
        currencies.0
    }
}

impl Settings {
    /// Rejects an amount below `least_minor`, and a currency that cannot be moved.
    ///
    /// # Errors
    /// `INVALID_INPUT` with the name of `field`.
    pub(crate) fn check(&self, field: &'static str, money: &Money, least_minor: i64) -> Result<()> {
        let Currencies(known) = &self.currencies;
        if !known.contains(&money.currency) {
            return Err(Error::invalid(
                field,
                format!("the currency must be one of {}", known.join(", ")),
            ));
        }
        if money.minor < least_minor {
            let least = Money {
                minor: least_minor,
                currency: money.currency.clone(),
            };
            return Err(Error::invalid(field, format!("must be at least {}", least.amount())));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Currencies;

    #[test]
    fn currencies_are_codes_with_two_decimals_including_dollars() {
        let codes = |text: &str| text.parse::<Currencies>().map(Vec::from);
        assert_eq!(codes("EUR, USD,EUR").unwrap(), ["EUR", "USD"]);
        for (text, why) in [
            ("", "USD must be"),
            ("EUR", "USD must be"),
            ("USD,eur", "`eur`"),
            ("USD,EURO", "`EURO`"),
            ("USD,JPY", "JPY does not"),
            ("USD,KWD", "KWD does not"),
        ] {
            assert!(codes(text).unwrap_err().starts_with(why), "{text}");
        }
    }
}
