//! The connection type of a page, as the schema shows it.

use std::borrow::Cow;

use async_graphql::connection::{Connection, Edge, EmptyFields, PageInfo};
use async_graphql::parser::types::{Field, Selection};
use async_graphql::registry::{MetaType, Registry};
use async_graphql::resolver_utils::{resolve_container, resolve_list};
use async_graphql::{
    ContainerType, Context, ContextSelectionSet, ObjectType, OutputType, Positioned, ServerResult, Value,
};

/// The type that async-graphql describes in the schema.
type Described<N> = Connection<String, N, EmptyFields, EmptyFields>;

/// The description of every connection type.
const DESCRIPTION: &str = "A page of a list. Its `nodes` are the objects; `edges` has each of them with its cursor.";

/// Registers a connection type of the library, which has no description.
pub(crate) fn create_type_info<C: OutputType>(registry: &mut Registry) -> String {
    let name = C::create_type_info(registry);
    if let Some(MetaType::Object { description, .. }) = registry.types.get_mut(&*C::type_name()) {
        *description = Some(DESCRIPTION.to_owned());
    }
    name
}

/// A connection whose cursors are opaque texts.
///
/// It is async-graphql's type in the schema. Resolved by itself it needs no cursors where only its nodes are selected.
pub struct PageConnection<N> {
    /// The nodes of the page.
    pub nodes: Vec<N>,
    /// A cursor for each node; none if no selected field has them.
    pub cursors: Vec<String>,
    /// Whether other nodes precede the page.
    pub has_previous_page: bool,
    /// Whether other nodes follow the page.
    pub has_next_page: bool,
}

impl<N> PageConnection<N> {
    fn cursor(&self, index: usize) -> String {
        self.cursors.get(index).cloned().unwrap_or_default()
    }

    fn page_info(&self) -> PageInfo {
        PageInfo {
            has_previous_page: self.has_previous_page,
            has_next_page: self.has_next_page,
            start_cursor: self.cursors.first().cloned(),
            end_cursor: self.cursors.last().cloned(),
        }
    }
}

/// Whether the selection of a connection has more than its nodes, and so perhaps cursors.
pub(crate) fn has_cursors(connection: &Context<'_>) -> bool {
    let mut selected = connection.item.node.selection_set.node.items.iter();
    selected.any(|selection| match &selection.node {
        Selection::Field(field) => !matches!(&*field.node.name.node, "nodes" | "__typename"),
        Selection::FragmentSpread(_) | Selection::InlineFragment(_) => true,
    })
}

impl<N: OutputType> ContainerType for PageConnection<N> {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        let selected = ctx.with_selection_set(&ctx.item.node.selection_set);
        let value = match &*ctx.item.node.name.node {
            "nodes" => resolve_list(&selected, ctx.item, &self.nodes, Some(self.nodes.len())).await,
            "edges" => {
                let edges = self.nodes.iter().enumerate();
                let edges = edges.map(|(index, node)| Edge::<_, _, EmptyFields>::new(self.cursor(index), node));
                resolve_list(&selected, ctx.item, edges, Some(self.nodes.len())).await
            }
            "pageInfo" => self.page_info().resolve(&selected, ctx.item).await,
            _ => return Ok(None),
        };
        value.map(Some)
    }
}

impl<N: OutputType> OutputType for PageConnection<N> {
    fn type_name() -> Cow<'static, str> {
        <Described<N> as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        create_type_info::<Described<N>>(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _field: &Positioned<Field>) -> ServerResult<Value> {
        resolve_container(ctx, self).await
    }
}

impl<N: OutputType> ObjectType for PageConnection<N> {}
