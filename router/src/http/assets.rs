//! The files that several pages share: the style sheet, the scripts and the icon. Their names contain a digest of their
//! content, so a browser downloads each of them once.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use crate::http::error;
use crate::http::tagged_bytes::{TaggedBytes, hex};

/// The distribution of Swagger UI, which `npm run swagger` in `router/web` puts there.
#[derive(RustEmbed)]
#[folder = "assets/swagger-ui"]
struct SwaggerUi;

/// The style sheet of all pages.
pub(crate) const STYLE: &str = "agora.css";
/// The icon of all pages.
pub(crate) const ICON: &str = "agora.svg";
/// The script of the page `/orders`.
pub(super) const ORDERS_SCRIPT: &str = "orders.js";
/// Swagger UI, which shows the documentation of a REST mount.
pub(crate) const SWAGGER_SCRIPT: &str = "swagger-ui-bundle.js";
/// The style sheet of Swagger UI.
pub(crate) const SWAGGER_STYLE: &str = "swagger-ui.css";
/// The style sheet that gives Swagger UI the look of the other pages.
pub(crate) const DOCS_STYLE: &str = "docs.css";
/// The script that starts Swagger UI.
pub(crate) const DOCS_SCRIPT: &str = "docs.js";

const FOLDER: &str = "/assets/";

struct Asset {
    address: String,
    media_type: &'static str,
    content: TaggedBytes,
}

struct Assets {
    /// The files by the names above.
    files: HashMap<&'static str, Asset>,
    /// Those names by the names that contain a digest.
    names: HashMap<String, &'static str>,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let text = |name, text: &'static str| (name, Bytes::from_static(text.as_bytes()));
    let library = |name| {
        let file = SwaggerUi::get(name).map(|file| file.data);
        (name, embedded_bytes(file.unwrap_or_default()))
    };
    let contents = [
        text(STYLE, include_str!("pages/agora.css")),
        text(ICON, include_str!("pages/agora.svg")),
        text(ORDERS_SCRIPT, include_str!("pages/orders.js")),
        text(DOCS_STYLE, include_str!("pages/docs.css")),
        text(DOCS_SCRIPT, include_str!("pages/docs.js")),
        library(SWAGGER_SCRIPT),
        library(SWAGGER_STYLE),
    ];
    let files: HashMap<_, _> = contents
        .into_iter()
        .map(|(name, bytes)| (name, Asset::new(name, bytes)))
        .collect();
    let names = files
        .iter()
        .map(|(name, asset)| (asset.hashed_name().to_owned(), *name));
    Assets {
        names: names.collect(),
        files,
    }
});

impl Asset {
    fn new(name: &str, bytes: Bytes) -> Self {
        let digest = Sha256::digest(&bytes);
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        Self {
            address: format!("{FOLDER}{stem}-{}.{extension}", hex(&digest[..8])),
            media_type: content_type(name),
            content: TaggedBytes::with_digest(bytes, &digest),
        }
    }

    fn hashed_name(&self) -> &str {
        self.address.strip_prefix(FOLDER).unwrap_or(&self.address)
    }
}

/// Returns the address of one of the files above.
pub(crate) fn address(name: &'static str) -> &'static str {
    ASSETS.files.get(name).map_or("", |asset| &asset.address)
}

/// The routes of the shared files.
pub fn asset_routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/assets/{name}", get(file))
}

async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let assets = &*ASSETS;
    let Some(asset) = assets.names.get(&name).and_then(|name| assets.files.get(name)) else {
        return error::nothing_here().into_response();
    };
    asset.content.response(&headers, asset.media_type, IMMUTABLE)
}

/// A file whose name has a digest of its content never changes.
pub(super) const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Returns the bytes of an embedded file, without a copy where they are in the binary.
pub(super) fn embedded_bytes(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    }
}

/// Returns the media type of a file by the end of its name.
pub(super) fn content_type(path: &str) -> &'static str {
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
