//! Paginated lists: Relay connections over a key, never over an offset.

use async_graphql::connection::{Connection, Edge, EmptyFields};
use async_graphql::{Lookahead, OutputType};
use sea_orm::sea_query::{DynIden, Expr, ExprTrait};
use sea_orm::{ConnectionTrait, EntityTrait, IntoIdentity, Order, QueryFilter, QueryOrder, QuerySelect, Select};

use crate::{Error, Result};

/// The number of nodes on a page if the caller gives none.
const PAGE_DEFAULT: u64 = 25;
/// The most nodes on a page.
const PAGE_MAX: u64 = 100;
/// The number of rows with long texts that are read at once: a page of default size, and one row more.
const PIECE_ROWS: u64 = PAGE_DEFAULT + 1;

/// A connection whose cursors are opaque texts.
pub type PageConnection<N> = Connection<String, N, EmptyFields, EmptyFields>;

/// The four arguments of a connection, as a resolver receives them.
#[derive(Clone, Debug, Default)]
pub struct PageArgs {
    /// The number of nodes from the front.
    pub first: Option<i32>,
    /// Only nodes after this cursor.
    pub after: Option<String>,
    /// The number of nodes from the end.
    pub last: Option<i32>,
    /// Only nodes before this cursor.
    pub before: Option<String>,
}

impl PageArgs {
    /// The arguments in the order in which every connection has them.
    pub fn new(first: Option<i32>, after: Option<String>, last: Option<i32>, before: Option<String>) -> Self {
        Self {
            first,
            after,
            last,
            before,
        }
    }

    /// Checks the arguments of a list whose key has `columns` columns.
    ///
    /// # Errors
    /// `INVALID_INPUT` naming the argument: `first` with `last`, a negative or too large count, an invalid cursor.
    pub fn check(self, columns: usize) -> Result<Page> {
        let (limit, backwards) = match (self.first, self.last) {
            (Some(_), Some(_)) => return Err(Error::invalid("last", "cannot be combined with first")),
            (first, None) => (check_count("first", first)?, false),
            (None, last) => (check_count("last", last)?, true),
        };
        Ok(Page {
            limit,
            backwards,
            after: self
                .after
                .map(|text| decode_cursor("after", &text, columns))
                .transpose()?,
            before: self
                .before
                .map(|text| decode_cursor("before", &text, columns))
                .transpose()?,
        })
    }
}

/// The requested part of a list.
#[derive(Clone, Debug)]
pub struct Page {
    /// The most nodes.
    pub limit: u64,
    /// Whether nodes are counted from the end instead of the front.
    pub backwards: bool,
    /// The key after which the part starts.
    pub after: Option<Vec<i64>>,
    /// The key before which the part ends.
    pub before: Option<Vec<i64>>,
}

impl Page {
    /// Returns the statement that reads this part of `select`, ordered by `columns` in `order`. It reads one row
    /// more than the page has, which tells whether there is another page. Counted from the end, the last row comes
    /// first.
    pub fn apply<E: EntityTrait>(&self, mut select: Select<E>, columns: impl IntoIdentity, order: Order) -> Select<E> {
        let columns: Vec<_> = columns.into_identity().iter().map(column::<E>).collect();
        let descending = matches!(order, Order::Desc);
        for (key, is_lower) in [(&self.after, !descending), (&self.before, descending)] {
            if let Some(key) = key {
                select = select.filter(key_condition(&columns, key, is_lower));
            }
        }
        let order = if descending == self.backwards {
            Order::Asc
        } else {
            Order::Desc
        };
        for column in columns {
            select = select.order_by(column, order.clone());
        }
        select.limit(self.limit + 1)
    }
}

fn column<E: EntityTrait>(name: &DynIden) -> Expr {
    Expr::col((E::default(), name.clone()))
}

// Several columns are compared as one row value: an index serves that, but not the same condition in ANDs and ORs.
// In SQLite the index serves only the first column if the last one is the rowid. With a table WITHOUT ROWID, a page
// starts at the right entry even among a million rows that share the first column.
fn key_condition(columns: &[Expr], key: &[i64], is_lower: bool) -> Expr {
    let (row, bound) = match (columns, key) {
        ([column], [bound]) => (column.clone(), Expr::value(*bound)),
        _ => (
            Expr::tuple(columns.iter().cloned()),
            Expr::tuple(key.iter().map(|bound| Expr::value(*bound))),
        ),
    };
    if is_lower { row.gt(bound) } else { row.lt(bound) }
}

/// Reads one page of `select`, ordered by `columns` (a unique key of integers) in `order`.
///
/// `key` returns a row's values of those columns, `node` the node that the API shows. Pages stay stable while rows
/// are inserted or deleted, because a page starts after a key, not at an offset.
///
/// # Errors
/// As [`PageArgs::check`], and when the database fails.
pub async fn page<E, C, N>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    columns: C,
    order: Order,
    args: PageArgs,
    key: impl Fn(&E::Model) -> Vec<i64>,
    node: impl Fn(E::Model) -> N,
) -> Result<PageConnection<N>>
where
    E: EntityTrait,
    E::Model: Send + Sync,
    C: IntoIdentity,
    N: OutputType,
{
    let identity = columns.into_identity();
    let wanted = args.check(identity.arity())?;
    let rows = wanted.apply(select, identity, order).all(db).await?;
    Ok(connection(&wanted, rows, key, node))
}

/// Like [`page`], for rows with long texts. It reads them in pieces, and calls `charge` without rows before each
/// piece and with its rows after it, so that an answer over its budget reads no more.
///
/// # Errors
/// As [`page`], and those of `charge`.
#[expect(clippy::too_many_arguments, reason = "those of a page, and one")]
pub async fn page_of_texts<E, C, N>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    columns: C,
    order: Order,
    args: PageArgs,
    key: impl Fn(&E::Model) -> Vec<i64>,
    charge: impl Fn(&[E::Model]) -> Result<()>,
    node: impl Fn(E::Model) -> N,
) -> Result<PageConnection<N>>
where
    E: EntityTrait,
    E::Model: Send + Sync,
    C: IntoIdentity,
    N: OutputType,
{
    let identity = columns.into_identity();
    let wanted = args.check(identity.arity())?;
    let mut piece = wanted.clone();
    let mut rows: Vec<E::Model> = Vec::new();
    loop {
        charge(&[])?;
        let missing = (wanted.limit + 1).saturating_sub(rows.len() as u64);
        let missing = Ord::min(missing, PIECE_ROWS);
        // The statement reads one row more than its page has.
        piece.limit = missing.saturating_sub(1);
        let found = piece
            .apply(select.clone(), identity.clone(), order.clone())
            .all(db)
            .await?;
        charge(&found)?;
        let is_last = (found.len() as u64) < missing;
        let reached = if wanted.backwards {
            &mut piece.before
        } else {
            &mut piece.after
        };
        *reached = found.last().map(&key);
        rows.extend(found);
        if is_last || rows.len() as u64 > wanted.limit {
            return Ok(connection(&wanted, rows, key, node));
        }
    }
}

/// Returns whether the selection of a connection includes this field of its nodes.
pub fn is_node_field_selected(connection: &Lookahead<'_>, field: &str) -> bool {
    let nodes = connection.field("nodes").field(field);
    nodes.exists() || connection.field("edges").field("node").field(field).exists()
}

/// Returns the requested page of the rows that its statement read.
fn connection<M, N: OutputType>(
    wanted: &Page,
    mut rows: Vec<M>,
    key: impl Fn(&M) -> Vec<i64>,
    node: impl Fn(M) -> N,
) -> PageConnection<N> {
    let more = rows.len() as u64 > wanted.limit;
    if more {
        rows.pop();
    }
    if wanted.backwards {
        rows.reverse();
    }
    let (previous, next) = if wanted.backwards {
        (more, wanted.before.is_some())
    } else {
        (wanted.after.is_some(), more)
    };
    let mut connection = Connection::new(previous, next);
    connection.edges.extend(
        rows.into_iter()
            .map(|row| Edge::new(encode_cursor(&key(&row)), node(row))),
    );
    connection
}

fn check_count(field: &'static str, value: Option<i32>) -> Result<u64> {
    let value = value
        .map_or(Ok(PAGE_DEFAULT), u64::try_from)
        .map_err(|_| Error::invalid(field, "must not be negative"))?;
    if value > PAGE_MAX {
        return Err(Error::invalid(field, format!("must be at most {PAGE_MAX}")));
    }
    Ok(value)
}

// A cursor is opaque by promise, not by secrecy: it has the key's numbers in hexadecimal, which discourages clients
// from computing with it.
fn encode_cursor(key: &[i64]) -> String {
    key.iter()
        .map(|value| format!("{value:x}"))
        .collect::<Vec<_>>()
        .join("-")
}

fn decode_cursor(field: &'static str, text: &str, columns: usize) -> Result<Vec<i64>> {
    let number = |part: &str| u64::from_str_radix(part, 16).ok().map(u64::cast_signed);
    let key: Option<Vec<i64>> = text.split('-').map(number).collect();
    key.filter(|key| key.len() == columns && encode_cursor(key) == text)
        .ok_or_else(|| Error::invalid(field, "is not a cursor of this list"))
}
