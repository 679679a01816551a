//! The common part of all domain schemas, so that a domain states only its own part.

use std::any::Any;
use std::sync::Arc;

use async_graphql::{
    DocumentRequest, Documents, ObjectType, Pos, Request, Response, Root, SDLExportOptions, Schema, SchemaBuilder,
    SubscriptionType, ValidationMode,
};
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{BoxStream, StreamExt};

use crate::Services;
use crate::dyn_executor::DynExecutor;
use crate::error_codes::{record_storage_failures, with_codes};
use crate::loader::batch::{Batched, Batches};
use crate::subscription::ResponseStream;

// These descriptions are stated once for all domains: a type of the public schema has one description, whichever
// domain it is taken from.
const QUERY: &str = "The fields that read data.

An id, such as `book_1`, names one object in the whole graph. Treat it as an opaque text. An argument also takes the plain
number, which is deprecated.

Operators are administrators and programs: clients with a service credential. Lists come in pages of `first` or `last`
nodes, 0 to 100, or the first 25 if neither is given. A page lies after the cursor `after` and before the cursor
`before`. Errors have a stable code, `extensions.code`: the page `/docs/errors` of this server lists all of them.";
const MUTATION: &str = "The fields that change data.

With an `idempotencyKey`, a text of up to 255 characters that the caller chooses, a request can safely be sent again when
its response was lost. The repeated request has no second effect, and its response is the original one. The same key
with another request is `IDEMPOTENCY_MISMATCH`. A refused request leaves its key free.";

/// A domain's executable schema. Its errors have codes. Cheap to clone.
///
/// It wraps async-graphql's schema where extensions would do the same: with any extension, async-graphql looks every
/// field up in its registry and resolves it through a boxed future for each extension.
///
/// It has no type parameters, so that the resolvers of a domain are compiled in the domain's own crate, where
/// [`SubgraphBuilder::finish`] is called. A crate that executes the schema does not compile them again.
#[derive(Clone)]
pub struct DomainSchema {
    schema: Arc<dyn DynExecutor>,
    documents: Option<Arc<dyn DynDocuments>>,
    services: Option<Services>,
    expires_first: bool,
}

impl DomainSchema {
    /// Wraps a schema.
    pub fn new<Q, M, S>(schema: Schema<Q, M, S>) -> Self
    where
        Q: ObjectType + 'static,
        M: ObjectType + 'static,
        S: SubscriptionType + 'static,
    {
        Self {
            services: schema.data::<Services>().cloned(),
            schema: Arc::new(schema),
            documents: None,
            expires_first: false,
        }
    }

    /// Executes a query or a mutation.
    pub async fn execute(&self, request: impl Into<Request>) -> Response {
        if let Err(response) = self.enter().await {
            return response;
        }
        let batches = Arc::<Batches>::default();
        let request = request.into().data(Arc::clone(&batches));
        self.leave(Batched::new(batches, self.schema.execute_dyn(request)).await)
    }

    /// Executes the document of a query or a mutation, which the caller has validated.
    pub async fn execute_document(&self, mut request: DocumentRequest) -> Response {
        if let Err(response) = self.enter().await {
            return response;
        }
        let batches = Arc::<Batches>::default();
        request.data.insert(Arc::clone(&batches));
        let execution = match &self.documents {
            Some(documents) => documents.execute_dyn(request, &*self.schema),
            None => self.schema.execute_dyn(whole_request(request)),
        };
        self.leave(Batched::new(batches, execution).await)
    }

    /// Prepares for a request.
    async fn enter(&self) -> Result<(), Response> {
        if self.expires_first
            && let Some(services) = &self.services
            && let Err(error) = services.expire_overdue().await
        {
            let error = async_graphql::Error::from(error).into_server_error(Pos::default());
            return Err(self.leave(Response::from_errors(vec![error])));
        }
        Ok(())
    }

    /// Executes a subscription. `request` makes the same request each time: it is executed once to open the source, and once
    /// for each event, so that an idle subscription holds neither.
    pub fn subscribe(&self, request: impl Fn() -> Request + Send + Unpin + 'static) -> BoxStream<'static, Response> {
        ResponseStream::new(Arc::clone(&self.schema), request)
            .map(with_codes)
            .boxed()
    }

    fn leave(&self, response: Response) -> Response {
        if response.errors.is_empty() {
            return response;
        }
        let response = with_codes(response);
        if let Some(services) = &self.services {
            record_storage_failures(&response, services);
        }
        response
    }
}

/// [`Documents`] as a trait object.
trait DynDocuments: Send + Sync {
    /// Executes a document, by `schema` if only that can.
    fn execute_dyn<'a>(&'a self, request: DocumentRequest, schema: &'a dyn DynExecutor) -> BoxFuture<'a, Response>;
}

impl<Q, M> DynDocuments for Documents<Q, M>
where
    Q: ObjectType + Default + 'static,
    M: ObjectType + Default + 'static,
{
    fn execute_dyn<'a>(&'a self, request: DocumentRequest, schema: &'a dyn DynExecutor) -> BoxFuture<'a, Response> {
        async move {
            match self.execute(request).await {
                Ok(response) => response,
                Err(request) => schema.execute_dyn(whole_request(request)).await,
            }
        }
        .boxed()
    }
}

/// Returns the request of the library's own execution, which owns its document.
fn whole_request(request: DocumentRequest) -> Request {
    let mut whole = Request::new("").variables(request.variables);
    whole.data = request.data;
    whole.set_parsed_query(Arc::unwrap_or_clone(request.document));
    whole
}

/// The builder of a domain's schema.
pub struct SubgraphBuilder<Q, M, S> {
    schema: SchemaBuilder<Root<Q>, M, S>,
    expires_first: bool,
}

impl<Q, M, S> SubgraphBuilder<Q, M, S>
where
    Q: ObjectType + Default + 'static,
    M: ObjectType + Default + 'static,
    S: SubscriptionType + 'static,
{
    /// Adds a value that resolvers find in their context.
    #[must_use]
    pub fn data<D: Any + Send + Sync>(mut self, data: D) -> Self {
        self.schema = self.schema.data(data);
        self
    }

    /// Calls [`Services::expire_overdue`] once for each query or mutation, before any of its resolvers: for a domain
    /// whose answers all depend on it.
    #[must_use]
    pub fn expire_overdue_first(mut self) -> Self {
        self.expires_first = true;
        self
    }

    /// Builds the schema.
    pub fn finish(self) -> DomainSchema {
        let schema = self.schema.finish();
        DomainSchema {
            documents: Documents::new(&schema).map(|documents| Arc::new(documents) as Arc<dyn DynDocuments>),
            expires_first: self.expires_first,
            ..DomainSchema::new(schema)
        }
    }
}

/// Returns the builder of a domain's schema: a subgraph of federation 2 whose errors have codes. The domain adds
/// its services and loaders and finishes it.
pub fn subgraph_builder<Q, M, S>() -> SubgraphBuilder<Q, M, S>
where
    Q: ObjectType + Default + 'static,
    M: ObjectType + Default + 'static,
    S: SubscriptionType + Default + 'static,
{
    let schema = Schema::build(Root::<Q>::default(), M::default(), S::default())
        .override_output_type_description::<Q>(QUERY)
        .override_output_type_description::<M>(MUTATION)
        // The router has validated the operation. Validating it again here would cost as much as a small answer.
        .validation_mode(ValidationMode::Fast)
        .enable_federation()
        .enable_subscription_in_federation();
    SubgraphBuilder {
        schema,
        expires_first: false,
    }
}

/// Returns the schema of a domain as text, from which the supergraph is composed; the same text for the same types.
pub fn subgraph_sdl<Q, M, S>() -> String
where
    Q: ObjectType + Default + 'static,
    M: ObjectType + Default + 'static,
    S: SubscriptionType + Default + 'static,
{
    subgraph_builder::<Q, M, S>().schema.finish().sdl_with_options(
        SDLExportOptions::new()
            .federation()
            .include_specified_by()
            .sorted_fields()
            .sorted_arguments()
            .sorted_enum_items()
            .use_space_ident(),
    )
}
