//! Ids: a number in the database, `book_1` in GraphQL, unique in the whole graph.

use std::fmt::{Display, Write};

use async_graphql::ID;

use crate::{Error, Result};

/// Calls a macro with all types of entities: the name of each, the prefix of its ids, and the domain that knows whether an
/// entity exists and who may see it.
#[macro_export]
macro_rules! with_entity_types {
    ($callback:ident) => {
        $callback! {
            Authorization: "authorization" of "accounts",
            Book: "book" of "bookstore",
            BookPurchase: "book_purchase" of "bookstore",
            BrokerageOrder: "brokerage_order" of "brokerage",
            Community: "community" of "posts",
            ExchangeOrder: "exchange_order" of "exchange",
            Hold: "hold" of "wallet",
            Holding: "holding" of "brokerage",
            Message: "message" of "messages",
            OrderReplica: "order_replica" of "exchange",
            Post: "post" of "posts",
            Product: "product" of "shop",
            ShopOrder: "shop_order" of "shop",
            Stock: "stock" of "exchange",
            Transaction: "transaction" of "wallet",
            User: "user" of "accounts",
            Wallet: "wallet" of "wallet",
        }
    };
}

/// Defines [`EntityType`].
macro_rules! entity_types {
    ($($name:ident: $prefix:literal of $domain:literal,)+) => {
        /// The type of an entity. It makes and reads the ids of its entities: no other code knows their form.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EntityType {
            $(
                #[doc = concat!("Ids begin with `", $prefix, "_`.")]
                $name,
            )+
        }

        impl EntityType {
            /// All types, in alphabetical order.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Returns the type's name in GraphQL, `Book`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// Returns the name of the domain that knows whether an entity exists and who may see it.
            pub const fn domain(self) -> &'static str {
                match self {
                    $(Self::$name => $domain,)+
                }
            }

            /// Returns the beginning of the ids, up to the key: `book_`.
            const fn prefix(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($prefix, "_"),)+
                }
            }
        }
    };
}

with_entity_types!(entity_types);

impl EntityType {
    /// Returns the id of the entity with that key. The key is a number; for a [`Community`](Self::Community), it is the
    /// case-insensitive key of the name.
    pub fn id(self, key: impl Display) -> ID {
        ID(self.text_id(key))
    }

    /// Returns the id as a text, as [`id`](Self::id) does.
    pub fn text_id(self, key: impl Display) -> String {
        let prefix = self.prefix();
        // Most numbers have at most seven digits. The text is written into one allocation.
        let mut id = String::with_capacity(prefix.len() + 7);
        id.push_str(prefix);
        // Writing into a string cannot fail.
        let _ = write!(id, "{key}");
        id
    }

    /// Returns the number in an id of this type. A plain number is one, too: the ids had no prefix before.
    ///
    /// Only the canonical spelling counts, so that a cache or a join key never sees two spellings of one number.
    pub fn number(self, id: &str) -> Option<i64> {
        canonical_number(self.key(id).unwrap_or(id))
    }

    /// Returns the number in an id that the caller gave for that argument; `None` if no entity can have the id, which
    /// callers treat as "not found".
    ///
    /// # Errors
    /// `INVALID_INPUT` for an id of another type.
    pub fn parse(self, argument: &'static str, id: &ID) -> Result<Option<i64>> {
        match self.number(id) {
            None if Self::of_id(id).is_some_and(|(other, _)| other != self) => Err(self.mismatch(argument)),
            number => Ok(number),
        }
    }

    /// Returns the numbers in the ids of a list, as [`parse`](Self::parse) does.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_all(self, argument: &'static str, ids: &[ID]) -> Result<Vec<Option<i64>>> {
        ids.iter().map(|id| self.parse(argument, id)).collect()
    }

    /// Returns the id that the caller gave for that argument without its prefix, as it was before ids had one: the form
    /// that idempotency keys store.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn unprefixed(self, argument: &'static str, id: &ID) -> Result<String> {
        Ok(match self.parse(argument, id)? {
            Some(number) => number.to_string(),
            None => id.to_string(),
        })
    }

    /// Returns the key in an id of this type, if it begins with the type's prefix.
    pub fn key(self, id: &str) -> Option<&str> {
        id.strip_prefix(self.prefix())
    }

    /// Returns the type of an id, and its key; `None` for an id without a known prefix.
    pub fn of_id(id: &str) -> Option<(Self, &str)> {
        let of = |entity: &Self| {
            let key = entity.key(id)?;
            let is_key = *entity == Self::Community || canonical_number(key).is_some();
            is_key.then_some((*entity, key))
        };
        Self::ALL.iter().find_map(of)
    }

    fn mismatch(self, argument: &'static str) -> Error {
        let (name, prefix) = (self.name(), self.prefix());
        Error::invalid(argument, format!("must be an id of the type {name}, such as {prefix}1"))
    }
}

/// Returns the number of an id with or without a prefix, as text: `1` of `book_1`.
pub fn unprefixed_id(id: &str) -> Option<&str> {
    let number = id.rsplit('_').next().unwrap_or(id);
    canonical_number(number).map(|_| number)
}

/// Returns the number if `text` is its only spelling.
fn canonical_number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_canonical = match digits.as_bytes() {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', ..] => true,
        _ => false,
    };
    if is_canonical { text.parse().ok() } else { None }
}
