//! The mounts of an order service that has replicas: each forwards requests to its replica.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use agora::http::{self, FrontConfig};
use agora::limits::Limits;
use agora::order_service::replica_upstreams;
use agora::rest::{self, MountServices, service_router};
use agora::rest_access::AnonymousAccess;
use axum::Router;
use order_log::{ClientAccess, Dependencies, FrontEnd, NodeConfig, OrderLogSettings, Replica, SharedSecret};
use replicated_exchange::{ReplicatedLog, StockCatalog};
use serde_json::{Value, json};
use tempfile::TempDir;
use testing::TestServices;
use tokio::net::{TcpListener, TcpSocket};

use super::refused;
use crate::app::{NOW_US, RestApp, send};

const SHARES: &str = r#"{"name":"GameStart","quantity":2}"#;

/// A bazaar with two replicas, of which only replica 2 runs.
struct Bazaar {
    app: RestApp,
    mounts: MountServices,
    /// The port of replica 3: bound, so that no process can listen there.
    _dead: TcpSocket,
    _folder: TempDir,
}

impl Bazaar {
    async fn open() -> Self {
        let credentials = Arc::new(SharedSecret("0123456789abcdef0123456789abcdef".to_owned()));
        let folder = tempfile::tempdir().expect("a folder");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let dead = TcpSocket::new_v4().expect("a socket");
        dead.bind(([127, 0, 0, 1], 0).into()).expect("a port");
        let url = |address: std::io::Result<std::net::SocketAddr>| format!("http://{}", address.expect("an address"));
        let (alive, gone) = (url(listener.local_addr()), url(dead.local_addr()));
        let urls = BTreeMap::from([(2, alive.clone()), (3, gone)]);
        let front_end = FrontEnd::new(urls, credentials.clone(), OrderLogSettings::default()).expect("two replicas");
        let mut on = TestServices::new(NOW_US).await;
        let node_config = NodeConfig {
            id: 2,
            folder: folder.path().to_owned(),
            urls: BTreeMap::from([(2, alive.clone())]),
            joins: false,
        };
        let dependencies = Dependencies {
            credentials: credentials.clone(),
            catalog: Arc::new(StockCatalog::new(on.services.clone())),
            now_us: Arc::new(|| NOW_US),
        };
        let replica = Replica::open(node_config, OrderLogSettings::default(), dependencies).await;
        let replica = replica.expect("a replica");
        let served = replica.clone();
        tokio::spawn(async move {
            served
                .serve(listener, ClientAccess::Token, std::future::pending())
                .await
        });
        let ready = tokio::time::timeout(Duration::from_secs(30), replica.ready()).await;
        ready.expect("the replica is ready in time");
        on.services.order_log = Arc::new(ReplicatedLog::new(front_end.clone()));
        let numbering = on.services.clone();
        tokio::spawn(async move { numbering.order_log.clone().work(numbering).await });
        let app = RestApp::over(on, AnonymousAccess::Anyone, Limits::default()).await;
        Self {
            mounts: MountServices::over_graph(rest::mounts()).with_order_replicas(replica_upstreams(&front_end)),
            app,
            _dead: dead,
            _folder: folder,
        }
    }

    fn mounts(&self, open: AnonymousAccess) -> Router {
        self.mounts.router(&self.app.gateway, open)
    }
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn each_mount_is_one_replica() {
    let bazaar = Bazaar::open().await;
    let mounts = bazaar.mounts(AnonymousAccess::Anyone);
    let ask = |line: &'static str, body: &'static str| send(&mounts, line, &[JSON], body);
    let pong = r#"200 {"success":{"code":200,"message":"pong","server-id":2}}"#;
    assert_eq!(ask("GET /bazaar/order/2/ping", "").await.line(), pong);
    assert_eq!(ask("GET /bazaar/order/2/ping/", "").await.line(), pong);
    let head = ask("HEAD /bazaar/order/2/ping", "").await;
    assert_eq!(head.line(), "200 ");
    let bought = ask("POST /bazaar/order/2/buy", SHARES).await;
    assert_eq!(
        bought.line(),
        r#"200 {"order_number":0,"transaction-number":0,"transaction_number":0}"#
    );
    assert_eq!(bought.header("cache-control"), "no-store");
    for path in ["orders/0", "lookup-order/0"] {
        let order = send(&mounts, &format!("GET /bazaar/order/2/{path}"), &[], "").await;
        let order = order.json();
        assert_eq!(
            order,
            json!({ "number": 0, "name": "GameStart", "quantity": 2, "type": "buy" })
        );
    }
    // An idempotency key makes it one order through every path.
    let key = [JSON, ("idempotency-key", "once")];
    for _ in 0..2 {
        let again = send(&mounts, "POST /bazaar/order/2/sell", &key, SHARES).await;
        assert_eq!(again.json()["order_number"], 1, "{}", again.text);
    }
    let no_path = || refused(404, "there is no such path");
    let name = "name is required; quantity is required";
    for (line, wanted) in [
        (
            "GET /bazaar/order/2/orders/9",
            refused(404, "could not find order with number 9"),
        ),
        ("POST /bazaar/order/2/buy", refused(400, name)),
        // Ids that are no replicas, including the single one that exists only where there are no replicas.
        ("GET /bazaar/order/1/ping", no_path()),
        ("GET /bazaar/order/4/ping", no_path()),
        // Clients cannot reach the routes between replicas.
        ("GET /bazaar/order/2/raft/status", no_path()),
        ("GET /bazaar/order/2/health", no_path()),
    ] {
        assert_eq!(ask(line, "{}").await.line(), wanted, "{line}");
    }
    let wrong = ask("GET /bazaar/order/2/buy", "").await;
    assert_eq!((wrong.status, wrong.header("allow")), (405, "POST"));
}

#[tokio::test]
async fn a_dead_replica_is_unavailable_with_a_retry_after() {
    let bazaar = Bazaar::open().await;
    let mounts = bazaar.mounts(AnonymousAccess::Anyone);
    for (line, body) in [("GET /bazaar/order/3/ping", ""), ("POST /bazaar/order/3/buy", SHARES)] {
        let answered = send(&mounts, line, &[JSON], body).await;
        assert_eq!(answered.line(), refused(503, "order service unavailable"), "{line}");
        assert_eq!(answered.header("retry-after"), "1", "{line}");
    }
}

#[tokio::test]
async fn a_replica_has_the_access_rules_of_its_mount() {
    let bazaar = Bazaar::open().await;
    let closed = bazaar.mounts(AnonymousAccess::Closed);
    let (person, service) = (bazaar.app.person(7), bazaar.app.service());
    for (token, status) in [(None, 401), (Some(person), 403), (Some(service), 200)] {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let mut headers = vec![JSON];
        headers.extend(bearer.iter().map(|bearer| ("authorization", bearer.as_str())));
        for (line, body) in [("GET /bazaar/order/2/ping", ""), ("POST /bazaar/order/2/buy", SHARES)] {
            let answered = send(&closed, line, &headers, body).await;
            assert_eq!(answered.status, status, "{line}: {}", answered.text);
            assert_eq!(
                answered.header("www-authenticate"),
                if status == 401 { "Bearer" } else { "" }
            );
        }
    }
    let here = bazaar.mounts(AnonymousAccess::Loopback);
    let other_site = [JSON, ("host", "localhost"), ("sec-fetch-site", "cross-site")];
    let answered = send(&here, "POST /bazaar/order/2/buy", &other_site, SHARES).await;
    assert_eq!(answered.line(), refused(403, "another site may not do this"));
    let order = send(&here, "GET /bazaar/order/2/orders/1", &[("host", "localhost")], "").await;
    assert_eq!(order.status, 404, "one trade was made: {}", order.text);
}

#[tokio::test]
async fn each_replica_is_documented_and_can_have_its_own_port() {
    let bazaar = Bazaar::open().await;
    let document = send(
        &bazaar.mounts(AnonymousAccess::Anyone),
        "GET /bazaar/openapi.json",
        &[],
        "",
    )
    .await
    .json();
    let paths = document["paths"].as_object().unwrap();
    for route in [
        "buy",
        "sell",
        "push",
        "sync",
        "ping",
        "leader-broadcast",
        "orders/{orderNum}",
    ] {
        for id in [2, 3] {
            assert!(paths.contains_key(&format!("/order/{id}/{route}")), "{id}: {route}");
        }
        assert!(!paths.contains_key(&format!("/order/1/{route}")), "{route}");
    }
    let tags: Vec<&Value> = document["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| &tag["name"])
        .collect();
    assert_eq!(tags, ["front", "catalog", "order.2", "order.3"]);
    let example = "/paths/~1order~12~1ping/get/responses/200/content/application~1json/example/success/server-id";
    assert_eq!(document.pointer(example), Some(&json!(2)));

    let port = |service| {
        let (mounts, gateway) = (&bazaar.mounts, &bazaar.app.gateway);
        mounts.router_of(gateway, AnonymousAccess::Anyone, "bazaar", Some(service))
    };
    let alone = port("order.2").expect("replica 2");
    assert_eq!(
        send(&alone, "GET /ping", &[], "").await.json()["success"]["server-id"],
        2
    );
    let dead = port("order.3").expect("replica 3");
    assert_eq!(send(&dead, "GET /ping", &[], "").await.status, 503);
    assert!(port("order.4").is_none() && port("order").is_none());
    // Without replicas, the graph serves the single order service under its old name.
    let port = |service| service_router(&bazaar.app.gateway, AnonymousAccess::Anyone, "bazaar", Some(service));
    assert!(port("order").is_some() && port("order.1").is_none());
}

#[tokio::test]
async fn a_page_shows_the_replicas_of_the_graph() {
    let app = RestApp::open().await;
    let front = http::router(&app.gateway, FrontConfig::default());
    let page = send(&front, "GET /orders", &[], "").await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
    assert!(
        page.text.contains("1 of 1 replicas respond, and replica 1 leads."),
        "{}",
        page.text
    );
    assert!(row_of(&page.text, "1").contains("<b>leader</b>"), "{}", page.text);
    assert!(row_of(&page.text, "1").contains("<td class=\"number\">none</td>"));
    assert!(!page.text.contains("http:"), "nothing from elsewhere");
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    let bought = app
        .json(
            "POST /bazaar/orders",
            r#"{"name":"GameStart","quantity":1,"type":"buy"}"#,
        )
        .await;
    assert_eq!(bought.status, 200);
    let page = send(&front, "GET /orders", &[], "").await;
    assert!(
        row_of(&page.text, "1").contains("<td class=\"number\">0</td></tr>"),
        "{}",
        page.text
    );
}

/// Returns the row of a replica in the page's table.
fn row_of<'a>(page: &'a str, id: &str) -> &'a str {
    let rest = page.split(&format!("<th scope=\"row\">{id}</th>")).nth(1).unwrap();
    rest.split_inclusive("</tr>").next().unwrap()
}
