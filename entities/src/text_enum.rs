//! Enums that columns store as text.
//!
//! A text that the enum does not have is an error that names the table, the row and the column. SeaORM's own derive for
//! such enums names only the enum (docs/adr/0072-enums-are-stored-as-text-and-read-strictly.md).

use sea_orm::{ColIdx, DbErr, QueryResult, TryGetError, TryGetable};

/// Defines an enum that columns store as text, with the text of each value. Serde uses the same texts.
macro_rules! text_enum {
    (
        $(#[$attribute:meta])*
        pub enum $name:ident {
            $($(#[$comment:meta])* $value:ident = $text:literal,)*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$comment])* #[serde(rename = $text)] $value,)*
        }

        impl $name {
            /// Returns the text that the database stores.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $text,)*
                }
            }

            /// Returns the value that the database stores as `text`; `None` for any other text.
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$value),)*
                    _ => None,
                }
            }
        }

        impl From<$name> for sea_orm::Value {
            fn from(value: $name) -> Self {
                value.as_str().into()
            }
        }

        impl sea_orm::TryGetable for $name {
            fn try_get_by<I: sea_orm::ColIdx>(
                row: &sea_orm::QueryResult,
                column: I,
            ) -> Result<Self, sea_orm::TryGetError> {
                $crate::text_enum::read(row, column, Self::parse)
            }
        }

        impl sea_orm::sea_query::Nullable for $name {
            fn null() -> sea_orm::Value {
                <String as sea_orm::sea_query::Nullable>::null()
            }
        }

        impl sea_orm::sea_query::ValueType for $name {
            fn try_from(value: sea_orm::Value) -> Result<Self, sea_orm::sea_query::ValueTypeErr> {
                let text = <String as sea_orm::sea_query::ValueType>::try_from(value)?;
                Self::parse(&text).ok_or(sea_orm::sea_query::ValueTypeErr)
            }

            fn type_name() -> String {
                stringify!($name).to_owned()
            }

            fn array_type() -> sea_orm::sea_query::ArrayType {
                sea_orm::sea_query::ArrayType::String
            }

            fn column_type() -> sea_orm::sea_query::ColumnType {
                sea_orm::sea_query::ColumnType::Text
            }
        }
    };
}
pub(crate) use text_enum;

/// A table with columns of this kind.
struct Table {
    name: &'static str,
    key: &'static [&'static str],
    /// A column that none of the tables after it has.
    own: &'static str,
}

const TABLES: [Table; 9] = [
    Table::new("account", &["id"], "role"),
    Table::new("broker_authorization", &["id"], "given_back"),
    Table::new("brokerage_order", &["id"], "fired_minor"),
    Table::new("ledger_entry", &["id"], "balance_after_minor"),
    Table::new("ledger_movement", &["id"], "authorization_id"),
    Table::new("hold", &["id"], "order_id"),
    Table::new("reservation", &["id"], "attempt"),
    Table::new("exchange_order", &["number"], "number"),
    Table::new("vote", &["post_id", "user_id"], "credited_id"),
];

impl Table {
    const fn new(name: &'static str, key: &'static [&'static str], own: &'static str) -> Self {
        Self { name, key, own }
    }

    /// Returns the table whose rows have these columns.
    fn with_columns(columns: &[String]) -> Option<&'static Self> {
        let has = |name: &str| columns.iter().any(|column| column == name);
        TABLES.iter().find(|table| has(table.own))
    }
}

/// Reads the value of a column.
pub(crate) fn read<T>(
    row: &QueryResult,
    column: impl ColIdx,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, TryGetError> {
    let text = String::try_get_by(row, column)?;
    parse(&text).ok_or_else(|| TryGetError::DbErr(unknown_text(row, column, &text)))
}

/// The most characters of an unknown text that the error shows.
const TEXT_CHARS_MAX: usize = 64;

#[cold]
fn unknown_text(row: &QueryResult, column: impl ColIdx, text: &str) -> DbErr {
    let text: String = text.chars().take(TEXT_CHARS_MAX).collect();
    let column = column.as_str().unwrap_or("unknown");
    let Some(table) = Table::with_columns(&row.column_names()) else {
        return DbErr::Type(format!(
            "column {column} of an unknown table has the unknown value {text:?}"
        ));
    };
    let key = table.key.iter().map(|name| match row.try_get::<i64>("", name) {
        Ok(value) => format!("{name} {value}"),
        Err(_) => format!("{name} unknown"),
    });
    let key: Vec<String> = key.collect();
    DbErr::Type(format!(
        "table {}, {}: column {column} has the unknown value {text:?}",
        table.name,
        key.join(" and ")
    ))
}

#[cfg(test)]
mod tests {
    use sea_orm::{EntityTrait, IdenStatic, Iterable, PrimaryKeyToColumn};

    use super::*;

    fn check<E: EntityTrait>() {
        let columns: Vec<String> = E::Column::iter().map(|column| column.as_str().to_owned()).collect();
        let found = Table::with_columns(&columns).unwrap();
        let key: Vec<_> = E::PrimaryKey::iter().map(|key| key.into_column()).collect();
        let key: Vec<&str> = key.iter().map(IdenStatic::as_str).collect();
        assert_eq!((found.name, found.key), (E::default().table_name(), key.as_slice()));
    }

    #[test]
    fn row_columns_tell_table_and_key() {
        check::<crate::user::Entity>();
        check::<crate::authorization::Entity>();
        check::<crate::brokerage_order::Entity>();
        check::<crate::ledger_entry::Entity>();
        check::<crate::ledger_transaction::Entity>();
        check::<crate::hold::Entity>();
        check::<crate::reservation::Entity>();
        check::<crate::exchange_order::Entity>();
        check::<crate::vote::Entity>();
    }
}
