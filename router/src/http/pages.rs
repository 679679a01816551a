//! The index page, and the page about an unknown address.

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

use crate::http::accept::prefers_html;
use crate::http::error;
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
