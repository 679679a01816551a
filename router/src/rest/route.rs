//! What a table is made of: mounts, services, routes.

use serde_json::Value;

use super::failure::Envelope;
use super::kind::{Field, ID, Kind, Model};
use super::reply::{Call, Reply};

/// The documented REST interface of one system.
pub struct Mount {
    /// The system's name: `bookstore`.
    pub name: &'static str,
    /// Where it is on the main listener: `/bookstore`.
    pub prefix: &'static str,
    /// A heading for its documentation.
    pub title: &'static str,
    /// What it is, for its documentation.
    pub about: &'static str,
    /// How its errors look.
    pub envelope: Envelope,
    /// The services inside it.
    pub services: &'static [Service],
    /// Further paths of the OpenAPI document, beside `/openapi.json`.
    pub openapi_also: &'static [&'static str],
}

/// One of the programs a system used to be made of: its routes can have a port of their own.
pub struct Service {
    /// Its name in `--rest-listen SYSTEM.SERVICE=ADDR`, and its heading in the documentation.
    pub name: &'static str,
    /// What it does, for the documentation.
    pub about: &'static str,
    /// Where it is inside the mount, without a slash at the end; the first is the documented place, the others answer too.
    pub prefixes: &'static [&'static str],
    /// What it answers. Where two paths fit a request, the one with fewer parameters wins.
    pub routes: &'static [Route],
}

/// The methods that routes have. `HEAD` comes with every `GET`.
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

/// One route, as data: an address, a sentence, a GraphQL operation and the way back.
#[derive(Clone, Copy)]
pub struct Route {
    /// The method.
    pub verb: Verb,
    /// The path inside the service, with `{name}` for each path parameter.
    pub path: &'static str,
    /// Other paths that mean the same.
    pub aliases: &'static [&'static str],
    /// What it is called in the OpenAPI document; unique in the service.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// The GraphQL document that does it. A variable `$idempotencyKey` receives the header `Idempotency-Key`.
    pub operation: &'static str,
    /// Another document for some requests.
    pub operation_else: Option<OperationElse>,
    /// Where in the GraphQL answer the REST answer lies.
    pub answer: Answer,
    /// The HTTP status of success.
    pub status: u16,
    /// Another status of success, and when; the route's `reshape` decides.
    pub status_else: Option<(u16, &'static str)>,
    /// The header `Location`, with `{name}` filled from what lies at `answer`, else from the path.
    pub location: Option<&'static str>,
    /// The parameters in path and query.
    pub params: &'static [Param],
    /// The body, where it matters. A route without one ignores what it is sent.
    pub body: Option<Body>,
    /// What success looks like.
    pub response: Kind,
    /// An example of success, as JSON, true of the sample data.
    pub example: &'static str,
    /// How the graph's errors read here.
    pub errors: &'static [ErrorRow],
    /// Who may call it.
    pub access: Access,
    /// How many integers a cursor of its list has.
    pub cursor_columns: usize,
    /// For an answer that its `response` alone cannot be read out of.
    pub reshape: Option<fn(&mut Reply, &Call)>,
}

impl Route {
    /// What most routes have; the rest is said with `..Route::BASE`.
    pub const BASE: Self = Self {
        verb: Verb::Get,
        path: "",
        aliases: &[],
        name: "",
        summary: "",
        operation: "",
        operation_else: None,
        answer: Answer::Fixed("{}"),
        status: 200,
        status_else: None,
        location: None,
        params: &[],
        body: None,
        response: Kind::Text,
        example: "",
        errors: &[],
        access: Access::Policy,
        cursor_columns: 1,
        reshape: None,
    };
}

impl Route {
    /// Every document that may be asked for; none where the graph is not asked.
    pub fn operations(&self) -> impl Iterator<Item = &'static str> + use<> {
        let asks = !matches!(self.answer, Answer::Fixed(_));
        let other = self.operation_else.map(|other| other.operation);
        asks.then_some(self.operation).into_iter().chain(other)
    }
}

/// Another document, where one word of the request decides what it does.
#[derive(Clone, Copy)]
pub struct OperationElse {
    /// The member that decides: one of `Kind::Words` or `Kind::WordsInAnyCase`. It goes into no variable.
    pub by: &'static Field,
    /// The word, as it is in the graph, that asks for this document.
    pub is: &'static str,
    /// The document, with the same variables.
    pub operation: &'static str,
}

/// Where in the GraphQL answer the REST answer lies, as a JSON pointer.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// Nowhere: the route asks the graph nothing and answers this JSON.
    Fixed(&'static str),
    /// One thing. `null` and `false` are `NOT_FOUND`, also when the route's `reshape` makes it so.
    One(&'static str),
    /// The nodes of a connection, all of them: its pages are fetched one after the other through `$first` and `$after`.
    /// `null` is `NOT_FOUND` where the route has such a row, and else an empty list.
    All(&'static str),
    /// As `All`, and what else the operation asks for with it: the whole answer, the list in the connection's place.
    AllAnd(&'static str),
}

impl Answer {
    /// Whether it is a list, which may have to stop at a bound and say where it goes on.
    pub fn is_list(&self) -> bool {
        matches!(self, Self::All(_) | Self::AllAnd(_))
    }
}

/// A parameter in path or query.
#[derive(Clone, Copy)]
pub struct Param {
    /// Where it is.
    pub place: Place,
    /// Its name, kind and variable.
    pub field: Field,
    /// What a value that cannot be read means.
    pub invalid: Invalid,
    /// A value that means something on the sample data.
    pub example: &'static str,
}

/// Where a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `{name}` in the path.
    Path,
    /// `?name=`.
    Query,
}

/// What a parameter that cannot be read means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// 400, naming it.
    Named,
    /// 400, in these words.
    Saying(&'static str),
    /// The route's own not-found: nothing has such an id.
    NotFound,
}

/// A request body.
#[derive(Clone, Copy)]
pub struct Body {
    /// Its members.
    pub model: &'static Model,
    /// Whether it may come as `application/x-www-form-urlencoded` too.
    pub form: bool,
    /// Whether at least one known member has to be there, though each alone may be left out.
    pub some: bool,
    /// Further members, which depend on one of the others.
    pub variants: Option<Variants>,
    /// Which members need or exclude each other, as a JSON schema beside the model's; for the documentation, the domain holds
    /// the rule.
    pub rule: Option<&'static str>,
}

/// Members of a body that depend on one of its members.
#[derive(Clone, Copy)]
pub struct Variants {
    /// The member that decides: one of `Kind::Words` or `Kind::WordsInAnyCase`, required.
    pub by: &'static Field,
    /// What each of its words, as they are in the graph, has more.
    pub more: &'static [(&'static str, &'static Model)],
}

impl Body {
    /// A JSON object.
    pub const fn json(model: &'static Model) -> Self {
        Self {
            model,
            form: false,
            some: false,
            variants: None,
            rule: None,
        }
    }

    /// Some members need or exclude each other.
    pub const fn ruled(self, rule: &'static str) -> Self {
        Self {
            rule: Some(rule),
            ..self
        }
    }

    /// A JSON object whose further members depend on one of them.
    pub const fn one_of(model: &'static Model, variants: Variants) -> Self {
        Self {
            variants: Some(variants),
            ..Self::json(model)
        }
    }

    /// The further members that these variables call for.
    pub(super) fn more(&self, variables: &Value) -> Option<&'static Model> {
        let Variants { by, more } = self.variants?;
        let word = variables.pointer(&by.pointer())?;
        more.iter().find(|(known, _)| word == known).map(|(_, model)| *model)
    }

    /// Every member that it may have.
    pub fn fields(&self) -> impl Iterator<Item = &'static Field> {
        let more = self.variants.into_iter().flat_map(|variants| variants.more);
        let models = std::iter::once(self.model).chain(more.map(|(_, model)| *model));
        models.flat_map(|model| model.fields)
    }

    /// A JSON object of new values: what is left out stays, and nothing at all is an error.
    pub const fn patch(model: &'static Model) -> Self {
        Self {
            some: true,
            ..Self::json(model)
        }
    }

    /// A JSON object or an HTML form.
    pub const fn json_or_form(model: &'static Model) -> Self {
        Self {
            form: true,
            ..Self::json(model)
        }
    }
}

/// How one of the graph's errors reads on a route. Its status comes from the one table, `crate::status`.
#[derive(Clone, Copy)]
pub struct ErrorRow {
    /// The graph's code.
    pub code: &'static str,
    /// Which of the errors with this code: the one whose message begins so. Empty means all.
    pub of: &'static str,
    /// The message, with `{name}` filled from the path; empty for the graph's own.
    pub message: &'static str,
    /// When it happens, for the documentation.
    pub when: &'static str,
}

impl ErrorRow {
    /// All errors with this code read like that.
    pub const fn new(code: &'static str, message: &'static str, when: &'static str) -> Self {
        Self {
            code,
            of: "",
            message,
            when,
        }
    }
}

/// A member of a body is missing or wrong.
pub const BAD_MEMBER: ErrorRow = ErrorRow::new("INVALID_INPUT", "", "A member is missing or wrong.");

/// The caller's right does not cover the account.
pub const PROTECTED: ErrorRow = ErrorRow::new(
    "FORBIDDEN",
    "",
    "The account is another's. Without a token, only an account can be changed that was made here, is a plain member's, \
     and has no money, shares, authorizations or a password that was set elsewhere.",
);

/// An administrator has to stay.
pub const LAST_ADMINISTRATOR: ErrorRow = ErrorRow::new(
    "CONFLICT",
    "",
    "This is the last active administrator: make another one first.",
);

/// What is missing, in the words of a route.
pub const fn missing(message: &'static str, when: &'static str) -> ErrorRow {
    ErrorRow::new("NOT_FOUND", message, when)
}

/// The id in a path; one that cannot be one is nobody's.
pub const fn path_id(name: &'static str, example: &'static str) -> Param {
    Param {
        place: Place::Path,
        field: Field::new(name, ID),
        invalid: Invalid::NotFound,
        example,
    }
}

/// Who may call a route (docs/rest-contract/common.md#access). Wherever a token is sent it has to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone, on every listener.
    Anyone,
    /// The document has no authentication: anyone where the policy is `open`, a bearer token where it is `token`.
    Policy,
    /// Anyone, on every listener: it makes an account, which remembers whether it was made through an open mount.
    Newcomer,
    /// As `Policy`, and where anyone may, a user's token still says whose doing it is.
    Attributed,
    /// As `Policy`, for a change of an account: where anyone may, the caller's token is asked first, because an open mount
    /// by itself may change few accounts.
    Account,
    /// As `Policy`; the route acts as a program in any case, and a user's token says on whose behalf: the operation's variable
    /// `$trader` receives the id.
    OnBehalf,
    /// As `Policy`, but where a token is needed it is a service's: other programs call this, not people.
    Internal,
    /// A bearer token, whatever the policy.
    Bearer,
    /// A person's token, whatever the policy: it is about what is theirs.
    Person,
    /// A service's credential, whatever the policy.
    Service,
}

impl Verb {
    /// The method's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}
