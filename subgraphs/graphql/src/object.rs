//! Resolves the fields of an object.
//!
//! async-graphql boxes a future for each field, and puts it into a set that allocates again and wakes it on its own. The
//! fields of one object have futures of one type: here they share an allocation, and are polled in their order. Their
//! values go into a map that has room for all of them.

use std::pin::Pin;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::resolver_utils as library;
use async_graphql::{ContainerType, ContextSelectionSet, Name, OutputType, Positioned, ServerResult, Value};
use futures_util::future::join_all;

type Resolved = ServerResult<Option<Value>>;

/// Resolves the fields of an object concurrently. A field that fails is absent, and its error is noted in the context;
/// an object without any other field is null.
///
/// # Errors
/// None of its own.
pub async fn resolve_container<'a, T: ContainerType + ?Sized>(
    ctx: &ContextSelectionSet<'a>,
    root: &'a T,
) -> ServerResult<Value> {
    let Some(fields) = plain_fields(ctx, root) else {
        return library::resolve_container(ctx, root).await;
    };
    let mut resolvers = fields.resolvers();
    let resolved = match (resolvers.next(), resolvers.next()) {
        (None, _) => Vec::new(),
        (Some(field), None) => vec![resolve(ctx, root, field).await],
        (Some(_), Some(_)) => {
            let all = join_all(fields.resolvers().map(|field| async move {
                let ctx = ctx.with_field(field);
                root.resolve_field(&ctx).await
            }));
            // Without its type: the type of an object that leads to itself would contain itself.
            let all: Pin<Box<dyn Future<Output = Vec<Resolved>> + Send + '_>> = Box::pin(all);
            all.await
        }
    };
    Ok(fields.object(ctx, root, resolved))
}

/// Like [`resolve_container`], but resolves each field when the one before it is complete.
///
/// # Errors
/// None of its own.
pub async fn resolve_container_serial<'a, T: ContainerType + ?Sized>(
    ctx: &ContextSelectionSet<'a>,
    root: &'a T,
) -> ServerResult<Value> {
    let Some(fields) = plain_fields(ctx, root) else {
        return library::resolve_container_serial(ctx, root).await;
    };
    let mut resolved = Vec::new();
    for field in fields.resolvers() {
        resolved.push(resolve(ctx, root, field).await);
    }
    Ok(fields.object(ctx, root, resolved))
}

/// Resolves one field.
fn resolve<'a, T: ContainerType + ?Sized>(
    ctx: &'a ContextSelectionSet<'a>,
    root: &'a T,
    field: &'a Positioned<Field>,
) -> Pin<Box<dyn Future<Output = Resolved> + Send + 'a>> {
    Box::pin(async move {
        let ctx = ctx.with_field(field);
        root.resolve_field(&ctx).await
    })
}

/// The selected fields of an object: their keys, and the fields. `__typename` is `None`: it has no resolver.
struct PlainFields<'a>(Vec<(&'a Name, Option<&'a Positioned<Field>>)>);

impl<'a> PlainFields<'a> {
    /// Returns the fields that have a resolver.
    fn resolvers(&self) -> impl Iterator<Item = &'a Positioned<Field>> {
        self.0.iter().filter_map(|(_, field)| *field)
    }

    /// Returns the object with these values of the resolved fields.
    fn object<T: OutputType + ?Sized>(
        &self,
        ctx: &ContextSelectionSet<'_>,
        root: &T,
        resolved: Vec<Resolved>,
    ) -> Value {
        let mut object = IndexMap::with_capacity(self.0.len());
        let mut resolved = resolved.into_iter();
        for (key, field) in &self.0 {
            let value = match field {
                Some(_) => resolved.next().unwrap_or(Ok(None)),
                None => Ok(Some(Value::String(root.introspection_type_name().into_owned()))),
            };
            match value {
                Ok(value) => {
                    object.insert(Name::clone(key), value.unwrap_or_default());
                }
                Err(error) => ctx.add_error(error),
            }
        }
        if object.is_empty() {
            Value::Null
        } else {
            Value::Object(object)
        }
    }
}

/// Returns the selected fields; `None` for what only the library executes: directives, fields that are selected twice, and
/// fragments on another type than the object's own.
fn plain_fields<'a, T: OutputType + ?Sized>(ctx: &ContextSelectionSet<'a>, root: &T) -> Option<PlainFields<'a>> {
    let mut fields = PlainFields(Vec::with_capacity(ctx.item.node.items.len()));
    collect(ctx, &ctx.item.node, root, &mut fields)?;
    Some(fields)
}

fn collect<'a, T: OutputType + ?Sized>(
    ctx: &ContextSelectionSet<'a>,
    selected: &'a SelectionSet,
    root: &T,
    fields: &mut PlainFields<'a>,
) -> Option<()> {
    for selection in &selected.items {
        match &selection.node {
            Selection::Field(field) => {
                let key = &field.node.response_key().node;
                let is_known = fields.0.iter().any(|(known, _)| *known == key);
                if is_known || !field.node.directives.is_empty() {
                    return None;
                }
                fields
                    .0
                    .push((key, (field.node.name.node != "__typename").then_some(field)));
            }
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref();
                if !condition.is_none_or(|condition| is_own_type(root, &condition.node.on.node)) {
                    return None;
                }
                collect(ctx, &fragment.node.selection_set.node, root, fields)?;
            }
            Selection::FragmentSpread(spread) => {
                let fragment = ctx.query_env.fragments.get(&spread.node.fragment_name.node)?;
                if !is_own_type(root, &fragment.node.type_condition.node.on.node) {
                    return None;
                }
                collect(ctx, &fragment.node.selection_set.node, root, fields)?;
            }
        }
    }
    Some(())
}

/// Whether a fragment on that type selects from the object itself. The value of an interface or a union has the type of
/// its object, which has fields of its own.
fn is_own_type<T: OutputType + ?Sized>(root: &T, condition: &str) -> bool {
    T::type_name() == condition && root.introspection_type_name() == condition
}
