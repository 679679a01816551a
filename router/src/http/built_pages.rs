//! GraphiQL and the console: pages that `router/web` builds, served from files in the binary.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};
use serde_json::json;

use crate::http::HttpState;
use crate::http::assets::{IMMUTABLE, content_type, embedded_bytes};
use crate::http::error;
use crate::http::tagged_bytes::TaggedBytes;

#[derive(RustEmbed)]
#[folder = "assets/graphiql"]
struct GraphiqlAssets;

#[derive(RustEmbed)]
#[folder = "assets/console"]
struct ConsoleAssets;

/// All content comes from this server. The editor starts workers from its own files and generates style
/// sheets.
const GRAPHIQL_POLICY: &str = "default-src 'none'; script-src 'self'; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; \
     font-src 'self' data:; img-src 'self' data:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";
/// All content comes from this server, and the page needs no exception.
const CONSOLE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Files in this folder have a digest of their content in their names.
const HASHED_FOLDER: &str = "assets/";

static GRAPHIQL: LazyLock<BuiltPage> = LazyLock::new(|| BuiltPage::new::<GraphiqlAssets>(GRAPHIQL_POLICY));
static CONSOLE: LazyLock<BuiltPage> = LazyLock::new(|| BuiltPage::new::<ConsoleAssets>(CONSOLE_POLICY));

/// The routes of GraphiQL and its files.
pub(super) fn graphiql() -> Router<HttpState> {
    page_routes("/graphiql", &GRAPHIQL)
}

/// The routes of the console and its files.
pub(super) fn console() -> Router<HttpState> {
    page_routes("/console", &CONSOLE)
}

fn page_routes(prefix: &'static str, page: &'static LazyLock<BuiltPage>) -> Router<HttpState> {
    let folder = format!("{prefix}/");
    let redirect = Redirect::permanent(&folder);
    let file = move |path: String, headers: HeaderMap| async move { page.response(&path, &headers) };
    Router::new()
        .route(prefix, get(async move || redirect))
        .route(
            &folder,
            get(move |headers: HeaderMap| file("index.html".to_owned(), headers)),
        )
        .route(&format!("{folder}config.json"), get(config))
        .route(
            &format!("{folder}{{*path}}"),
            get(move |Path(path): Path<String>, headers: HeaderMap| file(path, headers)),
        )
}

/// Returns the configuration that a page requests: the users that it may offer to sign in as, and the parts of Agora that the server
/// does not have.
async fn config(State(state): State<HttpState>) -> Response {
    let mut config = json!({});
    if let Some(demo) = &state.config.demo {
        config["demo"] = json!(demo);
    }
    if state.config.has_only_graphiql {
        config["hasOnlyGraphiql"] = true.into();
    }
    if state.config.is_foreign {
        config["isForeign"] = true.into();
    }
    ([(header::CACHE_CONTROL, "no-store")], Json(config)).into_response()
}

/// A page with its files, each read at its first request: a debug build reads them from the folder.
struct BuiltPage {
    files: HashMap<Cow<'static, str>, OnceLock<Option<TaggedBytes>>>,
    read: fn(&str) -> Option<EmbeddedFile>,
    policy: HeaderValue,
}

impl BuiltPage {
    fn new<A: RustEmbed>(policy: &'static str) -> Self {
        Self {
            files: A::iter().map(|name| (name, OnceLock::new())).collect(),
            read: A::get,
            policy: HeaderValue::from_static(policy),
        }
    }

    fn file(&self, path: &str) -> Option<&TaggedBytes> {
        let read = || {
            let file = (self.read)(path)?;
            let digest = file.metadata.sha256_hash();
            Some(TaggedBytes::with_digest(embedded_bytes(file.data), &digest))
        };
        self.files.get(path)?.get_or_init(read).as_ref()
    }

    fn response(&self, path: &str, headers: &HeaderMap) -> Response {
        let Some(file) = self.file(path) else {
            return error::nothing_here().into_response();
        };
        let cache_control = if path.starts_with(HASHED_FOLDER) {
            IMMUTABLE
        } else {
            HeaderValue::from_static("no-cache")
        };
        let mut response = file.response(headers, content_type(path), cache_control);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        response
    }
}
