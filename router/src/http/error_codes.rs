//! `GET /docs/errors`: the list of the error codes as a page. The schema, GraphiQL and the pages of the REST mounts link to it.

use std::sync::LazyLock;

use axum::http::StatusCode;
use axum::response::Response;
use contract::{ErrorCode, Fault};

use crate::http::shell::{Links, Page, Place, escape};

static CONTENT: LazyLock<String> = LazyLock::new(|| {
    let groups: String = Fault::ALL.into_iter().map(group).collect();
    include_str!("pages/errors.html").replace("{groups}", &groups)
});

/// Answers with the page. Each code is an anchor: `/docs/errors#NOT_FOUND`.
pub(super) async fn page() -> Response {
    let page = Page {
        title: "Error codes · Agora",
        head: "",
        content: &CONTENT,
        links: Links::Main(Some(Place::Rest)),
    };
    page.response(StatusCode::OK, "no-cache")
}

fn group(fault: Fault) -> String {
    let codes = ErrorCode::ALL.iter().filter(|code| code.fault() == fault);
    let rows: String = codes.map(|code| row(*code)).collect();
    let (title, about) = (fault.title(), fault.about());
    format!(
        "<section class=\"part\" aria-label=\"{title}\">\n<h2>{title}</h2>\n<p>{about}</p>\n<dl class=\"rows card codes\">\n{rows}</dl>\n\
         </section>\n"
    )
}

fn row(code: ErrorCode) -> String {
    let (name, status) = (code.as_str(), code.http_status());
    let (meaning, advice) = (with_code(code.meaning()), with_code(code.advice()));
    format!(
        "<div id=\"{name}\"><dt><a href=\"#{name}\"><code>{name}</code></a> <span class=\"soft\">{status}</span></dt>\
         <dd>{meaning}</dd><dd>{advice}</dd></div>\n"
    )
}

/// Writes a sentence in Markdown as HTML: the sentences of the codes have no other markup than `code`.
fn with_code(sentence: &str) -> String {
    let parts = sentence.split('`').enumerate();
    let html = parts.map(|(index, text)| match index % 2 {
        0 => escape(text),
        _ => format!("<code>{}</code>", escape(text)),
    });
    html.collect()
}
