//! Executes documents that were validated before.
//!
//! [`Schema::execute`] takes a document by value, and walks over it four times before it executes it: for its depth, for
//! rules of validation, for skipped fields, and for cache hints. The router has done all that, and keeps the document: here
//! it is executed as it is.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use async_graphql::context::QueryEnvInner;
use async_graphql::extensions::Extensions;
use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::{
    Any, ContainerType, Context, ContextSelectionSet, Data, IntrospectionMode, ObjectType, OutputType, Positioned,
    QueryEnv, Request, Response, Schema, SchemaEnv, ServerError, ServerResult, SubscriptionType, Value, Variables,
};
use futures_util::FutureExt;
use futures_util::future::try_join_all;

use crate::object::{resolve_container, resolve_container_serial};
use async_graphql_value::Value as InputValue;

/// Executes the documents of a schema.
pub struct Documents<Q, M> {
    query: Root<Q>,
    mutation: M,
    environment: Environment,
    session: Arc<Data>,
}

/// A request to execute a document.
pub struct DocumentRequest {
    /// The document, with one operation.
    pub document: Arc<ExecutableDocument>,
    /// The values of its variables.
    pub variables: Variables,
    /// The data that resolvers find in their context.
    pub data: Data,
}

/// The parts of the context that the library keeps to itself.
#[derive(Clone)]
struct Environment {
    schema: SchemaEnv,
    extensions: Extensions,
}

impl<Q: ObjectType + Default + 'static, M: ObjectType + Default + 'static> Documents<Q, M> {
    /// Returns the executor of a schema.
    pub fn new<S: SubscriptionType + 'static>(schema: &Schema<Root<Q>, M, S>) -> Option<Self> {
        let captured = Arc::<OnceLock<Environment>>::default();
        // Any field of the query type gets to its resolver, which no wait precedes.
        let request = Request::new("{ environment }").data(Arc::clone(&captured));
        schema.execute(request).now_or_never();
        Some(Self {
            query: Root::default(),
            mutation: M::default(),
            environment: captured.get()?.clone(),
            session: Arc::default(),
        })
    }

    /// Executes a document; gives the request back if only the library can execute it.
    ///
    /// # Errors
    /// The request, if the document has directives, several operations, a subscription, or introspects.
    pub async fn execute(&self, request: DocumentRequest) -> Result<Response, DocumentRequest> {
        let Some(operation) = plain_operation(&request.document) else {
            return Err(request);
        };
        let env = QueryEnv::new(QueryEnvInner {
            extensions: self.environment.extensions.clone(),
            variables: request.variables,
            operation_name: None,
            operation: without_selection(operation),
            fragments: request.document.fragments.clone(),
            uploads: Vec::new(),
            session_data: Arc::clone(&self.session),
            query_data: Arc::new(request.data),
            http_headers: Default::default(),
            introspection_mode: IntrospectionMode::Enabled,
            errors: Default::default(),
        });
        let ctx = env.create_context(&self.environment.schema, None, &operation.node.selection_set, None);
        let resolved = match operation.node.ty {
            OperationType::Query => resolve_container(&ctx, &self.query).await,
            _ => resolve_container_serial(&ctx, &self.mutation).await,
        };
        let mut response = match resolved {
            Ok(value) => Response::new(value),
            Err(error) => Response::from_errors(vec![error]),
        };
        if let Ok(mut errors) = env.errors.lock() {
            response.errors.append(&mut errors);
        }
        Ok(response)
    }
}

/// Returns the operation of a document that needs nothing of the library's own execution.
fn plain_operation(document: &ExecutableDocument) -> Option<&Positioned<OperationDefinition>> {
    let mut operations = document.operations.iter();
    let (Some((_, operation)), None) = (operations.next(), operations.next()) else {
        return None;
    };
    let fragments = document.fragments.values();
    let is_plain = operation.node.ty != OperationType::Subscription
        && is_plain(&operation.node.selection_set.node)
        && fragments
            .map(|fragment| &fragment.node.selection_set.node)
            .all(is_plain);
    is_plain.then_some(operation)
}

/// Whether a selection has no directives, and nothing that describes the schema.
fn is_plain(selected: &SelectionSet) -> bool {
    selected.items.iter().all(|selection| match &selection.node {
        Selection::Field(field) => {
            field.node.directives.is_empty()
                && !matches!(&*field.node.name.node, "__schema" | "__type" | "_service")
                && is_plain(&field.node.selection_set.node)
        }
        Selection::InlineFragment(fragment) => {
            fragment.node.directives.is_empty() && is_plain(&fragment.node.selection_set.node)
        }
        Selection::FragmentSpread(spread) => spread.node.directives.is_empty(),
    })
}

/// Returns the part of an operation that resolvers need: the definitions of its variables.
fn without_selection(operation: &Positioned<OperationDefinition>) -> Positioned<OperationDefinition> {
    let definition = OperationDefinition {
        ty: operation.node.ty,
        variable_definitions: operation.node.variable_definitions.clone(),
        directives: Vec::new(),
        selection_set: Positioned::new(SelectionSet::default(), operation.pos),
    };
    Positioned::new(definition, operation.pos)
}

/// The query type of a schema with [`Documents`]: the same type, which also resolves `_entities`.
#[derive(Default)]
pub struct Root<Q>(Q);

impl<Q: ObjectType> Root<Q> {
    /// Returns the entities of these representations, in their order.
    async fn entities(&self, ctx: &Context<'_>, representations: &[Value]) -> ServerResult<Value> {
        let entities = representations.iter().map(async |representation| {
            let entity = self.0.find_entity(ctx, representation).await?;
            entity.ok_or_else(|| ServerError::new("Entity not found.", Some(ctx.item.pos)))
        });
        Ok(Value::List(try_join_all(entities).await?))
    }
}

/// Returns the list that an argument takes from a variable.
fn list_variable<'a>(ctx: &Context<'a>, argument: &str) -> Option<&'a [Value]> {
    let mut arguments = ctx.item.node.arguments.iter();
    let (_, value) = arguments.find(|(name, _)| name.node == argument)?;
    let InputValue::Variable(name) = &value.node else {
        return None;
    };
    match ctx.query_env.variables.get(name)? {
        Value::List(items) => Some(items),
        _ => None,
    }
}

impl<Q: ObjectType> ContainerType for Root<Q> {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        if let Some(captured) = ctx.data_opt::<Arc<OnceLock<Environment>>>() {
            let schema = ctx.schema_env.clone();
            let extensions = ctx.query_env.extensions.clone();
            let _ = captured.set(Environment { schema, extensions });
            return Ok(None);
        }
        if ctx.item.node.name.node != "_entities" {
            return self.0.resolve_field(ctx).await;
        }
        // The library copies all representations twice here.
        let entities = match list_variable(ctx, "representations") {
            Some(representations) => self.entities(ctx, representations).await?,
            None => {
                let (_, any) = ctx.param_value::<Vec<Any>>("representations", None)?;
                let representations: Vec<Value> = any.into_iter().map(|Any(value)| value).collect();
                self.entities(ctx, &representations).await?
            }
        };
        Ok(Some(entities))
    }

    async fn find_entity(&self, ctx: &Context<'_>, representation: &Value) -> ServerResult<Option<Value>> {
        self.0.find_entity(ctx, representation).await
    }
}

impl<Q: ObjectType> OutputType for Root<Q> {
    fn type_name() -> Cow<'static, str> {
        Q::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        Q::create_type_info(registry)
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        _field: &Positioned<async_graphql::parser::types::Field>,
    ) -> ServerResult<Value> {
        resolve_container(ctx, self).await
    }
}

impl<Q: ObjectType> ObjectType for Root<Q> {}
