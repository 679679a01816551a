//! The codes of all errors, each with its HTTP status, its meaning and advice for clients.
//!
//! This is the one list: the domains, the router and the REST mounts take their codes from it, and `docs/ERRORS.md` is
//! generated from it.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// The part of a request that causes an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The caller: its values, its identity and permissions, or the state that it wants to change.
    Caller,
    /// The form of the request: its document, its method or its headers. A REST route writes the document itself, so
    /// that such an error of the graph is the route's fault and not the caller's.
    Form,
    /// The availability of the system: a part is busy or unavailable. The same request may succeed later.
    Availability,
    /// The server.
    Server,
}

impl Fault {
    /// All of them, in the order of the documents that list the codes.
    pub const ALL: [Self; 4] = [Self::Caller, Self::Form, Self::Availability, Self::Server];

    /// Returns the name, for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Caller => "The caller",
            Self::Form => "The form of the request",
            Self::Availability => "The availability of the system",
            Self::Server => "The server",
        }
    }

    /// Returns what an error with this fault means for a client, as one or two sentences.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Caller => {
                "The values, the caller or the present state forbid the request. The same request fails again until one of them changes."
            }
            Self::Form => {
                "The document, the method, a header or the transfer is wrong. The request has to be sent in another way."
            }
            Self::Availability => "A part of the system is busy or unavailable. The same request may succeed later.",
            Self::Server => "The fault is the server's.",
        }
    }
}

macro_rules! error_codes {
    ($($variant:ident { code: $code:literal, status: $status:literal, fault: $fault:ident,
        meaning: $meaning:literal, advice: $advice:literal, })+) => {
        /// The stable code of an error: the graph's `extensions.code`, and the brokerage's `reason`.
        ///
        /// The codes are API: clients match on them, so a code never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $(#[doc = $meaning] $variant,)+
        }

        impl ErrorCode {
            /// All codes, in the order of their HTTP statuses.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the code as clients see it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// Returns the HTTP status of an answer with this error.
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }

            /// Returns the part of the request that causes the error.
            pub const fn fault(self) -> Fault {
                match self { $(Self::$variant => Fault::$fault,)+ }
            }

            /// Returns the meaning, as a sentence in Markdown.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }

            /// Returns the advice for a client that receives the error, as a sentence in Markdown.
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice,)+ }
            }
        }

        impl FromStr for ErrorCode {
            type Err = UnknownErrorCode;

            fn from_str(code: &str) -> Result<Self, UnknownErrorCode> {
                match code { $($code => Ok(Self::$variant),)+ _ => Err(UnknownErrorCode) }
            }
        }
    };
}

error_codes! {
    PersistedQueryNotSupported {
        code: "PERSISTED_QUERY_NOT_SUPPORTED", status: 200, fault: Form,
        meaning: "The request has a hash in place of a document. Clients of Apollo Server expect the status 200.",
        advice: "Send the document.",
    }
    PersistedQueryNotFound {
        code: "PERSISTED_QUERY_NOT_FOUND", status: 200, fault: Form,
        meaning: "The request has a hash in place of a document, and no document with this hash is known. Clients of Apollo Server expect the status 200.",
        advice: "Send the document with its hash.",
    }
    DocumentNotFound {
        code: "DOCUMENT_NOT_FOUND", status: 400, fault: Form,
        meaning: "The request names a document by an id that the manifest of trusted documents does not have.",
        advice: "Send an id of the manifest, or the document itself where the server answers others too.",
    }
    InvalidInput {
        code: "INVALID_INPUT", status: 400, fault: Caller,
        meaning: "A value of the request breaks a rule; `extensions.field` names an argument or a variable.",
        advice: "Correct the value that the message names.",
    }
    InvalidAutomatedOrder {
        code: "INVALID_AUTOMATED_ORDER", status: 400, fault: Caller,
        meaning: "The caller may not automate this order; the message has the reason.",
        advice: "Place the order without a limit, or through an investor's own account.",
    }
    AnswerTooLarge {
        code: "ANSWER_TOO_LARGE", status: 400, fault: Caller,
        meaning: "The answer has more bytes than `answer_bytes_max`. The effects of a mutation stay.",
        advice: "Ask for smaller pages or fewer fields. Do not repeat a mutation; query its result.",
    }
    GraphqlParseFailed {
        code: "GRAPHQL_PARSE_FAILED", status: 400, fault: Form,
        meaning: "The document is not valid GraphQL syntax; `locations` has the place.",
        advice: "Correct the document.",
    }
    GraphqlValidationFailed {
        code: "GRAPHQL_VALIDATION_FAILED", status: 400, fault: Form,
        meaning: "The document is not valid for the schema. The first problems are listed, each as an error.",
        advice: "Correct the document; `agora schema` prints the schema.",
    }
    OperationNotFound {
        code: "OPERATION_NOT_FOUND", status: 400, fault: Form,
        meaning: "`operationName` names no operation of the document, or is missing where there are several.",
        advice: "Send the name of one operation of the document.",
    }
    SubscriptionNotSupported {
        code: "SUBSCRIPTION_NOT_SUPPORTED", status: 400, fault: Form,
        meaning: "A subscription arrived by a transport that carries a single answer.",
        advice: "Subscribe over a WebSocket, server-sent events or a multipart response.",
    }
    IntrospectionDisabled {
        code: "INTROSPECTION_DISABLED", status: 400, fault: Form,
        meaning: "The server has introspection switched off.",
        advice: "Use the schema as a file.",
    }
    QueryTooComplex {
        code: "QUERY_TOO_COMPLEX", status: 400, fault: Form,
        meaning: "The document, its plan or its estimated answer exceeds a limit; the message names the limit.",
        advice: "Ask for fewer fields, levels or objects in one operation.",
    }
    Unauthenticated {
        code: "UNAUTHENTICATED", status: 401, fault: Caller,
        meaning: "The caller is not signed in, a sign-in failed, or a token is not valid.",
        advice: "Refresh the access token once, and otherwise sign in again.",
    }
    Forbidden {
        code: "FORBIDDEN", status: 403, fault: Caller,
        meaning: "The caller is known, but has no permission for this.",
        advice: "Do not repeat the request as this caller.",
    }
    DocumentNotTrusted {
        code: "DOCUMENT_NOT_TRUSTED", status: 403, fault: Caller,
        meaning: "The server answers only the documents of its operator's manifest, and this is none of them.",
        advice: "Send a document of the manifest, byte for byte, or ask the operator to add this one.",
    }
    AuthorizationMismatch {
        code: "AUTHORIZATION_MISMATCH", status: 403, fault: Caller,
        meaning: "The authorization does not fit the order, or is not in force; the message has the reason.",
        advice: "Choose another authorization, or change the order.",
    }
    NotFound {
        code: "NOT_FOUND", status: 404, fault: Caller,
        meaning: "There is no such object or address, or the caller may not know of it.",
        advice: "Check the id or the name.",
    }
    MethodNotAllowed {
        code: "METHOD_NOT_ALLOWED", status: 405, fault: Form,
        meaning: "The address does not have this method, or the operation may not be sent by it.",
        advice: "Use a method that `Allow` lists; send mutations by POST.",
    }
    NotAcceptable {
        code: "NOT_ACCEPTABLE", status: 406, fault: Form,
        meaning: "The server cannot answer in a media type that `Accept` lists.",
        advice: "Send an `Accept` header that the message names.",
    }
    RequestTimeout {
        code: "REQUEST_TIMEOUT", status: 408, fault: Form,
        meaning: "The body of a REST request took too long to arrive.",
        advice: "Send the request again over a better connection.",
    }
    TooSlow {
        code: "TOO_SLOW", status: 408, fault: Caller,
        meaning: "The client did not read the events of a subscription in time. The code ends the stream, so that no client sees the \
                  status.",
        advice: "Subscribe again, query the present state, and read faster.",
    }
    Conflict {
        code: "CONFLICT", status: 409, fault: Caller,
        meaning: "The current state forbids the change, for example because a name is taken.",
        advice: "Query the present state, and change the request.",
    }
    OrderCompleted {
        code: "ORDER_COMPLETED", status: 409, fault: Caller,
        meaning: "The order has been executed, so it cannot be cancelled.",
        advice: "Query the order.",
    }
    InsufficientFunds {
        code: "INSUFFICIENT_FUNDS", status: 409, fault: Caller,
        meaning: "The wallet does not hold enough free money.",
        advice: "Ask for less, or pay money in.",
    }
    InsufficientShares {
        code: "INSUFFICIENT_SHARES", status: 409, fault: Caller,
        meaning: "The holding has too few free shares.",
        advice: "Ask for fewer shares, or release some.",
    }
    InsufficientAuthorization {
        code: "INSUFFICIENT_AUTHORIZATION", status: 409, fault: Caller,
        meaning: "The rest of the authorization is not enough.",
        advice: "Ask for less, or have the authorization increased.",
    }
    InsufficientStock {
        code: "INSUFFICIENT_STOCK", status: 409, fault: Caller,
        meaning: "Too few copies, products or shares are left for sale.",
        advice: "Ask for fewer, or try again later.",
    }
    PreconditionFailed {
        code: "PRECONDITION_FAILED", status: 412, fault: Caller,
        meaning: "`If-Match` or `If-None-Match` does not hold. Nothing has changed.",
        advice: "Send the request without the header, or with `If-Match: *`.",
    }
    PayloadTooLarge {
        code: "PAYLOAD_TOO_LARGE", status: 413, fault: Caller,
        meaning: "The body of the request has too many bytes.",
        advice: "Send a smaller body; the message has the limit.",
    }
    UnsupportedMediaType {
        code: "UNSUPPORTED_MEDIA_TYPE", status: 415, fault: Form,
        meaning: "The body has a media type that the address does not accept, or is compressed.",
        advice: "Send the media type that `Accept` of the answer names, uncompressed.",
    }
    ExpectationFailed {
        code: "EXPECTATION_FAILED", status: 417, fault: Form,
        meaning: "The `Expect` header is not `100-continue`.",
        advice: "Send the request without the header.",
    }
    IdempotencyMismatch {
        code: "IDEMPOTENCY_MISMATCH", status: 422, fault: Caller,
        meaning: "The idempotency key was used for another request.",
        advice: "Use a new key for each new request, and the old key only to repeat a request.",
    }
    RateLimited {
        code: "RATE_LIMITED", status: 429, fault: Caller,
        meaning: "The caller asks for too much at once, or a password was wrong too often.",
        advice: "Wait for the seconds in `extensions.retryAfter` or `Retry-After`, if given, then try again.",
    }
    Internal {
        code: "INTERNAL", status: 500, fault: Server,
        meaning: "The server failed; its log has the reason. An effect without an idempotency key may have happened.",
        advice: "Report it with the `x-request-id` of the answer.",
    }
    OperationNotSupported {
        code: "OPERATION_NOT_SUPPORTED", status: 501, fault: Server,
        meaning: "The operation is valid, but the planner cannot plan it.",
        advice: "Ask for its parts one by one, and report it.",
    }
    Unavailable {
        code: "UNAVAILABLE", status: 503, fault: Availability,
        meaning: "A part of the system is busy, unavailable or shutting down. With `extensions.outcome` = `unknown`, a trade may have \
                  happened.",
        advice: "Try again after `Retry-After`, a change with the same idempotency key.",
    }
    Timeout {
        code: "TIMEOUT", status: 504, fault: Availability,
        meaning: "The request took longer than the server permits. The status is 408 where the body of a GraphQL request arrived too \
                  slowly. A REST route answers `UNAVAILABLE` instead.",
        advice: "Try again, a change with the same idempotency key; ask for less if it happens again.",
    }
}

impl ErrorCode {
    /// Whether the request has to change before it can succeed.
    pub const fn is_callers_fault(self) -> bool {
        matches!(self.fault(), Fault::Caller | Fault::Form)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The text is none of the codes. A subgraph of another build may have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an error code that this build knows")]
pub struct UnknownErrorCode;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_the_status_the_contract_gives_it() {
        let table = [
            ("INVALID_INPUT", 400),
            ("GRAPHQL_VALIDATION_FAILED", 400),
            ("OPERATION_NOT_FOUND", 400),
            ("SUBSCRIPTION_NOT_SUPPORTED", 400),
            ("INTROSPECTION_DISABLED", 400),
            ("ANSWER_TOO_LARGE", 400),
            ("UNAUTHENTICATED", 401),
            ("FORBIDDEN", 403),
            ("NOT_FOUND", 404),
            ("METHOD_NOT_ALLOWED", 405),
            ("NOT_ACCEPTABLE", 406),
            ("REQUEST_TIMEOUT", 408),
            ("TOO_SLOW", 408),
            ("CONFLICT", 409),
            ("INSUFFICIENT_FUNDS", 409),
            ("INSUFFICIENT_STOCK", 409),
            ("ORDER_COMPLETED", 409),
            ("PAYLOAD_TOO_LARGE", 413),
            ("PRECONDITION_FAILED", 412),
            ("UNSUPPORTED_MEDIA_TYPE", 415),
            ("EXPECTATION_FAILED", 417),
            ("PERSISTED_QUERY_NOT_SUPPORTED", 200),
            ("IDEMPOTENCY_MISMATCH", 422),
            ("RATE_LIMITED", 429),
            ("INTERNAL", 500),
            ("OPERATION_NOT_SUPPORTED", 501),
            ("UNAVAILABLE", 503),
            ("TIMEOUT", 504),
        ];
        for (code, status) in table {
            let parsed: ErrorCode = code.parse().expect(code);
            assert_eq!((parsed.as_str(), parsed.http_status()), (code, status));
        }
        assert_eq!("NEVER_HEARD_OF".parse::<ErrorCode>(), Err(UnknownErrorCode));
        assert_eq!("BAD_REQUEST".parse::<ErrorCode>(), Err(UnknownErrorCode));
    }

    #[test]
    fn the_status_says_whose_fault_it_is() {
        for code in ErrorCode::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
            assert_eq!(code.is_callers_fault(), code.http_status() < 500, "{code}");
        }
        assert!(ErrorCode::ALL.is_sorted_by_key(|code| code.http_status()));
    }
}
