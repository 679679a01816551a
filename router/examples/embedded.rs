//! Agora inside of another axum program: its API and its pages beside the program's own routes, and its graph called
//! without HTTP.
//!
//! ```sh
//! cargo run --example embedded -- 127.0.0.1:3000
//! curl http://127.0.0.1:3000/topics
//! curl http://127.0.0.1:3000/bookstore/info/2
//! ```

use std::error::Error;
use std::sync::Arc;

use agora::app::App;
use agora::config::Settings;
use agora::gateway::Gateway;
use agora::rest_access::AnonymousAccess;
use agora::server;
use agora::subgraph::{Caller, RequestDocument, SubgraphRequest};
use agora::workers::Workers;
use async_graphql::Variables;
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use contract::SystemClock;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let folder = tempfile::tempdir()?;
    let mut settings = Settings::default();
    settings.server.data = folder.path().join("data");

    let app = App::open(&settings, Arc::new(SystemClock)).await?;
    // Sample data with public passwords, so this example listens on loopback only.
    agora::demo::seed(&app.services).await?;
    // The program's own routes come first. Agora answers all others, within its own limits and with its own headers.
    let routes = Router::new()
        .route("/topics", get(topics))
        .with_state(app.gateway.clone())
        .fallback_service(app.router(&settings, AnonymousAccess::Loopback, true));

    let listener = TcpListener::bind(address).await?;
    println!("  GraphQL  http://{}/graphql", listener.local_addr()?);
    let shutdown = app.gateway.shutdown.clone();
    let workers = Workers::start(&app.services, &app.ledger_check, &settings.workers, &shutdown, true);
    tokio::spawn({
        let shutdown = shutdown.clone();
        async move {
            // Also ends where the signal cannot be received.
            let _ = tokio::signal::ctrl_c().await;
            shutdown.cancel();
        }
    });
    // Agora's server bounds the connections, bodies and answers of all routes. `axum::serve` works too, without bounds.
    server::serve(listener, routes, &app.gateway.permits, shutdown).await;
    app.gateway.until_drained().await;
    workers.join().await;
    Ok(app.close().await?)
}

/// Lists the topics of the bookstore: a query of the graph in this process, as an anonymous caller.
async fn topics(State(gateway): State<Gateway>) -> impl IntoResponse {
    let request = SubgraphRequest {
        document: RequestDocument::Text("{ topics }".into()),
        operation_name: None,
        variables: Variables::default(),
        caller: Caller::anonymous(),
        request_id: "topics".into(),
        budget: None,
    };
    let response = gateway.graph.fetch(request).await.into_encoded();
    ([(header::CONTENT_TYPE, "application/json")], response.body)
}
