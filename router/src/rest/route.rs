//! The rows of the route tables: mounts, services and routes.

use contract::ErrorCode;
use serde_json::Value;

use super::error::Envelope;
use super::field::{Field, FieldType, ID, ObjectModel};
use super::reshape::{RequestView, ResponseDraft};

/// The documented REST interface of one system.
pub struct Mount {
    /// The system's name: `bookstore`.
    pub name: &'static str,
    /// Its path on the main listener: `/bookstore`.
    pub prefix: &'static str,
    /// The title of its documentation.
    pub title: &'static str,
    /// The description in its documentation.
    pub about: &'static str,
    /// Its error format.
    pub envelope: Envelope,
    /// The services inside it.
    pub services: &'static [Service],
    /// Further paths of the OpenAPI document, beside `/openapi.json`.
    pub extra_openapi_paths: &'static [&'static str],
}

/// One of the programs that the system was made of before; its routes can have a port of their own.
pub struct Service {
    /// Its name in `--rest-listen SYSTEM.SERVICE=ADDR`, and its heading in the documentation.
    pub name: &'static str,
    /// The description in the documentation.
    pub about: &'static str,
    /// Its paths inside the mount, without parameters and without a slash at the end; the first is the documented one, the
    /// others work too.
    pub prefixes: &'static [&'static str],
    /// Its routes. Where two paths match a request, the one with fewer parameters wins.
    pub routes: &'static [Route],
}

/// The methods of routes. Every `GET` route serves `HEAD` too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Reads.
    Get,
    /// Creates or does.
    Post,
    /// Changes.
    Put,
    /// Removes.
    Delete,
}

/// A route, as data: a path, a summary, a GraphQL operation and the JSON pointer of the result.
#[derive(Clone, Copy)]
pub struct Route {
    /// The method.
    pub verb: Verb,
    /// The path inside the service, with `{name}` for each path parameter.
    pub path: &'static str,
    /// Other paths of the same route.
    pub aliases: &'static [&'static str],
    /// The id of its operation in the OpenAPI document, a verb and a noun: `getOrder`. Unique in the service.
    pub name: &'static str,
    /// The summary in the OpenAPI document.
    pub summary: &'static str,
    /// Its GraphQL document. A variable `$idempotencyKey` receives the header `Idempotency-Key`.
    pub operation: &'static str,
    /// The document for requests with a certain word.
    pub alternative_operation: Option<AlternativeOperation>,
    /// The place of the REST response in the GraphQL result, as a JSON pointer.
    pub source: ResponseSource,
    /// The HTTP status of success.
    pub status: u16,
    /// Another status of success, and its condition; the route's `reshape` decides.
    pub alternative_status: Option<(u16, &'static str)>,
    /// The header `Location`, with `{name}` filled from the value at `source`, otherwise from the path.
    pub location: Option<&'static str>,
    /// The parameters in path and query.
    pub params: &'static [Param],
    /// The body. A route without one ignores the request's body.
    pub body: Option<RequestBody>,
    /// The type of a successful response.
    pub response: FieldType,
    /// An example of a successful response, as JSON, that matches the sample data.
    pub example: &'static str,
    /// The graph's errors as this route returns them.
    pub errors: &'static [ErrorRow],
    /// The callers that may use it.
    pub access: AccessRule,
    /// The number of integers in a cursor of its list.
    pub cursor_columns: usize,
    /// Changes the reply where `response` alone cannot describe it.
    pub reshape: Option<fn(&mut ResponseDraft, &RequestView)>,
}

impl Route {
    /// The defaults of a route; a row sets the rest and ends with `..Route::BASE`.
    pub const BASE: Self = Self {
        verb: Verb::Get,
        path: "",
        aliases: &[],
        name: "",
        summary: "",
        operation: "",
        alternative_operation: None,
        source: ResponseSource::Fixed("{}"),
        status: 200,
        alternative_status: None,
        location: None,
        params: &[],
        body: None,
        response: FieldType::Text,
        example: "",
        errors: &[],
        access: AccessRule::Policy,
        cursor_columns: 1,
        reshape: None,
    };
}

impl Route {
    /// Returns the GraphQL documents of the route; none where it does not use the graph.
    pub fn operations(&self) -> impl Iterator<Item = &'static str> + use<> {
        let uses_graph = !matches!(self.source, ResponseSource::Fixed(_));
        let other = self.alternative_operation.map(|other| other.operation);
        uses_graph.then_some(self.operation).into_iter().chain(other)
    }
}

/// Another document, selected by one word of the request.
#[derive(Clone, Copy)]
pub struct AlternativeOperation {
    /// The deciding member: one of `FieldType::Enum` or `FieldType::EnumIgnoringCase`. It goes into no variable.
    pub discriminator: &'static Field,
    /// The word, as the graph spells it, that selects this document.
    pub value: &'static str,
    /// The document, with the same variables.
    pub operation: &'static str,
}

/// The place of the REST response in the GraphQL result, as a JSON pointer.
#[derive(Clone, Copy, Debug)]
pub enum ResponseSource {
    /// A constant: the route does not use the graph and returns this JSON.
    Fixed(&'static str),
    /// One object. `null` and `false` are `NOT_FOUND`, also when the route's `reshape` sets them.
    One(&'static str),
    /// All nodes of a connection: its pages are fetched one after the other through `$first` and `$after`. `null` is `NOT_FOUND`
    /// where the route has such a row, and otherwise an empty list.
    All(&'static str),
    /// As `All`, but the response is the whole result of the operation, with the list in the place of the connection.
    AllInPlace(&'static str),
}

impl ResponseSource {
    /// Whether it is a list, which may end at a limit and then links to its rest.
    pub fn is_list(&self) -> bool {
        matches!(self, Self::All(_) | Self::AllInPlace(_))
    }
}

/// A parameter in path or query.
#[derive(Clone, Copy)]
pub struct Param {
    /// Where it is.
    pub location: ParamLocation,
    /// Its name, type and variable.
    pub field: Field,
    /// The error for a value that cannot be read.
    pub on_invalid: InvalidParam,
    /// A value that exists in the sample data.
    pub example: &'static str,
}

/// Where a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamLocation {
    /// `{name}` in the path.
    Path,
    /// `?name=`.
    Query,
}

/// The error for a parameter that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidParam {
    /// 400 that names it.
    Named,
    /// 400 with this message.
    Message(&'static str),
    /// The route's own not-found: there is no such id.
    NotFound,
}

/// A request body.
#[derive(Clone, Copy)]
pub struct RequestBody {
    /// Its members.
    pub model: &'static ObjectModel,
    /// Whether it may be `application/x-www-form-urlencoded` too.
    pub form: bool,
    /// Whether at least one known member is required, though each alone is optional.
    pub requires_any: bool,
    /// Further members, which depend on one of the others.
    pub variants: Option<BodyVariants>,
    /// The members that require or exclude each other, as the keywords `if`, `then` and `else` of the model's JSON schema, for
    /// the documentation: the domain enforces the rule. Validators understand these keywords, and generators of clients make no
    /// type of them.
    pub rule: Option<&'static str>,
}

/// Members of a body that depend on one of its members.
#[derive(Clone, Copy)]
pub struct BodyVariants {
    /// The deciding member: one of `FieldType::Enum` or `FieldType::EnumIgnoringCase`, required.
    pub discriminator: &'static Field,
    /// The further members for each of its words, as the graph spells them.
    pub models: &'static [(&'static str, &'static ObjectModel)],
}

impl RequestBody {
    /// Takes a JSON object.
    pub const fn json(model: &'static ObjectModel) -> Self {
        Self {
            model,
            form: false,
            requires_any: false,
            variants: None,
            rule: None,
        }
    }

    /// Adds the rule by which members require or exclude each other.
    pub const fn with_rule(self, rule: &'static str) -> Self {
        Self {
            rule: Some(rule),
            ..self
        }
    }

    /// Takes a JSON object whose further members depend on one of them.
    pub const fn one_of(model: &'static ObjectModel, variants: BodyVariants) -> Self {
        Self {
            variants: Some(variants),
            ..Self::json(model)
        }
    }

    /// Returns the further members for these variables.
    pub(super) fn variant(&self, variables: &Value) -> Option<&'static ObjectModel> {
        let BodyVariants { discriminator, models } = self.variants?;
        let word = variables.pointer(&discriminator.json_pointer())?;
        models.iter().find(|(known, _)| word == known).map(|(_, model)| *model)
    }

    /// Returns every member that it may have.
    pub fn fields(&self) -> impl Iterator<Item = &'static Field> {
        let models = self.variants.into_iter().flat_map(|variants| variants.models);
        let models = std::iter::once(self.model).chain(models.map(|(_, model)| *model));
        models.flat_map(|model| model.fields)
    }

    /// Takes a JSON object of new values: omitted members keep their values, and a body without a known member is an error.
    pub const fn patch(model: &'static ObjectModel) -> Self {
        Self {
            requires_any: true,
            ..Self::json(model)
        }
    }

    /// Takes a JSON object or an HTML form.
    pub const fn json_or_form(model: &'static ObjectModel) -> Self {
        Self {
            form: true,
            ..Self::json(model)
        }
    }
}

/// One of the graph's errors as a route returns it. The code gives the status.
#[derive(Clone, Copy)]
pub struct ErrorRow {
    /// The graph's code.
    pub code: ErrorCode,
    /// The prefix of the graph's message, to tell errors with the same code apart. Empty means all.
    pub message_prefix: &'static str,
    /// The message, with `{name}` filled from the path; empty means the graph's own message.
    pub message: &'static str,
    /// The condition of the error, for the documentation.
    pub when: &'static str,
}

impl ErrorRow {
    /// Creates a row for all errors with this code.
    pub const fn new(code: ErrorCode, message: &'static str, when: &'static str) -> Self {
        Self {
            code,
            message_prefix: "",
            message,
            when,
        }
    }
}

/// A member of a body is missing or wrong.
pub const BAD_MEMBER: ErrorRow = ErrorRow::new(ErrorCode::InvalidInput, "", "A member is missing or wrong.");

/// The caller has no permission for the account.
pub const PROTECTED: ErrorRow = ErrorRow::new(
    ErrorCode::Forbidden,
    "",
    "The account belongs to another person. Without a token, a caller can change only a plain member's account that was \
     created through this interface. Such an account must have no money, shares or authorizations, and no password \
     that was set elsewhere.",
);

/// The last administrator must remain.
pub const LAST_ADMINISTRATOR: ErrorRow = ErrorRow::new(
    ErrorCode::Conflict,
    "",
    "The account is the last active administrator's: appoint another administrator first.",
);

/// Returns the row of a `NOT_FOUND` with this message.
pub const fn not_found_row(message: &'static str, when: &'static str) -> ErrorRow {
    ErrorRow::new(ErrorCode::NotFound, message, when)
}

/// Returns the parameter of an id in a path; an invalid id is not found.
pub const fn path_id(name: &'static str, example: &'static str) -> Param {
    Param {
        location: ParamLocation::Path,
        field: Field::new(name, ID),
        on_invalid: InvalidParam::NotFound,
        example,
    }
}

/// The callers that may use a route (docs/rest-contract/common.md#access). On every route, a token that the request has must be
/// valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessRule {
    /// All callers, on every listener.
    Anyone,
    /// The document has no authentication: all callers where the policy is `open`, a bearer token where it is `token`.
    Policy,
    /// All callers, on every listener. The route creates an account, which records whether it was created through an open mount.
    Registration,
    /// As `Policy`; where the mount is open, the request still acts as the user whose token it has.
    Attributed,
    /// As `Policy`, for a change of an account: where the mount is open, the permissions of the caller's token come first,
    /// because an open mount by itself may change few accounts.
    Account,
    /// As `Policy`; the route always acts as a program, and a user's token names the person on whose behalf it acts: the
    /// operation's variable `$trader` receives the id.
    OnBehalf,
    /// As `Policy`, but where a token is required, it must be a service's: other programs call this route, not people.
    Internal,
    /// A bearer token, whatever the policy.
    Bearer,
    /// A person's token, whatever the policy: the route is about the person's own data.
    Person,
    /// A service's credential, whatever the policy.
    Service,
}

impl Verb {
    /// Returns the method's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}
