//! A route's GraphQL operation, parsed once at start and checked against the table.

use std::sync::Arc;

use async_graphql::parser::types::{BaseType, OperationType, Type};
use serde_json::Value;

use super::bound_service::BoundService;
use super::field::{Field, FieldType, Presence, RequestMember};
use super::route::{Param, ParamLocation, RequestBody, ResponseSource, Route};
use crate::subgraph::OperationKind;

/// The variable that receives the header `Idempotency-Key`.
const IDEMPOTENCY_KEY: &str = "idempotencyKey";
/// The variables that select the page of a list.
const PAGE_VARIABLES: [&str; 2] = ["first", "after"];

/// A route whose operation has been parsed and fits its table.
pub(super) struct BoundRoute {
    /// The table's row.
    pub route: &'static Route,
    /// The service it belongs to.
    pub service: Arc<BoundService>,
    /// The operation's text, shared by all requests.
    document: Arc<str>,
    /// The other operation, where the route has one.
    alternative_document: Option<Arc<str>>,
    /// The kind of its operation.
    pub kind: OperationKind,
    /// The members of parameters and body that go into a variable.
    pub members: Vec<RequestMember>,
    /// Whether the operation takes an idempotency key.
    pub idempotent: bool,
}

/// A variable that an operation declares.
#[derive(PartialEq)]
struct OperationVariable {
    name: String,
    graphql_type: Type,
    optional: bool,
}

impl BoundRoute {
    /// Parses the operation of a route and checks that parameters and members fit its variables.
    ///
    /// # Errors
    /// The mismatch: a mistake in a table, found by the first test that opens it.
    pub fn new(service: &Arc<BoundService>, route: &'static Route) -> Result<Self, String> {
        let (kind, declared) = match route.source {
            ResponseSource::Fixed(_) => (OperationKind::Query, Vec::new()),
            ResponseSource::One(_) | ResponseSource::All(_) | ResponseSource::AllInPlace(_) => parse(route.operation)?,
        };
        let params = route.params.iter().map(|param| &param.field);
        let fields = params.chain(route.body.iter().flat_map(RequestBody::fields));
        let members: Vec<RequestMember> = fields
            .flat_map(Field::flatten)
            .filter(|member| !member.pointer.is_empty())
            .collect();
        let wrong = |why: String| Err(format!("{} {}: {why}", route.verb.as_str(), route.path));
        if let Some(other) = route.alternative_operation
            && let (other_kind, other_declared) = parse(other.operation)?
            && (other_kind != kind || other_declared != declared)
        {
            return wrong("its two operations differ in their kind or their variables".to_owned());
        }
        let chooses = |member: &RequestMember| {
            route
                .alternative_operation
                .is_some_and(|other| other.discriminator.json_pointer() == member.pointer)
        };
        for member in members.iter().filter(|member| !chooses(member)) {
            let Some(variable) = declared
                .iter()
                .find(|variable| is_in_variable(&variable.name, &member.pointer))
            else {
                return wrong(format!("`{}` goes into no variable of the operation", member.name));
            };
            if member.pointer[1..] == variable.name && !is_compatible(member, variable) {
                return wrong(format!(
                    "`{}` does not fit the variable `${}: {}`",
                    member.name, variable.name, variable.graphql_type
                ));
            }
        }
        for variable in &declared {
            let by_mechanism = variable.name == IDEMPOTENCY_KEY || PAGE_VARIABLES.contains(&variable.name.as_str());
            let given = members
                .iter()
                .any(|member| is_in_variable(&variable.name, &member.pointer));
            if !given && !by_mechanism && !variable.optional {
                return wrong(format!(
                    "no parameter or member goes into the required variable `${}`",
                    variable.name
                ));
            }
        }
        if let Some(name) = unknown_path_parameter(route) {
            return wrong(format!("the parameter `{name}` is not in the path"));
        }
        Ok(Self {
            route,
            service: Arc::clone(service),
            document: route.operation.into(),
            alternative_document: route.alternative_operation.map(|other| other.operation.into()),
            kind,
            members,
            idempotent: declared.iter().any(|variable| variable.name == IDEMPOTENCY_KEY),
        })
    }

    /// Returns the operation that these variables select.
    pub fn document(&self, sent: &Value) -> Arc<str> {
        let other = self.route.alternative_operation.zip(self.alternative_document.as_ref());
        let selected = other.filter(|(other, _)| {
            sent.pointer(&other.discriminator.json_pointer())
                .is_some_and(|word| word == other.value)
        });
        Arc::clone(selected.map_or(&self.document, |(_, document)| document))
    }
}

/// Returns the kind of an operation and the variables that it declares. Only this function parses operations.
fn parse(operation: &str) -> Result<(OperationKind, Vec<OperationVariable>), String> {
    let document = async_graphql::parser::parse_query(operation).map_err(|error| format!("{operation}: {error}"))?;
    let mut operations = document.operations.iter();
    let (Some((_, operation)), None) = (operations.next(), operations.next()) else {
        return Err("a route has one operation".to_owned());
    };
    let declared = operation.node.variable_definitions.iter().map(|definition| {
        let graphql_type = definition.node.var_type.node.clone();
        OperationVariable {
            name: definition.node.name.node.to_string(),
            optional: graphql_type.nullable || definition.node.default_value.is_some(),
            graphql_type,
        }
    });
    let kind = match operation.node.ty {
        OperationType::Query => OperationKind::Query,
        OperationType::Mutation => OperationKind::Mutation,
        OperationType::Subscription => OperationKind::Subscription,
    };
    Ok((kind, declared.collect()))
}

/// Whether the JSON pointer leads into this variable.
fn is_in_variable(variable: &str, pointer: &str) -> bool {
    pointer.split('/').nth(1) == Some(variable)
}

/// Whether the type of a member fits the variable.
fn is_compatible(member: &RequestMember, variable: &OperationVariable) -> bool {
    if member.presence != Presence::Required && !variable.optional {
        return false;
    }
    match (&variable.graphql_type.base, &member.field_type) {
        (BaseType::List(_), FieldType::List(_)) => true,
        // A variable that is a list takes a single value as a list of one.
        (BaseType::List(item), field_type) => is_compatible_base(field_type, &item.base),
        (base, field_type) => is_compatible_base(field_type, base),
    }
}

fn is_compatible_base(field_type: &FieldType, base: &BaseType) -> bool {
    match base {
        BaseType::List(_) => false,
        BaseType::Named(name) => match field_type {
            FieldType::Text => name == "String",
            FieldType::Integer { .. } | FieldType::Quantity { .. } => name == "Int",
            FieldType::Id { .. } => name == "ID",
            FieldType::Money { .. } => name == "Money",
            FieldType::Boolean => name == "Boolean",
            FieldType::UtcByDefault(field_type) => is_compatible_base(field_type, base),
            FieldType::Date => name == "Date",
            FieldType::Number => name == "Float",
            FieldType::DateTime | FieldType::EndOfValidity => name == "DateTime",
            // The schema checks the names of enums and inputs: a test plans every operation.
            FieldType::Enum(_) | FieldType::EnumIgnoringCase(_) | FieldType::Object(_) => true,
            FieldType::List(_) | FieldType::KeyedList { .. } | FieldType::FirstNonNull(_) | FieldType::Const(_) => {
                false
            }
        },
    }
}

fn unknown_path_parameter(route: &Route) -> Option<&'static str> {
    let in_path = |param: &&Param| param.location == ParamLocation::Path;
    let mut names = route.params.iter().filter(in_path).map(|param| param.field.name);
    names.find(|name| !route.path.contains(&format!("{{{name}}}")))
}
