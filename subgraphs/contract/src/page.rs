//! Paginated lists: Relay connections over a key, never over an offset.

use std::future::Future;

use async_graphql::{Context, Lookahead, OutputType};
use entities::ListedRows;
use pace::consume_budget;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    EntityTrait, IdenStatic, Iterable, ModelTrait, Order, PrimaryKeyToColumn, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select, Statement, Value,
};

use crate::page_connection::{PageConnection, has_cursors};
use crate::{ContextExt, DbConnection, Error, ReadEntity, Result};

/// The number of nodes on a page if the caller gives none.
const PAGE_DEFAULT: u64 = 25;
/// The most nodes on a page.
const PAGE_MAX: u64 = 100;
/// The number of rows with long texts that are read at once: a page of default size, and one row more.
const PIECE_ROWS: u64 = PAGE_DEFAULT + 1;

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
    fn check(self, columns: usize) -> Result<Page> {
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
#[derive(Clone)]
struct Page {
    /// The most nodes.
    limit: u64,
    /// Whether nodes are counted from the end instead of the front.
    backwards: bool,
    /// The key after which the part starts.
    after: Option<Vec<i64>>,
    /// The key before which the part ends.
    before: Option<Vec<i64>>,
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

/// Lists by pages: in the order of the primary key, or in another order.
pub trait Paginate<E: ReadEntity<Model: Send + Sync>>: Sized + Send {
    /// Puts the rows in the order of these columns: a unique key of integers.
    fn sorted_by(self, columns: &[E::Column], order: Order) -> SortedSelect<E>;

    /// Puts the rows with the highest primary keys first.
    fn newest_first(self) -> SortedSelect<E> {
        self.sorted_by(&primary_key::<E>(), Order::Desc)
    }

    /// Reads one page, in the order of the primary key. `node` returns the node that the API shows.
    ///
    /// # Errors
    /// As [`SortedSelect::paginate`].
    fn paginate<N: OutputType>(
        self,
        ctx: &Context<'_>,
        args: PageArgs,
        node: impl Fn(E::Model) -> N + Send,
    ) -> impl Future<Output = Result<PageConnection<N>>> + Send {
        let sorted = self.sorted_by(&primary_key::<E>(), Order::Asc);
        sorted.paginate(ctx, args, node)
    }
}

impl<E: ReadEntity<Model: Send + Sync>> Paginate<E> for Select<E> {
    fn sorted_by(self, columns: &[E::Column], order: Order) -> SortedSelect<E> {
        Rows::from(self).sorted_by(columns, order)
    }
}

impl<E: ReadEntity<Model: Send + Sync>> Paginate<E> for ListedRows<E> {
    fn sorted_by(self, columns: &[E::Column], order: Order) -> SortedSelect<E> {
        Rows::from(self).sorted_by(columns, order)
    }
}

impl<E: ReadEntity<Model: Send + Sync>> Paginate<E> for Rows<E> {
    fn sorted_by(self, columns: &[E::Column], order: Order) -> SortedSelect<E> {
        SortedSelect {
            rows: self,
            others: Vec::new(),
            range: KeyRange::default(),
            sorting: Sorting {
                columns: columns.to_vec(),
                is_descending: matches!(order, Order::Desc),
            },
        }
    }
}

fn primary_key<E: EntityTrait>() -> Vec<E::Column> {
    E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column).collect()
}

/// The rows of a list, in any order.
#[derive(Clone)]
pub enum Rows<E: EntityTrait> {
    /// Those of a statement that is built for its page.
    Select(Box<Select<E>>),
    /// Those of a list whose statements are built once.
    Listed(ListedRows<E>),
}

impl<E: EntityTrait> From<Select<E>> for Rows<E> {
    fn from(select: Select<E>) -> Self {
        Self::Select(Box::new(select))
    }
}

impl<E: EntityTrait> From<ListedRows<E>> for Rows<E> {
    fn from(listed: ListedRows<E>) -> Self {
        Self::Listed(listed)
    }
}

/// The rows of a list, in the order of a unique key.
pub struct SortedSelect<E: EntityTrait> {
    rows: Rows<E>,
    /// Further rows of the list.
    others: Vec<Rows<E>>,
    range: KeyRange,
    sorting: Sorting<E>,
}

/// The part of the keys that a list has, whatever page is requested.
#[derive(Clone, Copy, Default)]
struct KeyRange {
    /// The key after which the list begins.
    after: Option<i64>,
    /// The key before which it ends.
    before: Option<i64>,
}

impl<E: ReadEntity<Model: Send + Sync>> SortedSelect<E> {
    /// The list of these rows and those of `other`. A row that is among both is listed once.
    ///
    /// An `OR` of conditions on two columns would be served by two indexes, and then all rows collected and sorted for each
    /// page. This reads as many rows of each as a page has.
    #[must_use]
    pub fn or(mut self, other: impl Into<Rows<E>>) -> Self {
        self.others.push(other.into());
        self
    }

    /// The rows of the list whose key lies between these two, for an ascending list with a key of one column.
    ///
    /// Of two lower bounds, such as this one and that of a cursor, an index would serve the first only.
    #[must_use]
    pub fn between(mut self, after: Option<i64>, before: Option<i64>) -> Self {
        self.range = KeyRange { after, before };
        self
    }

    /// Reads one page. `node` returns the node that the API shows.
    ///
    /// Pages stay stable while rows are inserted or deleted, because a page starts after a key, not at an offset.
    ///
    /// # Errors
    /// `INVALID_INPUT` naming the argument: `first` with `last`, a negative or too large count, an invalid cursor.
    pub async fn paginate<N: OutputType>(
        self,
        ctx: &Context<'_>,
        args: PageArgs,
        node: impl Fn(E::Model) -> N,
    ) -> Result<PageConnection<N>> {
        let page = args.check(self.sorting.columns.len())?;
        let Self {
            rows,
            others,
            range,
            sorting,
        } = self;
        let mut rows = sorting.read(ctx, rows, range, &page).await?;
        for other in others {
            let found = sorting.read(ctx, other, range, &page).await?;
            rows = sorting.merged(rows, found, &page)?;
        }
        // The nodes are resolved without a wait in between.
        consume_budget(rows.len()).await;
        sorting.connection(ctx, &page, rows, node)
    }

    /// Returns the statement that reads a page.
    ///
    /// # Errors
    /// As [`paginate`](Self::paginate).
    pub fn page_statement(self, args: PageArgs) -> Result<Select<E>> {
        let page = args.check(self.sorting.columns.len())?;
        let select = match self.rows {
            Rows::Select(select) => *select,
            Rows::Listed(listed) => listed.select(),
        };
        let bounds = self.sorting.bounds(self.range, &page);
        Ok(self.sorting.page_of(select, &bounds, &page))
    }

    /// Like [`paginate`](Self::paginate), for rows with long texts. It reads them in pieces, and calls `charge` without
    /// rows before each piece and with its rows after it, so that an answer over its budget reads no more.
    ///
    /// # Errors
    /// As [`paginate`](Self::paginate), and those of `charge`.
    pub async fn paginate_texts<N: OutputType>(
        self,
        ctx: &Context<'_>,
        args: PageArgs,
        charge: impl Fn(&[E::Model]) -> Result<()>,
        node: impl Fn(E::Model) -> N,
    ) -> Result<PageConnection<N>> {
        let page = args.check(self.sorting.columns.len())?;
        let Self {
            rows: list,
            range,
            sorting,
            ..
        } = self;
        let mut piece = page.clone();
        let mut rows: Vec<E::Model> = Vec::new();
        loop {
            charge(&[])?;
            let missing = (page.limit + 1).saturating_sub(rows.len() as u64);
            let missing = Ord::min(missing, PIECE_ROWS);
            // The statement reads one row more than its page has.
            piece.limit = missing.saturating_sub(1);
            let found = sorting.read(ctx, list.clone(), range, &piece).await?;
            charge(&found)?;
            consume_budget(found.len()).await;
            let is_last = (found.len() as u64) < missing;
            let bound = if page.backwards {
                &mut piece.before
            } else {
                &mut piece.after
            };
            *bound = found.last().map(|row| sorting.key(row)).transpose()?;
            rows.extend(found);
            if is_last || rows.len() as u64 > page.limit {
                return sorting.connection(ctx, &page, rows, node);
            }
        }
    }
}

/// The order of a list: a unique key of integers.
struct Sorting<E: EntityTrait> {
    columns: Vec<E::Column>,
    is_descending: bool,
}

impl<E: ReadEntity<Model: Send + Sync>> Sorting<E> {
    async fn read(&self, ctx: &Context<'_>, rows: Rows<E>, range: KeyRange, page: &Page) -> Result<Vec<E::Model>> {
        let reader = ctx.db().read();
        let statement = self.statement(reader, rows, range, page);
        Ok(reader.models::<E>(statement, usize::MAX).await?)
    }

    /// Returns the statement that reads this page of `rows`. It reads one row more than the page has, which tells whether there
    /// is another page. Counted from the end, the last row comes first.
    fn statement(&self, db: &impl DbConnection, rows: Rows<E>, range: KeyRange, page: &Page) -> Statement {
        let bounds = self.bounds(range, page);
        let listed = match rows {
            Rows::Select(select) => {
                let select = self.page_of(*select, &bounds, page);
                return select.build(db.get_database_backend());
            }
            Rows::Listed(listed) => listed,
        };
        let mut way: Vec<_> = self.columns.iter().map(IdenStatic::as_str).collect();
        way.push(if self.is_falling(page) { "falling" } else { "rising" });
        let mut values = Vec::with_capacity(self.columns.len() * bounds.len() + 1);
        for (key, is_lower) in &bounds {
            way.push(if *is_lower { "above" } else { "below" });
            values.extend(key.iter().copied().map(Value::from));
        }
        values.push((page.limit + 1).into());
        listed.statement(db, &way, &values, |select| self.page_of(select, &bounds, page))
    }

    /// Returns the keys that the page lies between, and whether each is the lower one.
    fn bounds(&self, range: KeyRange, page: &Page) -> Vec<(Vec<i64>, bool)> {
        let after = page.after.iter().cloned().chain(range.after.map(|key| vec![key])).max();
        let before = page
            .before
            .iter()
            .cloned()
            .chain(range.before.map(|key| vec![key]))
            .min();
        let after = after.map(|key| (key, !self.is_descending));
        let before = before.map(|key| (key, self.is_descending));
        after.into_iter().chain(before).collect()
    }

    fn page_of(&self, mut select: Select<E>, bounds: &[(Vec<i64>, bool)], page: &Page) -> Select<E> {
        let columns: Vec<Expr> = self
            .columns
            .iter()
            .map(|column| Expr::col((E::default(), *column)))
            .collect();
        for (key, is_lower) in bounds {
            select = select.filter(key_condition(&columns, key, *is_lower));
        }
        let order = if self.is_falling(page) { Order::Desc } else { Order::Asc };
        for column in columns {
            select = select.order_by(column, order.clone());
        }
        select.limit(page.limit + 1)
    }

    /// Whether the rows of a page are read with the highest key first.
    fn is_falling(&self, page: &Page) -> bool {
        self.is_descending != page.backwards
    }

    /// Returns a row's values of the key.
    fn key(&self, row: &E::Model) -> Result<Vec<i64>> {
        let value = |column: &E::Column| match row.get(*column) {
            Value::BigInt(Some(value)) => Ok(value),
            other => Err(Error::Internal(format!("{other:?} is no value of a list's key").into())),
        };
        self.columns.iter().map(value).collect()
    }

    /// Returns the first rows of both, in the order in which each of them was read.
    fn merged(&self, rows: Vec<E::Model>, others: Vec<E::Model>, page: &Page) -> Result<Vec<E::Model>> {
        let mut keyed = Vec::with_capacity(rows.len() + others.len());
        for row in rows.into_iter().chain(others) {
            keyed.push((self.key(&row)?, row));
        }
        let is_falling = self.is_falling(page);
        keyed.sort_by(|(one, _), (other, _)| if is_falling { other.cmp(one) } else { one.cmp(other) });
        keyed.dedup_by(|(one, _), (other, _)| one == other);
        let read = usize::try_from(page.limit).unwrap_or(usize::MAX).saturating_add(1);
        keyed.truncate(read);
        Ok(keyed.into_iter().map(|(_, row)| row).collect())
    }

    /// Returns the requested page of the rows that its statement read.
    fn connection<N: OutputType>(
        &self,
        ctx: &Context<'_>,
        page: &Page,
        mut rows: Vec<E::Model>,
        node: impl Fn(E::Model) -> N,
    ) -> Result<PageConnection<N>> {
        let more = rows.len() as u64 > page.limit;
        if more {
            rows.pop();
        }
        if page.backwards {
            rows.reverse();
        }
        let (has_previous_page, has_next_page) = if page.backwards {
            (more, page.before.is_some())
        } else {
            (page.after.is_some(), more)
        };
        let mut cursors = Vec::new();
        if has_cursors(ctx) {
            let cursor = |row| Ok(encode_cursor(&self.key(row)?));
            cursors = rows.iter().map(cursor).collect::<Result<_>>()?;
        }
        Ok(PageConnection {
            nodes: rows.into_iter().map(node).collect(),
            cursors,
            has_previous_page,
            has_next_page,
        })
    }
}

/// Returns whether the selection of a connection includes this field of its nodes.
pub fn is_node_field_selected(connection: &Lookahead<'_>, field: &str) -> bool {
    let nodes = connection.field("nodes").field(field);
    nodes.exists() || connection.field("edges").field("node").field(field).exists()
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

// Clients must treat a cursor as opaque, but it keeps nothing secret: it has the key's numbers in hexadecimal, which
// discourages clients from computing with it.
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
