//! A route's GraphQL operation, parsed once at start and checked against the table.

use std::sync::Arc;

use async_graphql::parser::types::{BaseType, Type};
use serde_json::Value;

use super::kind::{Field, Kind, Member, Need};
use super::route::{Answer, Body, Param, Place, Route, Service};

/// The variable that receives the header `Idempotency-Key`.
const IDEMPOTENCY_KEY: &str = "idempotencyKey";
/// The variables that select the page of a list.
const PAGE: [&str; 2] = ["first", "after"];

/// A route whose operation has been parsed and fits its table.
pub(super) struct Compiled {
    /// The table's row.
    pub route: &'static Route,
    /// The service it belongs to.
    pub service: &'static Service,
    /// The operation's text, shared by all requests.
    document: Arc<str>,
    /// The other operation, where the route has one.
    document_else: Option<Arc<str>>,
    /// The members of parameters and body that go into a variable.
    pub members: Vec<Member>,
    /// Whether the operation takes an idempotency key.
    pub idempotent: bool,
}

/// A variable that an operation declares.
#[derive(PartialEq)]
struct Variable {
    name: String,
    kind: Type,
    optional: bool,
}

impl Compiled {
    /// Parses the operation of a route and checks that parameters and members fit its variables.
    ///
    /// # Errors
    /// The mismatch: a mistake in a table, found by the first test that opens it.
    pub fn new(service: &'static Service, route: &'static Route) -> Result<Self, String> {
        let declared = match route.answer {
            Answer::Fixed(_) => Vec::new(),
            Answer::One(_) | Answer::All(_) | Answer::AllAnd(_) => variables(route.operation)?,
        };
        let params = route.params.iter().map(|param| &param.field);
        let fields = params.chain(route.body.iter().flat_map(Body::fields));
        let members: Vec<Member> = fields
            .flat_map(Field::every)
            .filter(|member| !member.pointer.is_empty())
            .collect();
        let wrong = |why: String| Err(format!("{} {}: {why}", route.verb.as_str(), route.path));
        if let Some(other) = route.operation_else
            && variables(other.operation)? != declared
        {
            return wrong("its operations take different variables".to_owned());
        }
        let chooses = |member: &Member| {
            route
                .operation_else
                .is_some_and(|other| other.by.pointer() == member.pointer)
        };
        for member in members.iter().filter(|member| !chooses(member)) {
            let Some(variable) = declared
                .iter()
                .find(|variable| is_root(&variable.name, &member.pointer))
            else {
                return wrong(format!("nothing takes {}", member.name));
            };
            if member.pointer[1..] == variable.name && !fits(member, variable) {
                return wrong(format!("{} is no ${}: {}", member.name, variable.name, variable.kind));
            }
        }
        for variable in &declared {
            let by_mechanism = variable.name == IDEMPOTENCY_KEY || PAGE.contains(&variable.name.as_str());
            let given = members.iter().any(|member| is_root(&variable.name, &member.pointer));
            if !given && !by_mechanism && !variable.optional {
                return wrong(format!("nothing gives ${}", variable.name));
            }
        }
        if let Some(name) = unknown_path_parameter(service, route) {
            return wrong(format!("{{{name}}} is not in the path"));
        }
        Ok(Self {
            route,
            service,
            document: route.operation.into(),
            document_else: route.operation_else.map(|other| other.operation.into()),
            members,
            idempotent: declared.iter().any(|variable| variable.name == IDEMPOTENCY_KEY),
        })
    }

    /// Returns the operation that these variables select.
    pub fn document(&self, sent: &Value) -> Arc<str> {
        let other = self.route.operation_else.zip(self.document_else.as_ref());
        let asked = other.filter(|(other, _)| sent.pointer(&other.by.pointer()).is_some_and(|word| word == other.is));
        Arc::clone(asked.map_or(&self.document, |(_, document)| document))
    }
}

/// Returns the variables that an operation declares. Only this function parses operations.
fn variables(operation: &str) -> Result<Vec<Variable>, String> {
    let document = async_graphql::parser::parse_query(operation).map_err(|error| format!("{operation}: {error}"))?;
    let mut operations = document.operations.iter();
    let (Some((_, operation)), None) = (operations.next(), operations.next()) else {
        return Err("a route has one operation".to_owned());
    };
    let declared = operation.node.variable_definitions.iter().map(|definition| {
        let kind = definition.node.var_type.node.clone();
        Variable {
            name: definition.node.name.node.to_string(),
            optional: kind.nullable || definition.node.default_value.is_some(),
            kind,
        }
    });
    Ok(declared.collect())
}

/// Whether the JSON pointer leads into this variable.
fn is_root(variable: &str, pointer: &str) -> bool {
    pointer.split('/').nth(1) == Some(variable)
}

/// Whether the type of a member fits the variable.
fn fits(member: &Member, variable: &Variable) -> bool {
    if member.need != Need::Required && !variable.optional {
        return false;
    }
    match (&variable.kind.base, &member.kind) {
        (BaseType::List(_), Kind::List(_)) => true,
        // A variable that is a list takes a single value as a list of one.
        (BaseType::List(item), kind) => fits_base(kind, &item.base),
        (base, kind) => fits_base(kind, base),
    }
}

fn fits_base(kind: &Kind, base: &BaseType) -> bool {
    match base {
        BaseType::List(_) => false,
        BaseType::Named(name) => match kind {
            Kind::Text => name == "String",
            Kind::Integer { .. } | Kind::Quantity { .. } => name == "Int",
            Kind::Id { .. } => name == "ID",
            Kind::Money { .. } => name == "Money",
            Kind::Boolean => name == "Boolean",
            Kind::InUtc(kind) => fits_base(kind, base),
            Kind::Date => name == "Date",
            Kind::Number => name == "Float",
            Kind::DateTime | Kind::Until => name == "DateTime",
            // The schema checks the names of enums and inputs: a test plans every operation.
            Kind::Words(_) | Kind::WordsInAnyCase(_) | Kind::Object(_) => true,
            Kind::List(_) | Kind::Keyed { .. } | Kind::FirstOf(_) | Kind::Const(_) => false,
        },
    }
}

fn unknown_path_parameter(service: &Service, route: &Route) -> Option<&'static str> {
    let in_path = |param: &&Param| param.place == Place::Path;
    let mut names = route.params.iter().filter(in_path).map(|param| param.field.name);
    names.find(|name| {
        let mark = format!("{{{name}}}");
        !route.path.contains(&mark) && !service.prefixes.iter().any(|prefix| prefix.contains(&mark))
    })
}
