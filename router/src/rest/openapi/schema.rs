//! JSON schemas of values, objects and request bodies.

use serde_json::{Map, Value, json};

use crate::rest::field::{Field, FieldType, ObjectModel, Presence, ValueBounds};
use crate::rest::route::{BodyVariants, RequestBody};

/// The schemas of a document.
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
            FieldType::DateTime | FieldType::EndOfValidity if request => json!({
                "type": "string",
                "anyOf": [{ "format": "date-time" }, { "format": "date" }],
            }),
            FieldType::DateTime | FieldType::EndOfValidity => json!({ "type": "string", "format": "date-time" }),
            FieldType::UtcByDefault(_) => json!({
                "type": "string",
                "anyOf": [{ "format": "date-time" }, { "format": "date" }, { "pattern": LOCAL_TIME }],
            }),
            FieldType::Enum(words) | FieldType::EnumIgnoringCase(words) => {
                let first = |index: usize| words[..index].iter().all(|(_, graph)| *graph != words[index].1);
                let shown = (0..words.len()).filter(|index| request || first(*index));
                let words: Vec<&str> = shown.map(|index| words[index].0).collect();
                json!({ "type": "string", "enum": words })
            }
            FieldType::Const(text) => json!({ "const": serde_json::from_str::<Value>(text).unwrap_or_default() }),
            FieldType::Object(model) => self.object(model, request),
            FieldType::List(field_type) => json!({ "type": "array", "items": self.value(field_type, request) }),
            FieldType::FirstNonNull(places) => {
                let schemas: Vec<Value> = places
                    .iter()
                    .map(|(_, field_type)| self.value(field_type, request))
                    .collect();
                if schemas.iter().all(|schema| *schema == schemas[0]) {
                    schemas[0].clone()
                } else {
                    json!({ "anyOf": schemas })
                }
            }
            FieldType::KeyedList { item_type, .. } => {
                json!({ "type": "object", "additionalProperties": self.value(item_type, request) })
            }
        }
    }

    /// Returns the schema of a request body.
    pub(super) fn body(&mut self, body: RequestBody) -> Value {
        let Some(BodyVariants { discriminator, models }) = body.variants else {
            return self.object(body.model, true);
        };
        let mut one_of = Vec::new();
        for (word, model) in models {
            let fields: Vec<&Field> = body.model.fields.iter().chain(model.fields).collect();
            let reference = self.add_object_schema(model, &fields, true);
            // The deciding member has only the words that select this variant.
            if let FieldType::Enum(words) | FieldType::EnumIgnoringCase(words) = discriminator.field_type {
                let own: Vec<&str> = words
                    .iter()
                    .filter(|(_, graph)| graph == word)
                    .map(|(own, _)| *own)
                    .collect();
                self.named[model.name]["properties"][discriminator.name]["enum"] = json!(own);
            }
            one_of.push(reference);
        }
        json!({ "oneOf": one_of })
    }

    fn object(&mut self, model: &'static ObjectModel, request: bool) -> Value {
        let fields: Vec<&Field> = model.fields.iter().collect();
        self.add_object_schema(model, &fields, request)
    }

    /// Adds the schema of an object if it is new, and returns a reference to it.
    fn add_object_schema(&mut self, model: &'static ObjectModel, fields: &[&Field], request: bool) -> Value {
        let reference = json!({ "$ref": format!("#/components/schemas/{}", model.name) });
        if self.named.contains_key(model.name) {
            return reference;
        }
        // The name is reserved before the members are described, so that an object may contain itself.
        self.named.insert(model.name.to_owned(), Value::Null);
        let mut properties = Map::new();
        let (mut required, mut either) = (Vec::new(), Vec::new());
        for field in fields {
            let property = self.property(field, request);
            let needed = !request || field.presence == Presence::Required;
            match field.alias.filter(|_| request) {
                Some(alias) => {
                    properties.insert(alias.to_owned(), property.clone());
                    if needed {
                        either.push(json!({ "anyOf": [{ "required": [field.name] }, { "required": [alias] }] }));
                    }
                }
                None if needed => required.push(field.name),
                None => {}
            }
            properties.insert(field.name.to_owned(), property);
        }
        let mut object = json!({ "type": "object", "description": model.about, "properties": properties });
        if !required.is_empty() {
            object["required"] = json!(required);
        }
        if !either.is_empty() {
            object["allOf"] = json!(either);
        }
        self.named.insert(model.name.to_owned(), object);
        reference
    }

    fn property(&mut self, field: &Field, request: bool) -> Value {
        let mut schema = self.value(&field.field_type, request);
        if request {
            schema = with_bounds(schema, field.bounds);
        }
        if field.presence == Presence::Nullable {
            schema = json!({ "anyOf": [schema, { "type": "null" }] });
        }
        if !field.about.is_empty() {
            schema["description"] = field.about.into();
        }
        schema
    }
}

/// Returns the rule that a patch has at least one of the members that change something.
pub(super) fn any_of(model: &ObjectModel) -> Value {
    let changing = model.fields.iter().filter(|field| !field.immutable);
    let names = changing.flat_map(|field| std::iter::once(field.name).chain(field.alias));
    names.map(|name| json!({ "required": [name] })).collect()
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
        ValueBounds::Since1970 => schema["pattern"] = SINCE_1970.into(),
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
/// The year of a moment from 1970 on.
const SINCE_1970: &str = "^(19[7-9][0-9]|[2-9][0-9]{3})-";
/// A time without an offset, on an existing day of the calendar.
const LOCAL_TIME: &str = concat!(
    "^([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))",
    "|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)",
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?$"
);
