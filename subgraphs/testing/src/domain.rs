//! A domain under test, queried through its schema.

use std::ops::Deref;
use std::sync::Arc;

use async_graphql::{Request, Variables};
use contract::{DomainSchema, Services, SessionId, Viewer};
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::sync::Semaphore;

use crate::{Answer, Client, TestServices, Transport, viewers};

/// A domain with services of its own.
pub struct TestDomain {
    /// The domain's schema.
    pub schema: DomainSchema,
    test_services: TestServices,
}

impl Deref for TestDomain {
    type Target = TestServices;
    fn deref(&self) -> &TestServices {
        &self.test_services
    }
}

impl TestDomain {
    /// Creates the domain that `schema` builds from those services.
    pub fn new(test_services: TestServices, schema: impl FnOnce(Services) -> DomainSchema) -> Self {
        Self {
            schema: schema(test_services.services.clone()),
            test_services,
        }
    }

    /// Restarts the domain on the same data.
    pub fn restart(self, schema: impl FnOnce(Services) -> DomainSchema) -> Self {
        Self::new(self.test_services, schema)
    }

    /// Returns the client of that viewer.
    pub fn client(&self, viewer: &Viewer) -> Client {
        self.client_in_session(viewer, None)
    }

    /// Returns the client of that viewer, in that session.
    pub fn client_in_session(&self, viewer: &Viewer, session: Option<i64>) -> Client {
        Client::new(DomainTransport {
            schema: self.schema.clone(),
            viewer: viewer.clone(),
            session,
            services: self.test_services.services.clone(),
            listening: self.test_services.listening.clone(),
        })
    }

    /// Returns the client of the user with that id.
    pub fn member(&self, id: i64) -> Client {
        self.client(&viewers::member(id))
    }

    /// Returns the client of an administrator, the user 99.
    pub fn admin(&self) -> Client {
        self.client(&viewers::admin())
    }

    /// Returns the client of a service.
    pub fn service(&self) -> Client {
        self.client(&viewers::service())
    }

    /// Returns the client of a caller without a sign-in.
    pub fn anonymous(&self) -> Client {
        self.client(&Viewer::Anonymous)
    }

    /// Executes a request that has to fail, and returns the code of its error and the reason as the log states it.
    pub async fn failure(&self, viewer: &Viewer, request: impl Into<Request>) -> (&'static str, String) {
        let response = self.schema.execute(request.into().data(viewer.clone())).await;
        let error = response.errors.first().expect("an error");
        let cause = error.source::<contract::Error>().expect("an error of the domain");
        (cause.code().as_str(), cause.details())
    }
}

/// A domain's schema, reached as one viewer.
#[derive(Clone)]
struct DomainTransport {
    schema: DomainSchema,
    viewer: Viewer,
    session: Option<i64>,
    services: Services,
    listening: Arc<Semaphore>,
}

impl DomainTransport {
    fn request(&self, request: crate::Request) -> Request {
        assert!(request.headers.is_empty(), "a schema has no headers");
        let mut executed = Request::new(request.document)
            .variables(Variables::from_json(request.variables))
            .data(self.viewer.clone());
        if let Some(name) = request.operation_name {
            executed = executed.operation_name(name);
        }
        match self.session {
            Some(session) => executed.data(SessionId(session)),
            None => executed,
        }
    }
}

impl Transport for DomainTransport {
    fn execute(&self, request: crate::Request) -> BoxFuture<'_, Answer> {
        async { answer(self.schema.execute(self.request(request)).await) }.boxed()
    }

    fn subscribe(&self, request: crate::Request) -> BoxFuture<'_, BoxStream<'static, Answer>> {
        let this = self.clone();
        let answers = self.schema.subscribe(move || this.request(request.clone()));
        let mut answers = answers.map(answer).boxed();
        async move {
            tokio::select! {
                biased;
                first = answers.next() => stream::iter(first).chain(answers).boxed(),
                permit = self.listening.acquire() => {
                    permit.expect("the semaphore stays open").forget();
                    answers
                }
            }
        }
        .boxed()
    }

    fn with_token(&self, token: &str) -> Client {
        let now_us = self.services.clock.now_us();
        let verified = self.services.keys.verify(token, now_us).expect("a valid token");
        Client::new(Self {
            viewer: verified.viewer,
            session: verified.session,
            ..self.clone()
        })
    }
}

fn answer(response: async_graphql::Response) -> Answer {
    Answer::new(serde_json::to_value(response).expect("a response is JSON"))
}
