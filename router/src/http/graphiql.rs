//! GraphiQL, served from files in the binary.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, body::Body};
use bytes::Bytes;
use rust_embed::{EmbeddedFile, RustEmbed};
use serde_json::json;

use crate::http::HttpState;
use crate::http::error;
use crate::http::preconditions::is_not_modified;

#[derive(RustEmbed)]
#[folder = "assets/graphiql"]
struct GraphiqlAssets;

/// All content comes from this server. The editor starts workers from its own files and generates style
/// sheets.
const POLICY: &str = "default-src 'none'; script-src 'self'; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; \
     font-src 'self' data:; img-src 'self' data:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";
/// Files in this folder have a digest of their content in their names.
const HASHED_FOLDER: &str = "assets/";

/// The routes of the page and its files.
pub(super) fn routes() -> Router<HttpState> {
    Router::new()
        .route("/graphiql", get(async || Redirect::permanent("/graphiql/")))
        .route("/graphiql/", get(page))
        .route("/graphiql/config.json", get(config))
        .route("/graphiql/{*path}", get(file))
}

async fn page(headers: HeaderMap) -> Response {
    serve("index.html", &headers).await
}

async fn file(Path(path): Path<String>, headers: HeaderMap) -> Response {
    serve(&path, &headers).await
}

/// Returns the configuration that the page requests: the users that it may offer to sign in as.
async fn config(State(state): State<HttpState>) -> Response {
    let config = match &state.config.demo {
        Some(demo) => json!({ "demo": demo }),
        None => json!({}),
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(config)).into_response()
}

/// A file of the page, with its entity tag.
struct PageFile {
    bytes: Bytes,
    tag: String,
}

type FileCache = HashMap<Cow<'static, str>, OnceLock<Option<PageFile>>>;

/// The files, each read at its first request: a debug build reads them from the folder.
static FILES: LazyLock<FileCache> =
    LazyLock::new(|| GraphiqlAssets::iter().map(|name| (name, OnceLock::new())).collect());

fn page_file(path: &str) -> Option<&'static PageFile> {
    let read = || {
        let file = GraphiqlAssets::get(path)?;
        let tag = tag(&file);
        let bytes = embedded_bytes(file.data);
        Some(PageFile { bytes, tag })
    };
    FILES.get(path)?.get_or_init(read).as_ref()
}

async fn serve(path: &str, headers: &HeaderMap) -> Response {
    let Some(PageFile { bytes, tag }) = page_file(path) else {
        return error::not_found().await.into_response();
    };
    let mut response = if is_not_modified(headers, tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(Body::from(bytes.clone()))
    };
    let cache_control = if path.starts_with(HASHED_FOLDER) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(path)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache_control));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// Returns the bytes of an embedded file, without a copy where they are in the binary.
pub(crate) fn embedded_bytes(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    }
}

fn tag(file: &EmbeddedFile) -> String {
    let digest = file.metadata.sha256_hash();
    let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    // A weak tag, because the compressed and the plain form are the same file.
    format!("W/\"{hex}\"")
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "ttf" => "font/ttf",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}
