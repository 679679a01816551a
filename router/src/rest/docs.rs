//! The documents of a mount: its description, and the page that shows it.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Response, header};
use contract::ErrorCode;
use serde_json::Value;

use super::error::RestError;
use super::mounts;
use super::route::Mount;
use crate::http::{
    DOCS_SCRIPT, DOCS_STYLE, Links, Page, Place, SWAGGER_SCRIPT, SWAGGER_STYLE, TaggedBytes, address, escape,
    if_match_holds,
};

/// Everything comes from this origin. Swagger UI sets inline styles and embeds images in its style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A document that a browser may cache, but revalidates before each use.
pub(super) struct StaticDocument {
    media_type: &'static str,
    content: TaggedBytes,
}

impl StaticDocument {
    /// Computes the document's entity tag, which is slow: once for each document.
    pub fn new(media_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        Self {
            media_type,
            content: TaggedBytes::new(bytes),
        }
    }

    /// Returns the page of the mount that the client sees at `base`, with its operations in this order. At an address of its
    /// own (an empty base) it links to no other page.
    pub fn page(mount: &Mount, base: &str, operations: Vec<String>) -> Self {
        let [style, docs_style, library, script] =
            [SWAGGER_STYLE, DOCS_STYLE, SWAGGER_SCRIPT, DOCS_SCRIPT].map(address);
        let head = format!(
            "<link rel=\"stylesheet\" href=\"{style}\">\n<link rel=\"stylesheet\" href=\"{docs_style}\">\n\
             <script src=\"{library}\" defer></script>\n<script src=\"{script}\" defer></script>\n"
        );
        let others = if base.is_empty() {
            String::new()
        } else {
            links_to_mounts(mount)
        };
        let (title, document) = (mount.title, format!("{base}/openapi.json"));
        let order = escape(&Value::from(operations).to_string());
        let content = format!(
            "<div id=\"content\" class=\"docs\">\n{others}<div id=\"page\" data-openapi=\"{document}\" data-order=\"{order}\"></div>\n\
             <noscript><p class=\"notice\">This page needs JavaScript. The description itself is at \
             <a href=\"{document}\">openapi.json</a>.</p></noscript>\n</div>"
        );
        let links = if base.is_empty() {
            Links::None
        } else {
            Links::Main(Some(Place::Rest))
        };
        let page = Page {
            title: &format!("{title} REST · Agora"),
            head: &head,
            content: &content,
            links,
        };
        Self::new("text/html; charset=utf-8", page.document())
    }

    /// Returns the response to a request with these headers.
    ///
    /// # Errors
    /// 412 when `If-Match` names an entity tag: the tags here are weak and match none.
    pub fn response(&self, request_headers: &HeaderMap) -> Result<Response<Body>, RestError> {
        if !if_match_holds(request_headers, self.content.tag()) {
            return Err(RestError::new(
                ErrorCode::PreconditionFailed,
                "If-Match must be *: the entity tags of documents are weak",
            ));
        }
        let no_cache = HeaderValue::from_static("no-cache");
        let mut response = self.content.response(request_headers, self.media_type, no_cache);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        Ok(response)
    }
}

/// Returns a list of links to the pages of all mounts, with this one marked, and to the error codes.
fn links_to_mounts(here: &Mount) -> String {
    let entry = |mount: &Mount| {
        let current = if mount.name == here.name {
            " aria-current=\"page\""
        } else {
            ""
        };
        format!(
            "<li><a href=\"{}/docs\"{current}>{}</a></li>\n",
            mount.prefix, mount.title
        )
    };
    let entries: String = mounts::MOUNTS.iter().map(entry).collect();
    format!(
        "<nav aria-label=\"REST mounts\">\n<ul class=\"places\">\n{entries}\
         <li><a href=\"/docs/errors\">Error codes</a></li>\n</ul>\n</nav>\n"
    )
}
