//! Suggestions for names that the schema does not have: "did you mean". They show names of the schema, so they are given where
//! introspection is answered.

use apollo_compiler::Schema;
use apollo_compiler::schema::ExtendedType;

/// The most suggestions of one error.
const SUGGESTIONS_MAX: usize = 3;
/// The longest name that is compared: names of the schema are shorter, and a client's may be as long as its document.
const NAME_CHARS_MAX: usize = 64;

/// Returns the suggestion for an error of the library, `; did you mean `books`?`, or an empty text.
///
/// `error` is the library's name of the error. Its message has the unknown name, and the place that lacks it, in backticks.
pub fn suggestion(schema: &Schema, error: &str, message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let (first, second) = (quoted.next().unwrap_or_default(), quoted.next().unwrap_or_default());
    let (given, known) = match error {
        "UndefinedField" => (second, fields(schema, first)),
        "UndefinedArgument" => (first, arguments(schema, second)),
        "UndefinedInputValue" => (first, input_fields(schema, second)),
        "UndefinedEnumValue" => (first, enum_values(schema, second)),
        "UndefinedDefinition" => (first, types(schema)),
        _ => return String::new(),
    };
    let names: Vec<_> = nearest(given, known).iter().map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        None => String::new(),
        Some((only, [])) => format!("; did you mean {only}?"),
        Some((last, others)) => format!("; did you mean {} or {last}?", others.join(", ")),
    }
}

/// Returns the names that need few changes to become the given one, the nearest first.
fn nearest<'s>(given: &str, known: Vec<&'s str>) -> Vec<&'s str> {
    let length = given.chars().count();
    if length > NAME_CHARS_MAX {
        return Vec::new();
    }
    // Two fifths of the name and one more, as in graphql-js: shorter names allow fewer changes.
    let changes_max = length * 2 / 5 + 1;
    let lower = given.to_lowercase();
    let near = known
        .into_iter()
        .filter(|name| !name.starts_with("__"))
        .filter_map(|name| {
            let changes = strsim::osa_distance(&lower, &name.to_lowercase());
            (changes <= changes_max).then_some((changes, name))
        });
    let mut near: Vec<_> = near.collect();
    near.sort_unstable();
    near.into_iter().take(SUGGESTIONS_MAX).map(|(_, name)| name).collect()
}

fn fields<'s>(schema: &'s Schema, of: &str) -> Vec<&'s str> {
    match schema.types.get(of) {
        Some(ExtendedType::Object(object)) => object.fields.keys().map(|name| name.as_str()).collect(),
        Some(ExtendedType::Interface(interface)) => interface.fields.keys().map(|name| name.as_str()).collect(),
        _ => Vec::new(),
    }
}

/// `of` is a coordinate: `Query.book(isbn:)`.
fn arguments<'s>(schema: &'s Schema, of: &str) -> Vec<&'s str> {
    let coordinate = of.split('(').next().unwrap_or_default();
    let Some((type_name, field_name)) = coordinate.split_once('.') else {
        return Vec::new();
    };
    let field = schema.type_field(type_name, field_name).ok();
    field.map_or_else(Vec::new, |field| {
        field.arguments.iter().map(|argument| argument.name.as_str()).collect()
    })
}

fn input_fields<'s>(schema: &'s Schema, of: &str) -> Vec<&'s str> {
    match schema.types.get(of) {
        Some(ExtendedType::InputObject(object)) => object.fields.keys().map(|name| name.as_str()).collect(),
        _ => Vec::new(),
    }
}

fn enum_values<'s>(schema: &'s Schema, of: &str) -> Vec<&'s str> {
    match schema.types.get(of) {
        Some(ExtendedType::Enum(definition)) => definition.values.keys().map(|name| name.as_str()).collect(),
        _ => Vec::new(),
    }
}

fn types(schema: &Schema) -> Vec<&str> {
    schema.types.keys().map(|name| name.as_str()).collect()
}
