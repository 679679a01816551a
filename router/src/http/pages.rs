//! The index page, the page about an unknown address, the health check, and the counters of the cache.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use contract::{ErrorCode, Viewer};
use serde_json::json;

use crate::http::accept::{ResponseMediaType, prefers_html};
use crate::http::error::{self, HttpError};
use crate::http::shell::{Links, Page, escape};
use crate::http::{DemoUsers, HttpState, MountLink};

const INDEX: &str = include_str!("pages/index.html");
const NOT_FOUND: &str = include_str!("pages/not_found.html");

/// Answers `GET /` with the index page.
pub(super) async fn index(State(state): State<HttpState>) -> Response {
    let mounts: String = state.config.mounts.iter().map(row).collect();
    let demo = state.config.demo.as_ref().map_or_else(String::new, demo_notice);
    let page = Page {
        title: "Agora",
        head: "",
        content: &INDEX.replace("{demo}", &demo).replace("{mounts}", &mounts),
        links: Links::Main(None),
    };
    page.response(StatusCode::OK, "no-cache")
}

fn demo_notice(demo: &DemoUsers) -> String {
    let people: Vec<String> = demo
        .people
        .iter()
        .map(|name| format!("<b>{}</b>", escape(name)))
        .collect();
    let (people, password) = (people.join(", "), escape(&demo.password));
    format!(
        "<p class=\"notice\">This is a demo with sample data. Its people are {people}; all of them have the password \
         <code>{password}</code>, and the pages sign you in with one click.</p>\n"
    )
}

fn row(mount: &MountLink) -> String {
    let MountLink { name, prefix, about } = mount;
    let (name, prefix, about) = (escape(name), escape(prefix), escape(about));
    format!(
        "<li><a class=\"name\" href=\"{prefix}/docs\">{name}</a><p>{about}</p>\
         <span class=\"beside\"><code>{prefix}</code><a href=\"{prefix}/openapi.json\" aria-label=\"OpenAPI document of {name}\">OpenAPI</a></span></li>\n"
    )
}

/// Answers `GET /docs`: the index page has the list of the REST mounts.
pub(super) async fn documentation() -> Redirect {
    Redirect::to("/#rest")
}

/// Answers a request to an unknown address of the main listener: with a page for browsers.
pub(super) async fn not_found(request: Request) -> Response {
    if request.method() == Method::GET && prefers_html(request.headers()) {
        let home = ("/", "Start", "Everything that is on this server.");
        let console = (
            "/console/",
            "Console",
            "Live prices, orders, books, posts and messages.",
        );
        let graphiql = ("/graphiql/", "GraphiQL", "Queries, the schema and subscriptions.");
        not_found_page(request.uri().path(), &[home, console, graphiql], Links::Main(None))
    } else {
        error::nothing_here().into_response()
    }
}

/// Returns the page about an unknown path, with links (address, name, description) to what there is.
pub(crate) fn not_found_page(path: &str, doors: &[(&str, &str, &str)], links: Links) -> Response {
    let door = |(address, name, about): &(&str, &str, &str)| {
        format!("<li><a class=\"door card\" href=\"{address}\"><b>{name}</b><span>{about}</span></a></li>\n")
    };
    let doors: String = doors.iter().map(door).collect();
    // The path comes last: it is the client's text.
    let content = NOT_FOUND.replace("{doors}", &doors).replace("{path}", &escape(path));
    let page = Page {
        title: "Nothing here · Agora",
        head: "",
        content: &content,
        links,
    };
    page.response(StatusCode::NOT_FOUND, "no-store")
}

/// Answers `GET /health`: 200 while the server accepts requests, 503 while the database cannot be written or after the
/// shutdown began.
pub(super) async fn health(State(state): State<HttpState>) -> Response {
    let (status, word) = if state.gateway.shutdown.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping")
    } else if state.config.storage.failure_reason().is_some() {
        // The log has the reason, which contains file names.
        (StatusCode::SERVICE_UNAVAILABLE, "storage fails")
    } else {
        (StatusCode::OK, "ok")
    };
    (
        status,
        [(header::CACHE_CONTROL, "no-store")],
        Json(json!({ "status": word })),
    )
        .into_response()
}

/// Answers `GET /cache` with the counters: for operators, and on this machine for callers who may use REST routes
/// without a token.
pub(super) async fn cache(State(state): State<HttpState>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    if !state.config.anonymous_access.is_open_to(&parts) {
        let error = match state.gateway.auth.identify(&parts.headers) {
            Ok(identity) if identity.viewer.is_operator() => None,
            Ok(identity) if identity.viewer != Viewer::Anonymous => {
                Some(HttpError::new(ErrorCode::Forbidden, "this is for operators"))
            }
            Ok(_) => Some(HttpError::new(ErrorCode::Unauthenticated, "sign in first")),
            Err(error) => Some(error.into()),
        };
        if let Some(error) = error {
            return error.to_response(ResponseMediaType::Json);
        }
    }
    ([(header::CACHE_CONTROL, "no-store")], Json(state.config.cache.counts())).into_response()
}
