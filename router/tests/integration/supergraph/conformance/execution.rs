//! Executes an operation over a view of the data, with `apollo-compiler` as the reference of the specification.

use apollo_compiler::executable::{ExecutableDocument, Operation};
use apollo_compiler::resolvers::{Execution, FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::{ExecutionResponse, JsonMap};
use apollo_compiler::validation::Valid;
use serde_json::{Value, json};

use super::field_sets::Arguments;
use super::object::{Object, Resolved, View};

/// Before the message of each error of a resolver.
const PREFIX: &str = "resolver error: ";

/// Validates and executes an operation. A document that is not valid for the schema of the view gives a request error.
pub fn execute(view: View<'_>, document: &str, operation_name: Option<&str>, variables: &Value) -> String {
    let response = parse(view, document).and_then(|document| {
        let operation = document.operations.get(operation_name);
        let operation = operation.map_err(|error| error.message().to_string())?;
        run(view, &document, operation, variables)
    });
    match response {
        Ok(response) => serde_json::to_string(&response).unwrap(),
        Err(message) => json!({ "errors": [{ "message": message }] }).to_string(),
    }
}

/// Returns the number of events of a subscription.
pub fn events(view: View<'_>, document: &str) -> usize {
    let Ok(document) = parse(view, document) else { return 1 };
    let Ok(operation) = document.operations.get(None) else {
        return 1;
    };
    let root = operation.root_fields(&document).next();
    let events = root.and_then(|field| view.graph.rows["Subscription"][field.name.as_str()]["$events"].as_array());
    events.map_or(1, Vec::len)
}

fn parse(view: View<'_>, document: &str) -> Result<Valid<ExecutableDocument>, String> {
    let types = view.subgraph.map_or(&view.graph.public, |subgraph| &subgraph.types);
    ExecutableDocument::parse_and_validate(types, document, "document")
        .map_err(|invalid| format!("{document}\n{}", invalid.errors))
}

fn run(
    view: View<'_>,
    document: &Valid<ExecutableDocument>,
    operation: &Operation,
    variables: &Value,
) -> Result<ExecutionResponse, String> {
    let types = view.subgraph.map_or(&view.graph.public, |subgraph| &subgraph.types);
    let variables: JsonMap = serde_json::from_value(variables.clone()).unwrap();
    let mut response = Execution::new(types, document)
        .operation(operation)
        .raw_variable_values(&variables)
        .enable_schema_introspection(true)
        .execute_sync(&view.root(operation.object_type()))
        .map_err(|error| error.message().to_string())?;
    for error in &mut response.errors {
        error.locations.clear();
        if let Some(message) = error.message.strip_prefix(PREFIX) {
            error.message = message.to_owned();
        }
    }
    Ok(response)
}

impl ObjectValue for Object<'_> {
    fn type_name(&self) -> &str {
        self.shown_typename()
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        let arguments: Arguments = serde_json::from_value(json!(info.arguments())).unwrap();
        if info.field_name() == "_entities" {
            let sent = arguments["representations"].as_array().unwrap().iter();
            let found = sent.map(|sent| self.view.entity(sent));
            let entities = found.map(|found| Ok(found?.map_or(Resolved::Leaf(Value::Null), Resolved::Object)));
            return completed(Ok(Resolved::List(entities.collect())));
        }
        let named_type = info.field_definition().ty.inner_named_type();
        let resolved = self.resolve(info.field_name(), named_type, &arguments);
        match resolved {
            // A subgraph may send the number, the graph must not.
            Ok(Resolved::Leaf(Value::Number(id))) if named_type == "ID" && self.view.subgraph.is_none() => {
                Ok(ResolvedValue::leaf(id.to_string()))
            }
            resolved => completed(resolved),
        }
    }
}

fn completed(resolved: Result<Resolved<'_>, String>) -> Result<ResolvedValue<'_>, FieldError> {
    match resolved {
        Ok(Resolved::Leaf(value)) => Ok(ResolvedValue::Leaf(serde_json::from_value(value).unwrap())),
        Ok(Resolved::Object(object)) => Ok(ResolvedValue::Object(Box::new(object))),
        Ok(Resolved::List(items)) => Ok(ResolvedValue::List(Box::new(items.into_iter().map(completed)))),
        Err(message) => Err(FieldError { message }),
    }
}
