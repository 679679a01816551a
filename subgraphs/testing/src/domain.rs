//! A domain under test, queried through its schema.

use std::ops::Deref;
use std::time::Duration;

use async_graphql::{Executor, Request};
use contract::{Services, Viewer};
use futures_util::stream::{self, BoxStream, StreamExt};
use serde_json::Value;

use crate::TestServices;

/// Longer than any operation here takes on the slowest machine.
const ITEM_TIMEOUT: Duration = Duration::from_secs(60);

/// A domain with services of its own.
pub struct TestDomain<S> {
    /// The domain's schema.
    pub schema: S,
    test_services: TestServices,
}

impl<S> Deref for TestDomain<S> {
    type Target = TestServices;
    fn deref(&self) -> &TestServices {
        &self.test_services
    }
}

impl<S: Executor> TestDomain<S> {
    /// Creates the domain that `schema` builds from those services.
    pub fn new(test_services: TestServices, schema: impl FnOnce(Services) -> S) -> Self {
        Self {
            schema: schema(test_services.services.clone()),
            test_services,
        }
    }

    /// Restarts the domain on the same data.
    pub fn restart(self, schema: impl FnOnce(Services) -> S) -> Self {
        Self::new(self.test_services, schema)
    }

    /// Executes a request, and returns the response as JSON.
    pub async fn ask(&self, viewer: &Viewer, request: impl Into<Request>) -> Value {
        let request = request.into().data(viewer.clone());
        serde_json::to_value(self.schema.execute(request).await).expect("a response is JSON")
    }

    /// Executes a request that has to fail, and returns the code of its error and the reason as the log states it.
    pub async fn failure(&self, viewer: &Viewer, request: impl Into<Request>) -> (&'static str, String) {
        let response = self.schema.execute(request.into().data(viewer.clone())).await;
        let error = response.errors.first().expect("an error");
        let cause = error.source::<contract::Error>().expect("an error of the domain");
        (cause.code().as_str(), cause.details())
    }

    /// Starts a subscription, and returns it once it listens.
    pub async fn watch(&self, viewer: &Viewer, document: &str) -> BoxStream<'static, Value> {
        let mut answers = self.subscribe(viewer, document);
        tokio::select! {
            permit = self.test_services.listening.acquire() => permit.expect("the semaphore stays open").forget(),
            early = answers.next() => panic!("before anything happened: {early:?}"),
        }
        // A missing item fails the test instead of blocking it.
        stream::unfold(answers, async |mut answers| {
            let next = tokio::time::timeout(ITEM_TIMEOUT, answers.next()).await;
            Some((next.expect("something arrives")?, answers))
        })
        .boxed()
    }

    /// Returns a subscription that has not been polled yet.
    pub fn subscribe(&self, viewer: &Viewer, document: &str) -> BoxStream<'static, Value> {
        self.schema
            .execute_stream(Request::new(document).data(viewer.clone()), None)
            .map(|response| serde_json::to_value(response).expect("a response is JSON"))
            .boxed()
    }
}

/// Returns the code of the first error; `OK` when there is none.
pub fn code(answer: &Value) -> &str {
    match answer.get("errors") {
        None => "OK",
        Some(errors) => errors[0]["extensions"]["code"].as_str().unwrap_or("NO CODE"),
    }
}
