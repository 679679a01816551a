//! JSON schemas of values, objects and request bodies.

use serde_json::{Map, Value, json};

use crate::rest::error::Envelope;
use crate::rest::field::{Field, FieldType, ObjectModel, Presence, ValueBounds};
use crate::rest::route::{BodyVariants, RequestBody};

/// The name of the schema of error responses.
pub(super) const ERROR_BODY: &str = "ErrorBody";

/// Returns a reference to the schema with this name.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// The schemas of a document. Objects and alternatives have names, from which generators of clients make their types.
#[derive(Default)]
pub(super) struct Schemas {
    /// The schemas of objects, by name; other schemas refer to them.
    pub(super) named: Map<String, Value>,
}

impl Schemas {
    /// Returns the schema of a value in a request or in a response.
    pub(super) fn value(&mut self, field_type: &FieldType, request: bool) -> Value {
        match field_type {
            FieldType::Text => json!({ "type": "string" }),
            FieldType::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
            FieldType::Quantity { min, max } if request => json!({
                "type": "integer", "minimum": min, "maximum": max,
                "description": "Written without a fraction or an exponent.",
            }),
            FieldType::Quantity { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
            FieldType::Id { min } if request => {
                json!({ "type": "integer", "format": "int64", "minimum": min, "maximum": i64::MAX })
            }
            FieldType::Id { min: i64::MIN } => json!({ "type": "integer", "format": "int64" }),
            FieldType::Id { min } => json!({ "type": "integer", "format": "int64", "minimum": min }),
            FieldType::Money { min_minor } if request => json!({
                "type": "number", "minimum": *min_minor as f64 / 100.0, "maximum": MONEY_MAX, "multipleOf": CENT,
                "description": "At most two decimals.",
            }),
            FieldType::Money { min_minor: 0 } => json!({ "type": "number", "minimum": 0 }),
            FieldType::Money { .. } => json!({ "type": "number", "exclusiveMinimum": 0 }),
            FieldType::Number => json!({ "type": "number" }),
            FieldType::Boolean => json!({ "type": "boolean" }),
            FieldType::Date => json!({ "type": "string", "format": "date" }),
            FieldType::DateTime | FieldType::EndOfValidity if request => moment_or_day(field_type),
            FieldType::DateTime | FieldType::EndOfValidity => json!({ "type": "string", "format": "date-time" }),
            FieldType::UtcByDefault(_) => moment_or_day(field_type),
            FieldType::Enum(words) | FieldType::EnumIgnoringCase(words) => {
                let first = |index: usize| words[..index].iter().all(|(_, graph)| *graph != words[index].1);
                let shown = (0..words.len()).filter(|index| request || first(*index));
                let words: Vec<&str> = shown.map(|index| words[index].0).collect();
                json!({ "type": "string", "enum": words })
            }
            FieldType::Const(text) => constant(serde_json::from_str(text).unwrap_or_default()),
            FieldType::Object(model) => self.object(model, request),
            FieldType::List(field_type) => json!({ "type": "array", "items": self.value(field_type, request) }),
            FieldType::FirstNonNull(places) => {
                let schemas: Vec<Value> = places
                    .iter()
                    .map(|(_, field_type)| self.value(field_type, request))
                    .collect();
                common_schema(&schemas)
            }
            FieldType::KeyedList { item_type, .. } => {
                json!({ "type": "object", "additionalProperties": self.value(item_type, request) })
            }
        }
    }

    /// Adds the schemas of a mount's error responses.
    pub(super) fn add_error_body(&mut self, envelope: &Envelope) {
        if let Value::Object(schemas) = (envelope.schemas)() {
            self.named.extend(schemas);
        }
        self.named[ERROR_BODY]["description"] = "The body of every error response.".into();
    }

    /// Returns the schema of a request body.
    pub(super) fn body(&mut self, body: RequestBody) -> Value {
        let body_reference = match body.variants {
            Some(variants) => self.variants(body.model, variants),
            None => self.object(body.model, true),
        };
        let schema = &mut self.named[body.model.name];
        if body.requires_any {
            schema["description"] = format!("{} At least one member is required.", body.model.about).into();
            schema["minProperties"] = 1.into();
            // Without a condition: as a plain `anyOf`, generators would make a type of each alternative.
            schema["if"] = json!({});
            schema["then"] = json!({ "anyOf": changes(body.model) });
        }
        let rule = body.rule.map(serde_json::from_str::<Map<String, Value>>);
        if let (Some(schema), Some(Ok(rule))) = (schema.as_object_mut(), rule) {
            schema.extend(rule);
        }
        body_reference
    }

    /// Adds the schema of a body whose members depend on one of them, and returns a reference to it.
    ///
    /// There is no `discriminator`: generated Rust would send the deciding member twice. Generated clients take the first
    /// variant whose required members are there, so the one with the most comes first.
    fn variants(&mut self, shared: &'static ObjectModel, variants: BodyVariants) -> Value {
        let BodyVariants { discriminator, models } = variants;
        let mut models: Vec<_> = models.iter().collect();
        models.sort_by_key(|(_, model)| std::cmp::Reverse(model.fields.len()));
        let mut one_of = Vec::new();
        for (word, model) in models {
            let fields: Vec<&Field> = shared.fields.iter().chain(model.fields).collect();
            let variant = self.add_object_schema(model, &fields, true);
            // The deciding member has only the words that select this variant.
            if let FieldType::Enum(words) | FieldType::EnumIgnoringCase(words) = discriminator.field_type {
                let own: Vec<&str> = words
                    .iter()
                    .filter(|(_, graph)| graph == word)
                    .map(|(own, _)| *own)
                    .collect();
                self.named[model.name]["properties"][discriminator.name]["enum"] = json!(own);
            }
            one_of.push(variant);
        }
        let union = json!({ "description": shared.about, "oneOf": one_of });
        self.named.insert(shared.name.to_owned(), union);
        reference(shared.name)
    }

    fn object(&mut self, model: &'static ObjectModel, request: bool) -> Value {
        let fields: Vec<&Field> = model.fields.iter().collect();
        self.add_object_schema(model, &fields, request)
    }

    /// Adds the schema of an object if it is new, and returns a reference to it.
    fn add_object_schema(&mut self, model: &'static ObjectModel, fields: &[&Field], request: bool) -> Value {
        if self.named.contains_key(model.name) {
            return reference(model.name);
        }
        // The name is reserved before the members are described, so that an object may contain itself.
        self.named.insert(model.name.to_owned(), Value::Null);
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for field in fields {
            if !request || field.presence == Presence::Required {
                required.push(field.name);
            }
            properties.insert(field.name.to_owned(), self.property(field, request));
        }
        let mut object = json!({ "type": "object", "description": model.about, "properties": properties });
        if !required.is_empty() {
            object["required"] = json!(required);
        }
        self.named.insert(model.name.to_owned(), object);
        reference(model.name)
    }

    fn property(&mut self, field: &Field, request: bool) -> Value {
        let mut schema = self.value(&field.field_type, request);
        if request {
            schema = with_bounds(schema, field.bounds);
        }
        let spelling = match field.alias {
            Some(alias) if request => format!("`{alias}` is accepted too."),
            Some(alias) => format!("The response has it as `{alias}` too."),
            None => String::new(),
        };
        let of_type = schema["description"].as_str().unwrap_or_default().to_owned();
        let sentences = [field.about, &of_type, &spelling]
            .into_iter()
            .filter(|text| !text.is_empty());
        let description = sentences.collect::<Vec<_>>().join(" ");
        if field.presence == Presence::Nullable {
            schema = nullable(schema);
        }
        if !description.is_empty() {
            schema["description"] = description.into();
        }
        schema
    }
}

/// Returns the schema of values of all these schemas, which are alike or are numbers.
fn common_schema(schemas: &[Value]) -> Value {
    if schemas.iter().all(|schema| *schema == schemas[0]) {
        return schemas[0].clone();
    }
    let mut number = json!({ "type": "number" });
    let least = schemas.iter().map(|schema| schema["minimum"].as_f64());
    if let Some(least) = least.collect::<Option<Vec<f64>>>() {
        number["minimum"] = least.into_iter().fold(f64::INFINITY, f64::min).into();
    }
    number
}

fn nullable(mut schema: Value) -> Value {
    match schema.get("type").cloned() {
        Some(name) => {
            schema["type"] = json!([name, "null"]);
            schema
        }
        // A reference.
        None => json!({ "anyOf": [schema, { "type": "null" }] }),
    }
}

/// Returns the schema of a constant. Generators make an enum of `const`: its value needs a name, and must not be a boolean,
/// which some of them write as a text.
fn constant(value: Value) -> Value {
    let name = match &value {
        Value::Bool(_) => "boolean",
        Value::Number(_) => return json!({ "type": "integer", "const": value }),
        Value::String(text) if text.contains(char::is_alphabetic) => return json!({ "type": "string", "const": value }),
        _ => "string",
    };
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    json!({ "type": name, "description": format!("Always `{text}`.") })
}

/// Returns the schema of a moment in a request. It has no `format`, because there is one for times and one for days, and a
/// generated client would take the one and refuse or rewrite the other.
fn moment_or_day(field_type: &FieldType) -> Value {
    let (field_type, time, about_offset) = match field_type {
        FieldType::UtcByDefault(field_type) => (*field_type, LOCAL_TIME, " A time without an offset is in UTC."),
        field_type => (field_type, TIME, ""),
    };
    let edge = match field_type {
        FieldType::EndOfValidity => "end",
        _ => "start",
    };
    json!({
        "type": "string",
        "pattern": format!("^{DAY}{time}$"),
        "description": format!(
            "An RFC 3339 time such as `2026-01-31T12:30:00Z`, or a day such as `2026-01-31`, which means its {edge} in \
             UTC.{about_offset}"
        ),
    })
}

/// Returns the rule that a patch has at least one of the members that change something.
fn changes(model: &ObjectModel) -> Value {
    let changing = model.fields.iter().filter(|field| !field.immutable);
    changing.map(|field| json!({ "required": [field.name] })).collect()
}

/// Adds the domain's bounds to a schema.
pub(super) fn with_bounds(mut schema: Value, bounds: ValueBounds) -> Value {
    match bounds {
        ValueBounds::None => {}
        ValueBounds::Chars { min, max, pattern } => {
            schema["minLength"] = min.into();
            if max < u32::MAX {
                schema["maxLength"] = max.into();
            }
            if !pattern.is_empty() {
                schema["pattern"] = pattern.into();
            }
        }
        ValueBounds::Range { min, max } => {
            schema["minimum"] = min.into();
            schema["maximum"] = max.into();
        }
        ValueBounds::Cents { min, max } => {
            schema["minimum"] = min.into();
            schema["maximum"] = max.into();
            schema["multipleOf"] = CENT.into();
        }
        ValueBounds::Since1970 => {
            let any_year = schema["pattern"].as_str().unwrap_or("^");
            schema["pattern"] = any_year.replacen('^', SINCE_1970, 1).into();
        }
        ValueBounds::Items { min, max } => {
            schema["minItems"] = min.into();
            schema["maxItems"] = max.into();
        }
    }
    schema
}

/// The largest amount of money.
const MONEY_MAX: i64 = 1_000_000_000_000;
/// The smallest unit of amounts and percentages.
const CENT: f64 = 0.01;
/// The beginning of a moment from 1970 on.
const SINCE_1970: &str = "^(?!0|1[0-8]|19[0-6])";
/// An existing day of the calendar.
const DAY: &str = concat!(
    "([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))",
    "|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)",
);
/// Perhaps a time with an offset.
const TIME: &str =
    r"([Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))?";
/// Perhaps a time, with or without an offset.
const LOCAL_TIME: &str =
    r"([Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?)?";
