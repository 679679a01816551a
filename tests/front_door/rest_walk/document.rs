//! Reads from an OpenAPI document what the walk needs of its operations.

use serde_json::{Map, Value};

/// One method of one path.
pub struct DocumentedRoute {
    pub mount: String,
    pub verb: String,
    prefix: String,
    path: String,
    item: Value,
    document: Value,
    /// The example of the body.
    pub example: Option<Value>,
}

/// A field of a body, or a parameter.
pub struct Field {
    pub name: String,
    pub schema: Value,
    /// `path`, `query` or `body`.
    pub place: String,
}

/// Returns all operations of a mount's document.
pub fn operations(mount: &str, prefix: &str, document: Value) -> Vec<DocumentedRoute> {
    let paths = document["paths"].as_object().expect("paths").clone();
    let operations = paths.iter().flat_map(|(path, item)| {
        let document = &document;
        item.as_object()
            .expect("methods")
            .iter()
            .map(move |(verb, item)| DocumentedRoute {
                mount: mount.to_owned(),
                verb: verb.to_uppercase(),
                prefix: prefix.to_owned(),
                path: path.clone(),
                example: item.pointer("/requestBody/content/application~1json/example").cloned(),
                item: item.clone(),
                document: document.clone(),
            })
    });
    operations.collect()
}

impl DocumentedRoute {
    pub fn name(&self) -> String {
        format!("{} {}{}", self.verb, self.prefix, self.path)
    }

    /// Returns the path with the examples of its parameters, or with another value for one of them.
    pub fn path_with(&self, other: Option<(&str, &str)>) -> String {
        let mut path = format!("{}{}", self.prefix, self.path);
        let mut query = Vec::new();
        for parameter in self.item["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().expect("a name");
            let example = match &parameter["example"] {
                Value::String(text) => text.replace(' ', "%20"),
                Value::Array(items) => items.iter().map(Value::to_string).collect::<Vec<_>>().join(","),
                other => other.to_string(),
            };
            let value = match other.filter(|(known, _)| *known == name) {
                Some((_, value)) => value.to_owned(),
                None if parameter["example"].is_null() => continue,
                None => example,
            };
            match parameter["in"].as_str() {
                Some("path") => path = path.replace(&format!("{{{name}}}"), &value),
                Some("query") => query.push(format!("{name}={value}")),
                _ => {}
            }
        }
        if query.is_empty() {
            path
        } else {
            format!("{path}?{}", query.join("&"))
        }
    }

    /// Returns the parameters in path and query.
    pub fn parameters(&self) -> Vec<Field> {
        let all = self.item["parameters"].as_array().into_iter().flatten();
        let placed = all.filter(|parameter| parameter["in"] != "header");
        let field = |parameter: &Value| Field {
            name: parameter["name"].as_str().expect("a name").to_owned(),
            schema: parameter["schema"].clone(),
            place: parameter["in"].as_str().expect("a place").to_owned(),
        };
        placed.map(field).collect()
    }

    /// Returns every field of the body. A nested field has the object's name and a dot in front of its own.
    pub fn members(&self) -> Vec<Field> {
        let schema = &self.item["requestBody"]["content"]["application/json"]["schema"];
        self.below("", schema)
    }

    /// Returns the example with everything that is required above and beside a field.
    pub fn example_around(&self, name: &str) -> Option<Value> {
        let mut example = self.example.clone()?;
        if let Some((above, _)) = name.rsplit_once('.')
            && example.get(above).is_none()
        {
            let members = self.members();
            let object = members.iter().find(|field| field.name == above)?;
            let alternatives = object.schema["anyOf"].as_array();
            let object = alternatives.map_or(&object.schema, |any| &any[0]);
            let object = self.at_its_place(object);
            let required = object["required"].as_array()?.iter().filter_map(Value::as_str);
            example[above] = required
                .map(|name| (name.to_owned(), Value::from("1")))
                .collect::<Map<_, _>>()
                .into();
        }
        Some(example)
    }

    fn below(&self, above: &str, schema: &Value) -> Vec<Field> {
        let mut fields = Vec::new();
        for (name, schema) in self.properties(schema) {
            let name = format!("{above}{name}");
            fields.extend(self.below(&format!("{name}."), &schema));
            let place = "body".to_owned();
            fields.push(Field { name, schema, place });
        }
        fields
    }

    /// Returns the properties of a schema and of its alternatives.
    fn properties(&self, schema: &Value) -> Map<String, Value> {
        let schema = self.at_its_place(schema);
        let mut properties = Map::new();
        for word in ["allOf", "oneOf", "anyOf"] {
            let alternatives = schema[word].as_array().into_iter().flatten();
            properties.extend(alternatives.flat_map(|one| self.properties(one)));
        }
        let own = schema["properties"].as_object().into_iter().flatten();
        properties.extend(own.map(|(name, schema)| (name.clone(), self.at_its_place(schema))));
        properties
    }

    fn at_its_place(&self, schema: &Value) -> Value {
        match schema["$ref"].as_str() {
            Some(reference) => {
                let place = self.document.pointer(&reference[1..]).expect("what is referred to");
                self.at_its_place(place)
            }
            None => schema.clone(),
        }
    }
}

/// Returns the example with this JSON as the value of a field at any depth.
pub fn replaced(example: &Value, name: &str, json: &str) -> String {
    const MARK: &str = "\u{1}here\u{1}";
    let mut body = example.clone();
    let mut place = &mut body;
    for part in name.split('.') {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[part];
    }
    *place = MARK.into();
    body.to_string().replace(&Value::from(MARK).to_string(), json)
}

/// Returns the example with a field twice, or `None` when the example lacks the field at its top level.
pub fn doubled(example: &Value, name: &str) -> Option<String> {
    let value = example.get(name)?;
    let whole = example.to_string();
    Some(format!("{{\"{name}\":{value},{}", &whole[1..]))
}
