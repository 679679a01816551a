//! A domain's schema in this process, and the viewer that it receives.

use std::sync::Arc;

use async_graphql::{Data, Request};
use contract::{DocumentRequest, DomainSchema, SessionId, Viewer};
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{BoxStream, StreamExt};

use crate::subgraph::{Caller, PreparedDocument, RequestDocument, Subgraph, SubgraphRequest, SubgraphResponse};

/// The identity of a caller of the domains.
#[derive(Debug)]
struct ViewerIdentity {
    viewer: Viewer,
    /// The session of the caller's token; `None` for services. Signing out ends it.
    session: Option<i64>,
}

/// Returns the caller of a request of this viewer, with the session of its token.
pub fn caller(viewer: Viewer, session: Option<i64>) -> Caller {
    match viewer {
        Viewer::Anonymous => Caller::anonymous(),
        Viewer::OpenMount { .. } => Caller::new(ViewerIdentity { viewer, session }, false),
        Viewer::User { .. } | Viewer::Service { .. } => Caller::new(ViewerIdentity { viewer, session }, true),
    }
}

/// Returns the viewer and the session that a caller was made of.
pub fn identity(caller: &Caller) -> (Viewer, Option<i64>) {
    match caller.identity::<ViewerIdentity>() {
        Some(identity) => (identity.viewer.clone(), identity.session),
        None => (Viewer::Anonymous, None),
    }
}

/// A domain's schema in this process.
pub struct InProcess(pub DomainSchema);

impl Subgraph for InProcess {
    fn fetch(&self, request: SubgraphRequest) -> BoxFuture<'_, SubgraphResponse> {
        if let RequestDocument::Parsed { tree, .. } = &request.document
            && request.operation_name.is_none()
        {
            let request = DocumentRequest {
                document: Arc::clone(tree),
                data: resolver_data(&request),
                variables: request.variables,
            };
            return self.0.execute_document(request).map(SubgraphResponse::Tree).boxed();
        }
        self.0
            .execute(into_request(request))
            .map(SubgraphResponse::Tree)
            .boxed()
    }

    fn subscribe(&self, request: SubgraphRequest) -> BoxStream<'static, SubgraphResponse> {
        self.0
            .subscribe(move || into_request(next_request(&request)))
            .map(SubgraphResponse::Tree)
            .boxed()
    }
}

/// Returns a subscription's request for its next event, with a budget of its own.
fn next_request(request: &SubgraphRequest) -> SubgraphRequest {
    let budget = request.budget.as_ref();
    SubgraphRequest {
        budget: budget.map(|budget| Arc::new(budget.unused_copy())),
        ..request.clone()
    }
}

fn into_request(request: SubgraphRequest) -> Request {
    let data = resolver_data(&request);
    let mut prepared = match request.document {
        RequestDocument::Text(text) | RequestDocument::Prepared(PreparedDocument { text, .. }) => Request::new(&*text),
        RequestDocument::Parsed { tree, .. } => {
            let mut prepared = Request::new("");
            prepared.set_parsed_query((*tree).clone());
            prepared
        }
    };
    prepared.operation_name = request.operation_name;
    prepared.data = data;
    prepared.variables(request.variables)
}

/// Returns the data of a request that resolvers find in their context.
fn resolver_data(request: &SubgraphRequest) -> Data {
    let mut data = Data::default();
    let (viewer, session) = identity(&request.caller);
    data.insert(viewer);
    if let Some(session) = session {
        data.insert(SessionId(session));
    }
    if let Some(budget) = &request.budget {
        data.insert(Arc::clone(budget));
    }
    data
}
