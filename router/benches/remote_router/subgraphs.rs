//! Four subgraphs behind HTTP. They execute a request once and then repeat its answer, so that they cost little beside the router.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{DocumentOperations, Field, FragmentDefinition, Selection, SelectionSet};
use async_graphql::{Name, Positioned};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::data::{Product, Review, User, shipping_estimate, top_products, users};

/// The names of the subgraphs.
pub const NAMES: [&str; 4] = ["inventory", "products", "reviews", "users"];

/// Encoded answers by the bodies of their requests.
type Answers = Arc<Mutex<HashMap<Vec<u8>, Arc<Vec<u8>>>>>;

/// Starts a subgraph on a free port, and returns its address.
pub async fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let answers = Answers::default();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            stream.set_nodelay(true).expect("a socket");
            tokio::spawn(serve(stream, Arc::clone(&answers)));
        }
    });
    format!("http://{address}/graphql")
}

/// Answers the requests of one connection until its other end closes it.
async fn serve(mut stream: TcpStream, answers: Answers) {
    let mut received = Vec::new();
    loop {
        let Some((head, length)) = head_and_length(&received) else {
            if stream.read_buf(&mut received).await.unwrap_or(0) == 0 {
                return;
            }
            continue;
        };
        while received.len() < head + length {
            if stream.read_buf(&mut received).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let answer = answer(&received[head..head + length], &answers);
        received.drain(..head + length);
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// Returns the lengths of a complete head and of the body behind it.
fn head_and_length(received: &[u8]) -> Option<(usize, usize)> {
    let head = received.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&received[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    Some((head, length.expect("a length").trim().parse().expect("a number")))
}

/// Returns the complete HTTP answer to a request.
fn answer(body: &[u8], answers: &Answers) -> Arc<Vec<u8>> {
    let mut answers = answers.lock().expect("no panic");
    if let Some(known) = answers.get(body) {
        return Arc::clone(known);
    }
    let text = execute(body).to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        text.len()
    );
    let answer = Arc::new((head + &text).into_bytes());
    answers.insert(body.to_vec(), Arc::clone(&answer));
    answer
}

/// An object that a selection applies to.
enum Object<'a> {
    Query,
    User(User),
    /// A product, with the representation that a request has of it.
    Product(Product, Option<&'a Value>),
    Review(Review),
}

/// The value of a field.
enum Resolved<'a> {
    Leaf(Value),
    Object(Object<'a>),
    List(Vec<Object<'a>>),
}

/// An operation in execution.
struct Execution {
    fragments: HashMap<Name, Positioned<FragmentDefinition>>,
    variables: Value,
}

fn execute(body: &[u8]) -> Value {
    let request: Value = serde_json::from_slice(body).expect("a JSON body");
    let document = parse_query(request["query"].as_str().expect("a document")).expect("a valid document");
    let operation = match document.operations {
        DocumentOperations::Single(operation) => operation,
        DocumentOperations::Multiple(operations) => operations.into_values().next().expect("an operation"),
    };
    let execution = Execution {
        fragments: document.fragments,
        variables: request["variables"].clone(),
    };
    let mut data = Map::new();
    execution.select(&operation.node.selection_set.node, &Object::Query, &mut data);
    json!({ "data": data })
}

impl Execution {
    fn select(&self, selections: &SelectionSet, object: &Object<'_>, into: &mut Map<String, Value>) {
        for selection in &selections.items {
            let (condition, inner) = match &selection.node {
                Selection::Field(field) => {
                    self.field(&field.node, object, into);
                    continue;
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = &self.fragments[&spread.node.fragment_name.node].node;
                    (Some(&fragment.type_condition), &fragment.selection_set)
                }
                Selection::InlineFragment(fragment) => {
                    (fragment.node.type_condition.as_ref(), &fragment.node.selection_set)
                }
            };
            if condition.is_none_or(|condition| condition.node.on.node.as_str() == object.typename()) {
                self.select(&inner.node, object, into);
            }
        }
    }

    fn field(&self, field: &Field, object: &Object<'_>, into: &mut Map<String, Value>) {
        let selections = &field.selection_set.node;
        let complete = |object: &Object<'_>| {
            let mut fields = Map::new();
            self.select(selections, object, &mut fields);
            Value::Object(fields)
        };
        let value = match self.resolve(field, object) {
            Resolved::Leaf(value) => value,
            Resolved::Object(object) => complete(&object),
            Resolved::List(objects) => objects.iter().map(complete).collect(),
        };
        let key = field.alias.as_ref().unwrap_or(&field.name).node.to_string();
        into.insert(key, value);
    }

    fn resolve<'a>(&'a self, field: &Field, object: &Object<'_>) -> Resolved<'a> {
        let name = field.name.node.as_str();
        if name == "__typename" {
            return Resolved::Leaf(object.typename().into());
        }
        match object {
            Object::Query if name == "_entities" => Resolved::List(self.entities(field)),
            Object::Query => match name {
                "users" => Resolved::List(users().map(Object::User).collect()),
                "topProducts" => Resolved::List(top_products().map(|product| Object::Product(product, None)).collect()),
                _ => panic!("Query.{name}"),
            },
            Object::User(user) => user_field(*user, name),
            Object::Product(product, representation) => product_field(*product, *representation, name),
            Object::Review(review) => review_field(*review, name),
        }
    }

    /// Returns the entities of the representations that an argument has.
    fn entities(&self, field: &Field) -> Vec<Object<'_>> {
        let (_, argument) = &field.arguments[0];
        let variable = argument.node.to_string();
        let representations = self.variables[variable.trim_start_matches('$')].as_array();
        let representations = representations.expect("a list of representations");
        representations.iter().map(entity).collect()
    }
}

impl Object<'_> {
    fn typename(&self) -> &'static str {
        match self {
            Object::Query => "Query",
            Object::User(_) => "User",
            Object::Product(..) => "Product",
            Object::Review(_) => "Review",
        }
    }
}

/// Returns the entity of a representation.
fn entity(representation: &Value) -> Object<'_> {
    let key = |name: &str, prefix: &str| {
        let key = representation[name].as_str().expect("a key").trim_start_matches(prefix);
        key.parse::<usize>().expect("a number") - 1
    };
    match representation["__typename"].as_str() {
        Some("User") => Object::User(User(key("id", ""))),
        Some("Product") => Object::Product(Product(key("upc", "upc-")), Some(representation)),
        Some("Review") => Object::Review(Review(key("id", ""))),
        other => panic!("{other:?} is no entity"),
    }
}

fn user_field<'a>(user: User, name: &str) -> Resolved<'a> {
    Resolved::Leaf(match name {
        "id" => user.id().into(),
        "username" => user.username().into(),
        "name" => user.name().into(),
        "reviews" => return Resolved::List(user.reviews().map(Object::Review).collect()),
        _ => panic!("User.{name}"),
    })
}

fn product_field<'a>(product: Product, representation: Option<&Value>, name: &str) -> Resolved<'a> {
    Resolved::Leaf(match name {
        "upc" => product.upc().into(),
        "name" => product.name().into(),
        "price" => product.price().into(),
        "weight" => product.weight().into(),
        "inStock" => product.is_in_stock().into(),
        "shippingEstimate" => {
            // The inventory knows the price and the weight by the representation only.
            let required = |name: &str| representation.and_then(|representation| representation[name].as_u64());
            let (price, weight) = (required("price"), required("weight"));
            shipping_estimate(price.expect("the price"), weight.expect("the weight")).into()
        }
        "reviews" => return Resolved::List(product.reviews().map(Object::Review).collect()),
        _ => panic!("Product.{name}"),
    })
}

fn review_field<'a>(review: Review, name: &str) -> Resolved<'a> {
    match name {
        "id" => Resolved::Leaf(review.id().into()),
        "body" => Resolved::Leaf(review.body().into()),
        "author" => Resolved::Object(Object::User(review.author())),
        "product" => Resolved::Object(Object::Product(review.product(), None)),
        _ => panic!("Review.{name}"),
    }
}
