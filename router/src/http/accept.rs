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
        HeaderValue::from_static(match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        })
    }
}

impl AcceptedMediaTypes {
    /// Reads the `Accept` of a request. A missing or empty one accepts everything.
    ///
    /// # Errors
    /// `NOT_ACCEPTABLE` when it accepts none of the supported media types.
    pub(super) fn from_headers(headers: &HeaderMap) -> Result<Self, HttpError> {
        let mut ranges = Vec::new();
        for value in headers.get_all(header::ACCEPT) {
            let value = value.to_str().map_err(|_| not_acceptable())?;
            ranges.extend(split_quoted(value, ',').filter_map(MediaRange::parse));
        }
        let has_accept = headers
            .get_all(header::ACCEPT)
            .iter()
            .any(|value| !value.as_bytes().trim_ascii().is_empty());
        if !has_accept {
            ranges.extend(MediaRange::parse("*/*"));
        }
        Self::choose(&ranges, has_accept).ok_or_else(not_acceptable)
    }

    /// The media type of an error for this client: a stream begins only after all checks have passed.
    pub(super) fn error_media_type(&self) -> ResponseMediaType {
        self.single.unwrap_or(ResponseMediaType::Json)
    }

    /// Whether the client prefers server-sent events to all other media types.
    pub(super) fn prefers_events(&self) -> bool {
        self.prefers_stream && self.streaming == Some(StreamMediaType::Sse)
    }

    fn choose(ranges: &[MediaRange], has_accept: bool) -> Option<Self> {
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
        // Clients that send `*/*` often know only JSON; clients without an `Accept` get the specification's
        // default.
        if let (true, Some((best_rank, 0))) = (has_accept, single)
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

fn not_acceptable() -> HttpError {
    HttpError::new(
        ErrorCode::NotAcceptable,
        "answers can be application/graphql-response+json, application/json, text/event-stream or multipart/mixed;subscriptionSpec=1.0",
    )
}

/// The rank of a media type: less is better. By quality, then by place in the header.
type Rank = (u16, usize);

fn rank(ranges: &[MediaRange], kind: &str, subtype: &str) -> Option<Rank> {
    let matching = ranges
        .iter()
        .enumerate()
        .filter(|(_, range)| range.covers(kind, subtype));
    // The most specific range decides, even if it excludes the type.
    let (place, range) = matching.max_by_key(|(place, range)| (range.specificity(), usize::MAX - place))?;
    (range.quality > 0).then_some((1000 - range.quality, place))
}

/// One media range of an `Accept`.
struct MediaRange {
    kind: String,
    subtype: String,
    /// The quality in thousandths.
    quality: u16,
    subscriptions: bool,
}

impl MediaRange {
    /// Parses a range; `None` if it is not a media range, or has a charset other than UTF-8.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = split_quoted(text, ';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let mut range = Self {
            kind: kind.trim().to_ascii_lowercase(),
            subtype: subtype.trim().to_ascii_lowercase(),
            quality: 1000,
            subscriptions: false,
        };
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => range.quality = parse_quality(value)?,
                "charset" if !is_utf8(value) => return None,
                "subscriptionspec" => range.subscriptions = value == "1.0",
                _ => {}
            }
        }
        Some(range)
    }

    fn covers(&self, kind: &str, subtype: &str) -> bool {
        match (self.kind.as_str(), self.subtype.as_str()) {
            // Only clients that name a stream's media type get a stream; multipart also has other dialects.
            (own_kind, own_subtype) if kind != "application" => {
                (own_kind, own_subtype) == (kind, subtype) && (kind != "multipart" || self.subscriptions)
            }
            ("*", "*") => true,
            (own_kind, "*") => own_kind == kind,
            (own_kind, own_subtype) => (own_kind, own_subtype) == (kind, subtype),
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
