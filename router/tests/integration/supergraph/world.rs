//! One set of data, queried twice: through four subgraphs behind the supergraph, and through one plain schema, executed as the
//! specification requires. The reference executor is `apollo-compiler`'s.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use agora::limits::Limits;
use agora::subgraph::{EncodedResponse, ResponseKind, Subgraph, SubgraphRequest, SubgraphResponse};
use agora::supergraph::{Supergraph, public_schema};
use apollo_compiler::resolvers::{Execution, FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::{ExecutionResponse, JsonMap};
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use contract::{ErrorCodeSet, Viewer};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt};
use serde_json::{Map, Value, json};
use testing::Client;

use crate::graph_client;

/// Composed by `npm --prefix router/web run compose`.
pub const SUPERGRAPH: &str = include_str!("graph/supergraph.graphql");
const SUBGRAPHS: [(&str, &str); 4] = [
    ("people", include_str!("graph/people.graphql")),
    ("products", include_str!("graph/products.graphql")),
    ("reviews", include_str!("graph/reviews.graphql")),
    ("shipping", include_str!("graph/shipping.graphql")),
];

/// The definitions that every subgraph of a federation adds to its schema.
const FEDERATION: &str = r#"
    directive @link(url: String!, import: [String]) repeatable on SCHEMA
    directive @key(fields: String!) repeatable on OBJECT | INTERFACE
    directive @shareable on OBJECT | FIELD_DEFINITION
    directive @external on OBJECT | FIELD_DEFINITION
    directive @requires(fields: String!) on FIELD_DEFINITION
    scalar _Any
    extend type Query { _entities(representations: [_Any!]!): [_Entity]! }
"#;

/// The data, and the log of the mutations.
pub struct World {
    things: Map<String, Value>,
    log: Mutex<Vec<String>>,
}

impl World {
    pub fn new() -> Arc<Self> {
        let things = serde_json::from_str(include_str!("graph/data.json")).unwrap();
        Arc::new(Self {
            things,
            log: Mutex::default(),
        })
    }

    fn thing(self: &Arc<Self>, key: &str) -> Option<Thing> {
        let fields = self.things.get(key)?.as_object()?.clone();
        let typename = key.split(':').next().unwrap().to_owned();
        Some(Thing {
            world: self.clone(),
            typename,
            fields,
            given: None,
        })
    }
}

/// An object of the world.
struct Thing {
    world: Arc<World>,
    typename: String,
    fields: Map<String, Value>,
    /// The representation in the request: a subgraph knows of other subgraphs' fields only those in it.
    given: Option<Map<String, Value>>,
}

impl Thing {
    fn resolve<'a>(&'a self, value: &'a Value, arguments: &JsonMap) -> Result<ResolvedValue<'a>, FieldError> {
        let fail = |message: &str| FieldError {
            message: message.to_owned(),
        };
        Ok(match value {
            Value::Array(items) => {
                let items: Vec<_> = items.iter().map(|item| self.resolve(item, arguments)).collect();
                ResolvedValue::List(Box::new(items.into_iter()))
            }
            Value::Object(object) => {
                let (kind, inner) = object.iter().next().unwrap();
                match kind.as_str() {
                    "error" => return Err(fail(inner.as_str().unwrap())),
                    "ref" => object_or_null(self.world.thing(inner.as_str().unwrap())),
                    "by" => {
                        let id = &arguments[inner[1].as_str().unwrap()];
                        let key = format!("{}:{}", inner[0].as_str().unwrap(), plain(id));
                        object_or_null(self.world.thing(&key))
                    }
                    "leaf" => leaf(inner),
                    "echo" => {
                        // A `Value` sorts its members: their order has no meaning.
                        leaf(&json!(json!(arguments).to_string()))
                    }
                    "log" => {
                        let mut log = self.world.log.lock().unwrap();
                        log.push(format!("{} {}", inner.as_str().unwrap(), plain(&arguments["text"])));
                        leaf_list(&log)
                    }
                    "sum" => leaf(&self.sum(inner)),
                    _ => ResolvedValue::Object(Box::new(Thing {
                        world: self.world.clone(),
                        typename: object["__typename"].as_str().unwrap().to_owned(),
                        fields: object.clone(),
                        given: None,
                    })),
                }
            }
            value => leaf(value),
        })
    }

    fn sum(&self, names: &Value) -> Value {
        let known = self.given.as_ref().unwrap_or(&self.fields);
        let known = Value::Object(known.clone());
        let mut sum = 0;
        for name in names.as_array().unwrap() {
            let pointer = format!("/{}", name.as_str().unwrap().replace('.', "/"));
            match known.pointer(&pointer) {
                Some(value) => sum += value.as_i64().unwrap_or(0),
                None if known.pointer(&pointer[..pointer.rfind('/').unwrap()]) == Some(&Value::Null) => {}
                None => return json!(format!("{pointer} was not sent: {known}")),
            }
        }
        json!(sum)
    }
}

impl ObjectValue for Thing {
    fn type_name(&self) -> &str {
        &self.typename
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        if info.field_name() == "_entities" {
            let representations = info.arguments()["representations"].as_array().unwrap();
            let entities: Vec<_> = representations
                .iter()
                .map(|given| Ok(object_or_null(entity(&self.world, given))))
                .collect();
            return Ok(ResolvedValue::List(Box::new(entities.into_iter())));
        }
        let arguments = info.arguments();
        let mut written: Vec<_> = arguments
            .iter()
            .map(|(key, value)| format!("{}={value}", key.as_str()))
            .collect();
        written.sort();
        let exact = format!("{}({})", info.field_name(), written.join(","));
        let value = self.fields.get(&exact).or_else(|| self.fields.get(info.field_name()));
        match value {
            Some(value) => self.resolve(value, arguments),
            None => Err(self.unknown_field_error(info)),
        }
    }
}

fn entity(world: &Arc<World>, given: &apollo_compiler::response::JsonValue) -> Option<Thing> {
    let given: Map<String, Value> = serde_json::from_value(json!(given)).unwrap();
    let typename = given["__typename"].as_str().unwrap();
    let id = given.get("id").or(given.get("upc")).or(given.get("serial")).unwrap();
    let mut thing = world.thing(&format!("{typename}:{}", id.as_str().unwrap()))?;
    thing.given = Some(given);
    Some(thing)
}

fn object_or_null<'a>(thing: Option<Thing>) -> ResolvedValue<'a> {
    match thing {
        Some(thing) => ResolvedValue::Object(Box::new(thing)),
        None => leaf(&Value::Null),
    }
}

fn leaf<'a>(value: &Value) -> ResolvedValue<'a> {
    ResolvedValue::Leaf(serde_json::from_value(value.clone()).unwrap())
}

fn leaf_list<'a>(items: &[String]) -> ResolvedValue<'a> {
    let items: Vec<_> = items.iter().map(|item| Ok(leaf(&json!(item)))).collect();
    ResolvedValue::List(Box::new(items.into_iter()))
}

fn plain(value: &apollo_compiler::response::JsonValue) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// How a subgraph behaves.
#[derive(Clone, Copy, PartialEq)]
pub enum SubgraphBehavior {
    Well,
    /// It returns an error and no data.
    Down,
    /// It never responds.
    Silent,
    /// Its response is no GraphQL.
    Garbled,
    /// It panics.
    Panicking,
    /// It returns null for every requested entity.
    Forgetful,
    /// It responds as async-graphql 7.2 does: it omits a failed field and does not propagate its null, an object with no field
    /// left is null, and errors of entities do not say which entity failed.
    Sloppy,
    /// As sloppy, but a failed field is null: only its error distinguishes it from an intended null.
    Unindexed,
}

/// A subgraph over the world that returns JSON, as one behind HTTP does.
pub struct TestSubgraph {
    schema: Valid<Schema>,
    world: Arc<World>,
    behavior: SubgraphBehavior,
    /// Its requests, in order.
    pub asked: Requests,
}

impl TestSubgraph {
    fn new(name: &str, sdl: &str, world: Arc<World>, behavior: SubgraphBehavior) -> Self {
        let mut keyed: Vec<_> = sdl
            .lines()
            .filter(|line| line.starts_with("type") && line.contains("@key"))
            .map(|line| line.split_whitespace().nth(1).unwrap())
            .collect();
        keyed.dedup();
        let entity = format!("union _Entity = {}", keyed.join(" | "));
        let sdl = match behavior {
            SubgraphBehavior::Sloppy | SubgraphBehavior::Unindexed => without_non_null(sdl),
            _ => sdl.to_owned(),
        };
        let schema = Schema::builder()
            .adopt_orphan_extensions()
            .parse(format!("{sdl}\n{FEDERATION}\n{entity}"), name)
            .build()
            .unwrap()
            .validate()
            .unwrap();
        Self {
            schema,
            world,
            behavior,
            asked: Arc::default(),
        }
    }

    fn answer(&self, request: &SubgraphRequest) -> SubgraphResponse {
        let text = request.document.text();
        let variables = serde_json::to_value(&request.variables).unwrap();
        self.asked.lock().unwrap().push((text.to_string(), variables.clone()));
        let body = match self.behavior {
            SubgraphBehavior::Down => json!({
                "errors": [{ "message": "down for repair", "extensions": { "code": "UNAVAILABLE", "retryAfter": 3 } }],
            }),
            SubgraphBehavior::Garbled => return json_answer("<html>".into()),
            SubgraphBehavior::Panicking => panic!("on purpose"),
            SubgraphBehavior::Forgetful if text.contains("_entities") => {
                let count = variables["representations"].as_array().unwrap().len();
                json!({ "data": { "_entities": vec![Value::Null; count] } })
            }
            SubgraphBehavior::Well
            | SubgraphBehavior::Silent
            | SubgraphBehavior::Forgetful
            | SubgraphBehavior::Sloppy
            | SubgraphBehavior::Unindexed => {
                // The planner's documents must be valid for the subgraph.
                let document = ExecutableDocument::parse_and_validate(&self.schema, text.to_string(), "fetch")
                    .unwrap_or_else(|invalid| panic!("{text}\n{}", invalid.errors));
                json!(execute(&self.schema, &document, &variables, &self.world))
            }
        };
        match self.behavior {
            SubgraphBehavior::Sloppy => json_answer(sloppy(body).to_string()),
            SubgraphBehavior::Unindexed => json_answer(unindexed(body).to_string()),
            _ => json_answer(body.to_string()),
        }
    }
}

/// Returns the schema without the non-null marks on the fields of its output types.
fn without_non_null(sdl: &str) -> String {
    let mut answered = false;
    let lines = sdl.lines().map(|line| {
        if line.starts_with(char::is_alphabetic) {
            answered = line.starts_with("type") || line.starts_with("interface");
        }
        match line.rsplit_once(": ") {
            Some((field, rest)) if answered && line.starts_with("  ") => format!("{field}: {}", rest.replace('!', "")),
            _ => line.to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn sloppy(mut body: Value) -> Value {
    let mut errors = body["errors"].take();
    for error in errors.as_array_mut().into_iter().flatten() {
        let path = error["path"].as_array_mut().unwrap();
        let (last, way) = path.split_last().unwrap();
        let parent = way.iter().try_fold(&mut body["data"], |value, step| match step {
            Value::String(key) => value.get_mut(key),
            step => value.get_mut(usize::try_from(step.as_u64().unwrap()).unwrap()),
        });
        if let (Some(Value::Object(parent)), Value::String(key)) = (parent, last) {
            parent.remove(key);
        }
        if path[0] == "_entities" {
            path.remove(1);
        }
    }
    empty_to_null(&mut body["data"]);
    body["errors"] = match errors {
        Value::Null => json!([]),
        errors => errors,
    };
    body
}

fn unindexed(mut body: Value) -> Value {
    let errors = body.get_mut("errors").and_then(Value::as_array_mut);
    for error in errors.into_iter().flatten() {
        let path = error["path"].as_array_mut().unwrap();
        if path[0] == "_entities" || path[0].as_str().is_some_and(|key| key.starts_with("_e")) {
            path.remove(1);
        }
    }
    body
}

fn empty_to_null(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(empty_to_null),
        Value::Object(object) => {
            object.values_mut().for_each(empty_to_null);
            if object.is_empty() {
                *value = Value::Null;
            }
        }
        _ => {}
    }
}

fn json_answer(body: String) -> SubgraphResponse {
    SubgraphResponse::Json(EncodedResponse {
        body: body.into(),
        kind: ResponseKind::Data,
        codes: ErrorCodeSet::EMPTY,
    })
}

impl Subgraph for TestSubgraph {
    fn fetch(&self, request: SubgraphRequest) -> BoxFuture<'_, SubgraphResponse> {
        async move {
            if self.behavior == SubgraphBehavior::Silent {
                std::future::pending::<()>().await;
            }
            // Like a real subgraph, it does not respond at once.
            tokio::task::yield_now().await;
            self.answer(&request)
        }
        .boxed()
    }

    fn subscribe(&self, request: SubgraphRequest) -> BoxStream<'static, SubgraphResponse> {
        if self.behavior == SubgraphBehavior::Down {
            return stream::iter([self.answer(&request)]).boxed();
        }
        let good = self.answer(&request);
        let bad = json_answer(
            json!({ "data": null, "errors": [{ "message": "lost", "path": ["personChanged"] }] }).to_string(),
        );
        let again = self.answer(&request);
        stream::iter([good, bad, again]).boxed()
    }
}

fn execute(
    schema: &Valid<Schema>,
    document: &Valid<ExecutableDocument>,
    variables: &Value,
    world: &Arc<World>,
) -> ExecutionResponse {
    let definition = document.operations.get(None).unwrap();
    let variables: JsonMap = serde_json::from_value(variables.clone()).unwrap();
    let root = Thing {
        typename: definition.object_type().to_string(),
        ..world.thing(&definition.operation_type.default_type_name()).unwrap()
    };
    Execution::new(schema, document)
        .operation(definition)
        .raw_variable_values(&variables)
        .enable_schema_introspection(true)
        .execute_sync(&root)
        .unwrap_or_else(|error| panic!("{}", error.message()))
}

/// The requests to a subgraph: documents with their variables.
pub type Requests = Arc<Mutex<Vec<(String, Value)>>>;

/// Returns the request of an anonymous caller for a document with these variables.
pub fn request(document: &str, variables: Value) -> SubgraphRequest {
    graph_client::request(Viewer::Anonymous, document, variables)
}

/// The graph of these tests. It dereferences to the client of an anonymous caller.
pub struct Graph {
    pub supergraph: Arc<Supergraph>,
    client: Client,
    pub asked: HashMap<&'static str, Requests>,
}

impl Deref for Graph {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Graph {
    pub fn new() -> Self {
        Self::with(&[], Limits::default())
    }

    /// Builds a graph in which some subgraphs misbehave.
    pub fn with(behaviors: &[(&str, SubgraphBehavior)], limits: Limits) -> Self {
        let world = World::new();
        let mut subgraphs: HashMap<String, Arc<dyn Subgraph>> = HashMap::new();
        let mut asked = HashMap::new();
        for (name, sdl) in SUBGRAPHS {
            let behavior = behaviors
                .iter()
                .find(|(sick, _)| *sick == name)
                .map_or(SubgraphBehavior::Well, |(_, behavior)| *behavior);
            let subgraph = TestSubgraph::new(name, sdl, world.clone(), behavior);
            asked.insert(name, subgraph.asked.clone());
            subgraphs.insert(name.to_owned(), Arc::new(subgraph));
        }
        let supergraph = Supergraph::new(SUPERGRAPH, &contract::SCALARS, subgraphs, Arc::new(limits)).unwrap();
        let supergraph = Arc::new(supergraph);
        Self {
            client: graph_client::client(supergraph.clone(), Viewer::Anonymous),
            supergraph,
            asked,
        }
    }

    pub async fn answer(&self, request: SubgraphRequest) -> EncodedResponse {
        let answered = tokio::time::timeout(Duration::from_secs(30), self.supergraph.fetch(request)).await;
        answered.expect("an answer within half a minute").into_encoded()
    }

    /// Sends a request that must be refused before execution; returns the code of the error and the whole body.
    pub async fn refused(&self, request: SubgraphRequest) -> (&'static str, Value) {
        let answer = self.answer(request).await;
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        let ResponseKind::RequestError(code) = answer.kind else {
            panic!(
                "not refused: {}",
                body.to_string().chars().take(200).collect::<String>()
            );
        };
        assert!(body.get("data").is_none());
        assert_eq!(body["errors"][0]["extensions"]["code"], code.as_str());
        assert!(!body["errors"][0]["message"].as_str().unwrap().is_empty());
        assert!(answer.body.len() < 20_000, "{} bytes to say no", answer.body.len());
        (code.as_str(), body)
    }
}

/// Returns the response of the reference executor to the same operation on the same world, over the one public schema.
pub fn reference(query: &str, variables: &Value) -> String {
    static SCHEMA: OnceLock<Valid<Schema>> = OnceLock::new();
    let schema = SCHEMA.get_or_init(|| public_schema(SUPERGRAPH).unwrap());
    let document = ExecutableDocument::parse_and_validate(schema, query, "query")
        .unwrap_or_else(|invalid| panic!("{query}\n{}", invalid.errors));
    serde_json::to_string(&execute(schema, &document, variables, &World::new())).unwrap()
}
