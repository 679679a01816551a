//! Content negotiation: the media types that a client accepts (RFC 9110, section 12.5.1), and the server's
//! choice.

use axum::http::{HeaderMap, HeaderValue, header};
use contract::ErrorCode;

use crate::http::error::HttpError;

/// The media type of a single answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResponseMediaType {
    /// `application/graphql-response+json`: the status tells whether the request was rejected.
    GraphqlResponse,
    /// `application/json`: every well-formed request is answered 200, rejected or not.
    Json,
}

/// The media type of a stream of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamMediaType {
    /// `text/event-stream`.
    Sse,
    /// `multipart/mixed;subscriptionSpec=1.0`.
    Multipart,
}

/// The accepted media types; at least one of the two is present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AcceptedMediaTypes {
    /// For one answer.
    pub(super) single: Option<ResponseMediaType>,
    /// For several.
    pub(super) streaming: Option<StreamMediaType>,
    /// Whether the client prefers a stream even for a single answer.
    pub(super) prefers_stream: bool,
}

impl ResponseMediaType {
    pub(super) fn content_type(self) -> HeaderValue {
        match self {
            Self::GraphqlResponse => {
                const { HeaderValue::from_static("application/graphql-response+json; charset=utf-8") }
            }
            Self::Json => const { HeaderValue::from_static("application/json; charset=utf-8") },
        }
    }
}

impl AcceptedMediaTypes {
    /// For a request without an `Accept`: the specification's default.
    const DEFAULT: Self = Self {
        single: Some(ResponseMediaType::GraphqlResponse),
        streaming: None,
        prefers_stream: false,
    };

    /// Reads the `Accept` of a request. A missing or empty one accepts everything.
    ///
    /// # Errors
    /// `NOT_ACCEPTABLE` when it accepts none of the supported media types.
    pub(super) fn from_headers(headers: &HeaderMap) -> Result<Self, HttpError> {
        let mut ranges = Vec::new();
        let mut has_accept = false;
        for value in headers.get_all(header::ACCEPT) {
            let value = value.to_str().map_err(|_| not_acceptable())?;
            has_accept |= !value.trim_ascii().is_empty();
            ranges.extend(media_ranges(value));
        }
        if !has_accept {
            return Ok(Self::DEFAULT);
        }
        Self::choose(&ranges).ok_or_else(not_acceptable)
    }

    /// The media type of an error for this client: a stream begins only after all checks have passed.
    pub(super) fn error_media_type(&self) -> ResponseMediaType {
        self.single.unwrap_or(ResponseMediaType::Json)
    }

    /// Whether the client prefers server-sent events to all other media types.
    pub(super) fn prefers_events(&self) -> bool {
        self.prefers_stream && self.streaming == Some(StreamMediaType::Sse)
    }

    fn choose(ranges: &[MediaRange<'_>]) -> Option<Self> {
        // Among equal ranks the first range of the header wins; among equals of one range, the server's order
        // decides.
        let best = |kinds: [(&str, &str); 2]| {
            let ranked = kinds
                .iter()
                .enumerate()
                .filter_map(|(index, (kind, subtype))| Some((rank(ranges, kind, subtype)?, index)));
            ranked.min_by_key(|(rank, index)| (*rank, *index))
        };
        let mut single = best([("application", "graphql-response+json"), ("application", "json")]);
        // Clients that send `*/*` often know only JSON.
        if let Some((best_rank, 0)) = single
            && ranges[best_rank.1].kind == "*"
            && rank(ranges, "application", "json") == Some(best_rank)
        {
            single = Some((best_rank, 1));
        }
        let streaming = best([("text", "event-stream"), ("multipart", "mixed")]);
        if single.is_none() && streaming.is_none() {
            return None;
        }
        Some(Self {
            single: single.map(|(_, index)| [ResponseMediaType::GraphqlResponse, ResponseMediaType::Json][index]),
            streaming: streaming.map(|(_, index)| [StreamMediaType::Sse, StreamMediaType::Multipart][index]),
            prefers_stream: match (single, streaming) {
                (Some((single, _)), Some((streaming, _))) => streaming < single,
                (None, _) => true,
                (_, None) => false,
            },
        })
    }
}

/// Whether the client is a browser that opens an address: it names HTML, and prefers it to JSON.
pub(crate) fn prefers_html(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter();
    let ranges: Vec<_> = values
        .filter_map(|value| value.to_str().ok())
        .filter(|value| value.contains("text/html"))
        .flat_map(media_ranges)
        .collect();
    let json = rank(&ranges, "application", "json");
    rank(&ranges, "text", "html").is_some_and(|html| json.is_none_or(|json| html < json))
}

fn media_ranges(accept: &str) -> impl Iterator<Item = MediaRange<'_>> {
    split_quoted(accept, ',').filter_map(MediaRange::parse)
}

fn not_acceptable() -> HttpError {
    HttpError::new(
        ErrorCode::NotAcceptable,
        "answers can be application/graphql-response+json, application/json, text/event-stream or multipart/mixed;subscriptionSpec=1.0",
    )
}

/// The rank of a media type: less is better. By quality, then by place in the header.
type Rank = (u16, usize);

fn rank(ranges: &[MediaRange<'_>], kind: &str, subtype: &str) -> Option<Rank> {
    let matching = ranges
        .iter()
        .enumerate()
        .filter(|(_, range)| range.covers(kind, subtype));
    // The most specific range decides, even if it excludes the type.
    let (place, range) = matching.max_by_key(|(place, range)| (range.specificity(), usize::MAX - place))?;
    (range.quality > 0).then_some((1000 - range.quality, place))
}

/// One media range of an `Accept`.
struct MediaRange<'h> {
    kind: &'h str,
    subtype: &'h str,
    /// The quality in thousandths.
    quality: u16,
    subscriptions: bool,
}

impl<'h> MediaRange<'h> {
    /// Parses a range; `None` if it is not a media range, or has a charset other than UTF-8.
    fn parse(text: &'h str) -> Option<Self> {
        let mut parts = split_quoted(text, ';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let mut range = Self {
            kind: kind.trim(),
            subtype: subtype.trim(),
            quality: 1000,
            subscriptions: false,
        };
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim().trim_matches('"');
            match name.trim() {
                name if name.eq_ignore_ascii_case("q") => range.quality = parse_quality(value)?,
                name if name.eq_ignore_ascii_case("charset") && !is_utf8(value) => return None,
                name if name.eq_ignore_ascii_case("subscriptionSpec") => range.subscriptions = value == "1.0",
                _ => {}
            }
        }
        Some(range)
    }

    fn covers(&self, kind: &str, subtype: &str) -> bool {
        let is_kind = self.kind.eq_ignore_ascii_case(kind);
        let is_same = is_kind && self.subtype.eq_ignore_ascii_case(subtype);
        match (self.kind, self.subtype) {
            // Only clients that name a stream's media type get a stream; multipart also has other dialects.
            _ if kind != "application" => is_same && (kind != "multipart" || self.subscriptions),
            ("*", "*") => true,
            (_, "*") => is_kind,
            _ => is_same,
        }
    }

    fn specificity(&self) -> u8 {
        u8::from(self.kind != "*") + u8::from(self.subtype != "*")
    }
}

fn parse_quality(quality: &str) -> Option<u16> {
    let quality: f32 = quality.parse().ok()?;
    (0.0..=1.0).contains(&quality).then_some((quality * 1000.0) as u16)
}

pub(super) fn is_utf8(charset: &str) -> bool {
    charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
}

/// Splits at separators outside of quotes.
pub(super) fn split_quoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |char: char| {
        quoted ^= char == '"';
        char == separator && !quoted
    })
}
