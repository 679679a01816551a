//! The frame of every page that the server writes itself: the head, and the bar that leads to the other pages.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use crate::http::assets::{self, ICON, STYLE};

const FRAME: &str = include_str!("pages/shell.html");
/// All content comes from this server, and only from files: no style or script is inline.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

/// A page of the main address that every other page links to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Console,
    Graphiql,
    Orders,
    Rest,
}

impl Place {
    const ALL: [Self; 4] = [Self::Console, Self::Graphiql, Self::Orders, Self::Rest];

    fn link(self) -> (&'static str, &'static str) {
        match self {
            Self::Console => ("/console/", "Console"),
            Self::Graphiql => ("/graphiql/", "GraphiQL"),
            Self::Orders => ("/orders", "Replicas"),
            Self::Rest => ("/docs", "REST"),
        }
    }
}

/// A page without its frame.
pub(crate) struct Page<'a> {
    /// The title, as text.
    pub title: &'a str,
    /// More elements of the head, as HTML.
    pub head: &'a str,
    /// The elements below the bar, as HTML.
    pub content: &'a str,
    /// The links in the bar.
    pub links: Links,
}

/// The links in the bar of a page.
#[derive(Clone, Copy)]
pub(crate) enum Links {
    /// Those to the pages of the main address; the page is one of them, or is at none.
    Main(Option<Place>),
    /// None: the address has no other page.
    None,
}

impl Page<'_> {
    /// Writes the whole document.
    pub fn document(&self) -> String {
        let icon = assets::address(ICON);
        let name = format!("<img src=\"{icon}\" alt=\"\" width=\"24\" height=\"24\">Agora");
        let (brand, places) = match self.links {
            Links::Main(here) => (
                format!("<a class=\"brand\" href=\"/\">{name}</a>"),
                Place::ALL.iter().map(|place| entry(*place, here)).collect(),
            ),
            Links::None => (format!("<span class=\"brand\">{name}</span>"), String::new()),
        };
        // The content comes last: its text may contain the other names.
        FRAME
            .replace("{title}", &escape(self.title))
            .replace("{icon}", icon)
            .replace("{style}", assets::address(STYLE))
            .replace("{brand}", &brand)
            .replace("{places}", &places)
            .replace("{head}", self.head)
            .replace("{content}", self.content)
    }

    /// Returns the response with this page.
    pub fn response(&self, status: StatusCode, cache_control: &'static str) -> Response {
        let headers = [
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::CACHE_CONTROL, HeaderValue::from_static(cache_control)),
        ];
        (status, headers, Html(self.document())).into_response()
    }
}

fn entry(place: Place, here: Option<Place>) -> String {
    let (address, name) = place.link();
    let current = if here == Some(place) {
        " aria-current=\"page\""
    } else {
        ""
    };
    format!("<li><a href=\"{address}\"{current}>{name}</a></li>\n")
}

/// Writes text as HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
