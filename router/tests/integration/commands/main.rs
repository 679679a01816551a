//! The commands of the real program, over a folder of its own.

mod check_config;
mod create_admin;
mod health;
mod help_files;
mod http;
mod load;
mod migrate;
mod plan;
mod replicas;
mod router;
mod shutdown;
#[path = "../../../../subgraphs/order_log/tests/integration/sqlite_catalog.rs"]
#[expect(dead_code, reason = "the tests of the order log also read its quantities")]
mod sqlite_catalog;
mod start;
mod subgraph;
mod token;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

fn agora(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_agora"));
    command.args(arguments).current_dir(folder);
    command
}

fn run(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = agora(folder, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // A command that fails before it reads its input closes the pipe; the test checks its result, not this write.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    child.wait_with_output().expect("the program ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a command that must succeed, and returns its output.
fn printed(folder: &Path, arguments: &[&str], input: &str) -> String {
    let output = run(folder, arguments, input);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// A running server; dropping it kills the process.
struct Server {
    child: Child,
    url: String,
    output: String,
    /// The listeners of REST services: their names in parentheses, and their addresses.
    rest_listeners: Vec<(String, String)>,
}

impl Server {
    /// Starts it on a free loopback port and waits until it reports that it is ready.
    fn start(folder: &Path, command: &str) -> Self {
        Self::start_with(folder, &[command], 0)
    }

    /// As [`start`](Self::start), with more arguments, which open that many further listeners.
    fn start_with(folder: &Path, arguments: &[&str], listeners: usize) -> Self {
        Self::start_logging(folder, arguments, listeners, Stdio::null())
    }

    /// As [`start_with`](Self::start_with), with its log going to `log`.
    fn start_logging(folder: &Path, arguments: &[&str], listeners: usize, log: Stdio) -> Self {
        if ["serve", "router", "subgraph"].contains(&arguments[0]) {
            return Self::start_serve(folder, arguments, listeners);
        }
        let arguments = [arguments, &["--listen", "127.0.0.1:0"]].concat();
        let mut child = agora(folder, &arguments)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut output = String::new();
        let (mut url, mut rest_listeners) = (None, Vec::new());
        let url = loop {
            match url {
                Some(url) if rest_listeners.len() == listeners => break url,
                _ => {}
            }
            let line = lines.next().expect("the server says where it listens").expect("text");
            output.push_str(&line);
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["GraphQL", graph] => url = Some(graph.trim_end_matches("/graphql").to_owned()),
                ["REST", docs, name] => {
                    rest_listeners.push((name.to_owned(), docs.trim_end_matches("/docs").to_owned()));
                }
                _ => {}
            }
        };
        Self {
            child,
            url,
            output,
            rest_listeners,
        }
    }

    /// Starts a server without sample data, which says in its log where it listens.
    fn start_serve(folder: &Path, arguments: &[&str], listeners: usize) -> Self {
        let arguments = [arguments, &["--listen", "127.0.0.1:0", "--log-format", "json"]].concat();
        let mut child = agora(folder, &arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let (mut url, mut rest_listeners, mut output) = (None, Vec::new(), String::new());
        while url.is_none() || rest_listeners.len() < listeners {
            let line = lines.next().expect("the server says where it listens").expect("text");
            let event: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            let field = |name: &str| event["fields"][name].as_str().unwrap_or_default().to_owned();
            match &*field("listener") {
                "" => {}
                "graph" | "subgraphs" => url = Some(field("url")),
                name => rest_listeners.push((format!("({name})"), field("url"))),
            }
            output.push_str(&line);
        }
        // A full pipe would stop the server.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            url: url.expect("an address"),
            output,
            rest_listeners,
        }
    }

    fn graphql(&self, query: &str, token: Option<&str>) -> Value {
        self.post("/graphql", &json!({ "query": query }), token)
    }

    fn post(&self, path: &str, body: &Value, token: Option<&str>) -> Value {
        Self::post_to(&self.url, path, body, token)
    }

    fn post_to(url: &str, path: &str, body: &Value, token: Option<&str>) -> Value {
        let address = url.strip_prefix("http://").and_then(|address| address.parse().ok());
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
        let line = format!("POST {path}");
        let (status, body) = http::send(address.expect("an HTTP address"), &line, &headers, &body.to_string());
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {status} {body}"))
    }

    /// Sends SIGTERM, as a service manager does, and returns whether the process ended with success.
    fn stop(mut self) -> bool {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("kill");
        assert!(sent.success());
        self.child.wait().expect("the server ends").success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn schema_prints_the_public_schema_and_writes_the_subgraphs() {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let checked_in = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    assert_eq!(printed(folder.path(), &["schema"], ""), checked_in("schema.graphql"));
    printed(folder.path(), &["schema", "--out", "public.graphql"], "");
    assert_eq!(
        std::fs::read_to_string(folder.path().join("public.graphql")).unwrap(),
        checked_in("schema.graphql")
    );
    printed(folder.path(), &["schema", "--subgraphs", "out"], "");
    for (name, _) in agora::domains::sdls() {
        let written = std::fs::read_to_string(folder.path().join("out").join(name).join("schema.graphql")).unwrap();
        assert_eq!(
            written,
            checked_in(&format!("subgraphs/{name}/schema.graphql")),
            "{name}"
        );
    }
}

#[test]
fn plan_shows_one_fetch_per_subgraph() {
    let folder = tempfile::tempdir().unwrap();
    let query = "{ me { username inbox(first: 1) { nodes { contents } } } }";
    std::fs::write(folder.path().join("query.graphql"), query).unwrap();
    let plan = printed(folder.path(), &["plan", "query.graphql"], "");
    assert_eq!(plan.matches("Fetch ").count(), 2, "{plan}");
    assert!(
        plan.contains("Fetch accounts") && plan.contains("Fetch messages"),
        "{plan}"
    );
    assert_eq!(printed(folder.path(), &["plan", "-"], query), plan);
    let refused = run(folder.path(), &["plan", "-"], "{ me { shoeSize } }");
    assert!(
        !refused.status.success() && text(&refused.stderr).contains("shoeSize"),
        "{}",
        text(&refused.stderr)
    );
}

#[test]
fn a_database_that_lost_a_table_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    printed(folder.path(), &["migrate", "--data", "."], "");
    let db = rusqlite::Connection::open(folder.path().join("agora.db")).unwrap();
    db.execute_batch("DROP TABLE message").unwrap();
    drop(db);
    let refused = run(folder.path(), &["serve", "--data", ".", "--listen", "127.0.0.1:0"], "");
    let output = text(&refused.stderr);
    assert!(
        !refused.status.success() && output.contains("table message"),
        "{output}"
    );
}

#[test]
fn a_folder_that_cannot_be_used_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("agora.db"), "this is no database, only some text").unwrap();
    for command in [
        &[
            "create-admin",
            "--username",
            "a",
            "--email",
            "a@example.com",
            "--data",
            ".",
        ][..],
        &["migrate", "--data", "."],
    ] {
        let refused = run(folder.path(), command, "");
        let output = text(&refused.stderr);
        assert!(
            !refused.status.success() && output.contains("not a database"),
            "{output}"
        );
    }
}

#[test]
fn a_served_installation_has_accounts_but_no_sample_data() {
    let folder = tempfile::tempdir().unwrap();
    let early = run(folder.path(), &["token", "--service", "stock-room"], "");
    assert!(
        !early.status.success() && text(&early.stderr).contains("start the server once"),
        "{early:?}"
    );
    let admin = ["create-admin", "--username", "root", "--email", "root@example.com"];
    assert!(
        !run(folder.path(), &admin, "short\n").status.success(),
        "a short password was taken"
    );
    printed(folder.path(), &admin, "correct horse battery\n");

    let server = Server::start(folder.path(), "serve");

    assert!(!server.output.contains("agora-demo-2026"));
    let books = server.graphql("{ books { nodes { id } } }", None);
    assert_eq!(books["data"]["books"]["nodes"], json!([]));
    let login = server.graphql(
        r#"mutation { login(login: "root", password: "correct horse battery") { token user { username } } }"#,
        None,
    );
    assert_eq!(login["data"]["login"]["user"]["username"], "root");
    let service = printed(folder.path(), &["token", "--service", "stock-room", "--days", "1"], "");
    let add = r#"mutation { addBook(input: { title: "One", topic: "t", quantity: 1,
        price: { amount: "5.00", currency: "USD" } }) { title } }"#;
    for token in [login["data"]["login"]["token"].as_str().unwrap(), service.trim()] {
        assert_eq!(server.graphql(add, Some(token))["data"]["addBook"]["title"], "One");
    }
    assert!(server.stop(), "SIGTERM was not a clean end");
}

#[test]
fn a_killed_demo_keeps_its_acknowledged_purchases() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for _ in 0..3 {
        // `Drop` kills it with SIGKILL right after the response.
        let server = Server::start(folder.path(), "demo");
        for _ in 0..3 {
            let answer = server.post("/bookstore/purchase/1", &json!({}), None);
            acknowledged.push(answer["orderId"].as_i64().unwrap_or_else(|| panic!("{answer}")));
        }
    }
    let server = Server::start(folder.path(), "demo");
    let book = server.graphql("{ book(id: 1) { quantity } }", None);
    assert_eq!(book["data"]["book"]["quantity"], 10 - 9);
    let login = server.graphql(
        r#"mutation { login(login: "admin", password: "agora-demo-2026") { token } }"#,
        None,
    );
    let token = login["data"]["login"]["token"].as_str();
    let sold = server.graphql("{ bookPurchases(first: 100) { nodes { id book { id } } } }", token);
    let sold = sold["data"]["bookPurchases"]["nodes"].as_array().unwrap().clone();
    let of_book: Vec<i64> = sold
        .iter()
        .filter(|purchase| purchase["book"]["id"] == "book_1")
        .map(|purchase| testing::number_of(purchase["id"].as_str().unwrap()))
        .collect();
    assert_eq!(of_book, acknowledged);
}

#[test]
fn each_bazaar_service_listens_on_its_configured_address() {
    let folder = tempfile::tempdir().unwrap();
    let listen = "bazaar.front=127.0.0.1:0,bazaar.catalog=127.0.0.1:0,bazaar.order=127.0.0.1:0";
    let server = Server::start_with(folder.path(), &["demo", "--rest-listen", listen], 3);
    let entry = json!({ "name": "FishCo", "quantity": 1, "type": "buy" });
    let ask = |name: &str, path: &str, pointer: &str| {
        let (_, url) = server
            .rest_listeners
            .iter()
            .find(|(known, _)| known == name)
            .expect(name);
        let answer = Server::post_to(url, path, &entry, None);
        answer
            .pointer(pointer)
            .and_then(Value::as_i64)
            .unwrap_or_else(|| panic!("{name}: {answer}"))
    };
    let first = ask("(bazaar.front=127.0.0.1:0)", "/orders", "/data/order_number");
    assert_eq!(ask("(bazaar.catalog=127.0.0.1:0)", "/update", "/success/code"), 200);
    assert_eq!(ask("(bazaar.order=127.0.0.1:0)", "/buy", "/order_number"), first + 1);
    assert!(server.stop(), "SIGTERM was not a clean end");
}
