//! Walks every body field and every parameter of the OpenAPI documents. A bad value is refused with the name of the
//! field, and no data changes. New routes are covered automatically.

mod document;
mod values;

use rusqlite::Connection;
use serde_json::{Value, json};
use tests::{HttpClient, Response, TestApp};

use document::{DocumentedRoute, Field, operations};

/// `invalid book id` is the contract's own wording, which names no field (docs/rest-contract/bookstore.md).
const NAMELESS: &str = "invalid book id";

/// Returns the rows of all tables as text. Equal texts before and after mean that no data changed.
fn contents(app: &TestApp) -> String {
    let file = app.data_folder().join("agora.db");
    let database = Connection::open(file).expect("the database");
    let mut names = database
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
        .expect("a statement");
    let names = names.query_map([], |row| row.get::<_, String>(0)).expect("tables");
    let names: Vec<String> = names.map(|name| name.expect("a name")).collect();
    assert!(names.len() > 20, "{names:?}");
    let mut contents = String::new();
    for name in names {
        let mut rows = database
            .prepare(&format!("SELECT * FROM \"{name}\""))
            .expect("a statement");
        let columns = rows.column_count();
        let mut rows = rows.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            let values: Vec<_> = (0..columns)
                .map(|column| row.get_ref(column).expect("a value"))
                .collect();
            contents.push_str(&format!("{name} {values:?}\n"));
        }
    }
    contents
}

/// Returns the message of an error, or `None` when the body is not the envelope of its mount or has a wrong status.
fn message(mount: &str, reply: &Response) -> Option<String> {
    let body = &reply.body;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let status = json!(reply.status);
    match mount {
        "bazaar" | "brokerage" => text(&body["error"]["message"]).filter(|_| body["error"]["code"] == status),
        "bookstore" => text(&body["error"]).filter(|_| body["message"] == body["error"] && body["success"] == false),
        "community" => text(&body["message"]).filter(|_| body["status"] == status && body["error"].is_string()),
        "shop" => match body["errors"].as_object() {
            Some(errors) => {
                let told = errors
                    .iter()
                    .map(|(name, why)| Some(format!("{name} {}", why.as_str()?)));
                told.collect::<Option<Vec<_>>>().map(|told| told.join("; "))
            }
            None => text(&body["response"]),
        },
        other => panic!("no envelope is known of {other}"),
    }
}

/// Counts the occurrences of a name in a text as a whole word.
fn times(text: &str, name: &str) -> usize {
    let is_word = |char: char| char.is_alphanumeric() || matches!(char, '_' | '-' | '.');
    let whole = |(at, _): &(usize, &str)| {
        let before = text[..*at].chars().next_back();
        let mut after = text[at + name.len()..].chars();
        !before.is_some_and(is_word) && !after.next().is_some_and(is_word)
    };
    text.match_indices(name).filter(whole).count()
}

struct RestWalk {
    faults: Vec<String>,
    sent: usize,
}

impl RestWalk {
    /// Checks the response to a bad value of `name`.
    fn judge(&mut self, operation: &DocumentedRoute, name: &str, place: &str, value: &str, reply: &Response) {
        self.sent += 1;
        let shown: String = value.chars().take(40).collect();
        let mut fault = |why: &str| {
            let line = format!(
                "{why}: {} {name} <- {shown}: {} {}",
                operation.name(),
                reply.status,
                reply.body
            );
            self.faults.push(line.chars().take(400).collect());
        };
        let Some(message) = message(&operation.mount, reply) else {
            return fault("not in the envelope");
        };
        match reply.status {
            400 => {}
            // No object has such an id or name.
            404 if place == "path" => return,
            _ => return fault("not refused"),
        }
        if message == NAMELESS {
            return;
        }
        if times(&message, name) != 1 {
            return fault("the name is not there once");
        }
        let says_how = [" must ", " is required"].iter().any(|words| message.contains(words))
            || message.contains("is not a cursor of this list");
        if !says_how || message.contains("input") || message.contains('$') {
            fault("does not say what would be right");
        }
    }

    /// Checks the response to a request whose body as a whole is wrong.
    fn judge_whole(&mut self, operation: &DocumentedRoute, what: &str, status: u16, reply: &Response) {
        self.sent += 1;
        let told = message(&operation.mount, reply).filter(|message| message.contains("must be"));
        if told.is_none() || reply.status != status {
            let line = format!("{}: {what}: {} {}", operation.name(), reply.status, reply.body);
            self.faults.push(line);
        }
    }
}

async fn send(
    person: &HttpClient,
    operation: &DocumentedRoute,
    path: &str,
    body: Option<Vec<u8>>,
    media: &str,
) -> Response {
    let mut request = person.request(&operation.verb, path);
    if let Some(body) = body {
        request = request.header("content-type", media).body(body);
    }
    person.send(request).await
}

const JSON: &str = "application/json";

async fn walk_members(walk: &mut RestWalk, person: &HttpClient, operation: &DocumentedRoute) {
    let Some(example) = &operation.example else { return };
    let path = operation.path_with(None);
    for Field { name, schema, .. } in operation.members() {
        let around = operation.example_around(&name).expect("an example");
        for value in values::of_member(&schema) {
            let body = document::replaced(&around, &name, &value);
            let reply = send(person, operation, &path, Some(body.into_bytes()), JSON).await;
            walk.judge(operation, &name, "body", &value, &reply);
        }
        // The same field twice, with the same value.
        if let Some(body) = document::doubled(example, &name) {
            let reply = send(person, operation, &path, Some(body.into_bytes()), JSON).await;
            walk.judge(operation, &name, "body", "the member twice", &reply);
        }
    }
    let whole = example.to_string();
    let cut = &whole[..whole.len() - 1];
    for (what, body) in [
        ("no end", cut.as_bytes().to_vec()),
        ("two values", format!("{whole} {whole}").into_bytes()),
        ("a list", format!("[{whole}]").into_bytes()),
        ("null", b"null".to_vec()),
        ("no text", [whole.as_bytes(), b"\xff"].concat()),
        ("a byte order mark", [b"\xef\xbb\xbf", whole.as_bytes()].concat()),
        ("not a number", cut.replace(':', ":NaN,\"_\":").into_bytes()),
        ("nothing", Vec::new()),
    ] {
        let reply = send(person, operation, &path, Some(body), JSON).await;
        walk.judge_whole(operation, what, 400, &reply);
    }
    for media in [
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=a",
        "nonsense",
    ] {
        let reply = send(person, operation, &path, Some(whole.clone().into_bytes()), media).await;
        walk.judge_whole(operation, media, 415, &reply);
    }
    let request = person
        .request(&operation.verb, &path)
        .header("content-encoding", "gzip");
    let reply = person.send(request.header("content-type", JSON).body(whole)).await;
    walk.judge_whole(operation, "compressed", 415, &reply);
}

async fn walk_parameters(walk: &mut RestWalk, person: &HttpClient, operation: &DocumentedRoute) {
    for Field { name, schema, place } in operation.parameters() {
        for value in values::of_parameter(&schema, &place) {
            let path = operation.path_with(Some((&name, &value)));
            let body = operation
                .example
                .as_ref()
                .map(|example| example.to_string().into_bytes());
            let reply = send(person, operation, &path, body, JSON).await;
            walk.judge(operation, &name, &place, &value, &reply);
        }
    }
}

#[tokio::test]
async fn bad_values_are_refused_by_their_names_and_change_nothing() {
    let app = TestApp::new().await;
    let (ada, anonymous) = (app.signed_in("ada").await, app.anonymous());
    let before = contents(&app);
    let mut walk = RestWalk {
        faults: Vec::new(),
        sent: 0,
    };
    for mount in agora::rest::mounts() {
        let person = if mount.name == "brokerage" { &ada } else { &anonymous };
        let document = anonymous.get(&format!("{}/openapi.json", mount.prefix)).await.body;
        for operation in operations(mount.name, mount.prefix, document) {
            walk_members(&mut walk, person, &operation).await;
            walk_parameters(&mut walk, person, &operation).await;
        }
    }
    assert!(
        walk.faults.is_empty(),
        "{} of {}:\n{}",
        walk.faults.len(),
        walk.sent,
        walk.faults.join("\n")
    );
    assert!(walk.sent > 1_000, "{}", walk.sent);
    let after = contents(&app);
    let change = before
        .lines()
        .zip(after.lines())
        .find(|(before, after)| before != after);
    assert!(before == after, "something was changed: {change:?}");
}
