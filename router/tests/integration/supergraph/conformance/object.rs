//! An object of a graph's data, resolved as one subgraph knows it or as the whole graph does.

use std::sync::Mutex;

use apollo_compiler::executable::Selection;
use serde_json::{Map, Value, json};

use super::field_sets::{self, Arguments};
use super::graph::{Graph, SubgraphSchema};

/// The state of one execution.
#[derive(Clone, Copy)]
pub struct View<'g> {
    pub graph: &'g Graph,
    /// The subgraph that executes; `None` for the reference executor, which knows everything.
    pub subgraph: Option<&'g SubgraphSchema>,
    /// The mutations so far.
    pub log: &'g Mutex<Vec<String>>,
    /// The number of the subscription's event.
    pub event: usize,
}

/// An object in the middle of an execution.
#[derive(Clone)]
pub struct Object<'g> {
    pub view: View<'g>,
    /// The name of its object type in the public schema.
    typename: String,
    /// The name of its type in the schema of the view.
    shown_typename: String,
    fields: &'g Map<String, Value>,
    /// The representation in the request: a subgraph knows only by it what other subgraphs resolve.
    representation: Option<Map<String, Value>>,
    /// The external fields that the path to this object provides.
    provided: Vec<Selection>,
}

/// The value of a field, before it is completed against the schema.
pub enum Resolved<'g> {
    Leaf(Value),
    Object(Object<'g>),
    List(Vec<Result<Resolved<'g>, String>>),
}

/// A field in the middle of its resolution.
struct Field<'f> {
    name: &'f str,
    /// Its declared type, without lists.
    named_type: &'f str,
    arguments: &'f Arguments,
}

impl<'g> View<'g> {
    /// Returns the object of a root type.
    pub fn root(self, typename: &str) -> Object<'g> {
        let fields = self.graph.rows.get(typename).and_then(Value::as_object);
        let fields = fields.unwrap_or_else(|| panic!("data.json has no `{typename}`"));
        self.object(typename, fields)
    }

    fn row(self, name: &str) -> Object<'g> {
        let fields = self.graph.rows.get(name).and_then(Value::as_object);
        let fields = fields.unwrap_or_else(|| panic!("data.json has no `{name}`"));
        self.object(name.split(':').next().unwrap(), fields)
    }

    fn object(self, typename: &str, fields: &'g Map<String, Value>) -> Object<'g> {
        Object {
            view: self,
            typename: typename.to_owned(),
            shown_typename: self.shown_typename(typename),
            fields,
            representation: None,
            provided: Vec::new(),
        }
    }

    /// Returns the name of an object type in the schema of the view, where it may be an interface object.
    fn shown_typename(self, typename: &str) -> String {
        let Some(subgraph) = self.subgraph else {
            return typename.to_owned();
        };
        let is_object = |name: &str| subgraph.types.get_object(name).is_some();
        let interfaces = self.graph.public.get_object(typename).into_iter();
        let interfaces = interfaces.flat_map(|object| &object.implements_interfaces);
        let mut names = std::iter::once(typename).chain(interfaces.map(|name| name.as_str()));
        names.find(|name| is_object(name)).unwrap_or(typename).to_owned()
    }

    /// Returns the rows of a type whose fields equal those arguments that name fields.
    fn rows(self, ty: &str, arguments: &Arguments) -> Vec<Object<'g>> {
        let types = self.graph.objects_of(ty);
        let is_of_type = |name: &str| {
            name.split_once(':')
                .is_some_and(|(ty, _)| types.iter().any(|known| known == ty))
        };
        let names = self.graph.rows.keys().filter(|name| is_of_type(name));
        let equals = |object: &Object<'g>| {
            let mut named = arguments
                .iter()
                .filter(|(name, value)| !value.is_null() && object.fields.contains_key(*name));
            named.all(|(name, value)| field_sets::is_same(&object.fields[name], value))
        };
        names.map(|name| self.row(name)).filter(equals).collect()
    }

    /// Returns the entity of a representation, or why the subgraph cannot tell which one it is.
    pub fn entity(self, representation: &Value) -> Result<Option<Object<'g>>, String> {
        let subgraph = self.subgraph.expect("only a subgraph has `_entities`");
        let typename = representation["__typename"]
            .as_str()
            .ok_or("a representation has no `__typename`")?;
        let keys = subgraph.keys.get(typename);
        let keys = keys.ok_or_else(|| format!("`{typename}` is no entity of `{}`", subgraph.name))?;
        let sent = |key: &Vec<Selection>| Some((key.clone(), field_sets::select(subgraph, representation, key).ok()?));
        let (key, value) = keys
            .iter()
            .find_map(sent)
            .ok_or_else(|| format!("no key of `{typename}` is in {representation}"))?;
        let merged = View { subgraph: None, ..self };
        let found = merged.rows(typename, &Arguments::new()).into_iter().find(|row| {
            let known = row.select(&key);
            known.is_ok_and(|known| field_sets::is_same(&known, &value))
        });
        let is_absent = |row: &Object<'g>| row.is_absent_from(&subgraph.name);
        let entity = found.filter(|row| !is_absent(row)).map(|row| Object {
            representation: representation.as_object().cloned(),
            ..self.object(&row.typename, row.fields)
        });
        Ok(entity)
    }
}

impl<'g> Object<'g> {
    /// Returns the name of its type in the schema of the view.
    pub fn shown_typename(&self) -> &str {
        &self.shown_typename
    }

    /// Resolves a field. `named_type` is its declared type without lists.
    pub fn resolve(&self, name: &str, named_type: &str, arguments: &Arguments) -> Result<Resolved<'g>, String> {
        match self.view.subgraph {
            Some(subgraph) => self.require_known(subgraph, name)?,
            None => self.require_present(name)?,
        }
        let value = self.fields.get(name);
        let value = value.ok_or_else(|| format!("data.json has no `{name}` of `{}`", self.typename))?;
        let field = Field {
            name,
            named_type,
            arguments,
        };
        self.value(value, &field)
    }

    /// Refuses a field that only other subgraphs know.
    fn require_known(&self, subgraph: &SubgraphSchema, name: &str) -> Result<(), String> {
        let is_provided = field_sets::field(&self.provided, name).is_some();
        if subgraph.is_external(&self.shown_typename, name) && !is_provided {
            return Err(format!(
                "`{name}` is external in `{}` and not provided here",
                subgraph.name
            ));
        }
        Ok(())
    }

    /// Refuses a field that only subgraphs resolve that do not have the object.
    fn require_present(&self, name: &str) -> Result<(), String> {
        let owners = self.view.graph.owners(&self.typename, name);
        if !owners.is_empty() && owners.iter().all(|owner| self.is_absent_from(owner)) {
            return Err(format!("{} not found", self.typename));
        }
        Ok(())
    }

    fn is_absent_from(&self, subgraph: &str) -> bool {
        let absent = self.fields.get("$absent").and_then(Value::as_array);
        absent.is_some_and(|absent| absent.iter().any(|name| name == subgraph))
    }

    fn value(&self, value: &'g Value, field: &Field<'_>) -> Result<Resolved<'g>, String> {
        match value {
            Value::Array(items) => {
                let items = items.iter().map(|item| self.value(item, field));
                Ok(Resolved::List(items.collect()))
            }
            Value::Object(object) => match object.keys().find(|key| key.starts_with('$')) {
                Some(form) => self.computed(form, object, field),
                None => {
                    let typename = object.get("__typename").and_then(Value::as_str);
                    let inner = self.view.object(typename.unwrap_or(field.named_type), object);
                    Ok(Resolved::Object(self.child(inner, field)))
                }
            },
            leaf => Ok(Resolved::Leaf(leaf.clone())),
        }
    }

    /// Resolves one of the forms that the README of the suite describes.
    fn computed(&self, form: &str, object: &'g Map<String, Value>, field: &Field<'_>) -> Result<Resolved<'g>, String> {
        let inner = &object[form];
        let text = || {
            inner
                .as_str()
                .unwrap_or_else(|| panic!("`{form}` of `{}` has no text", field.name))
        };
        let leaf = |value: Value| Ok(Resolved::Leaf(value));
        match form {
            "$error" => Err(text().to_owned()),
            "$scalar" => leaf(inner.clone()),
            "$ref" => Ok(Resolved::Object(self.child(self.view.row(text()), field))),
            "$find" => match self.view.rows(text(), field.arguments).into_iter().next() {
                Some(found) => Ok(Resolved::Object(self.child(found, field))),
                None => leaf(Value::Null),
            },
            "$all" => {
                let rows = self.view.rows(text(), field.arguments).into_iter();
                Ok(Resolved::List(
                    rows.map(|row| Ok(Resolved::Object(self.child(row, field)))).collect(),
                ))
            }
            "$arguments" => leaf(json!(Value::Object(field.arguments.clone()).to_string())),
            "$by" => {
                let given = field.arguments.get(text()).unwrap_or(&Value::Null);
                let chosen = object.get(&field_sets::plain(given)).or_else(|| object.get("*"));
                self.value(chosen.ok_or_else(|| format!("no value for {given}"))?, field)
            }
            "$in" => {
                let name = self.view.subgraph.map_or("*", |subgraph| &subgraph.name);
                self.value(inner.get(name).unwrap_or_else(|| &inner["*"]), field)
            }
            "$required" => leaf(json!(self.required(field)?.to_string())),
            "$sum" => leaf(field_sets::sum(&self.required(field)?, inner)),
            "$log" => Ok(log_lines(&self.view.log.lock().unwrap())),
            "$append" => self.append(text(), object.get("then"), field),
            "$events" => self.value(&inner[self.view.event], field),
            _ => panic!("`{form}` is no form of a value"),
        }
    }

    /// Writes a mutation to the log, and returns what it is told to, or the log.
    fn append(&self, text: &str, then: Option<&'g Value>, field: &Field<'_>) -> Result<Resolved<'g>, String> {
        let arguments = field.arguments.values().map(field_sets::plain);
        let line: Vec<_> = std::iter::once(text.to_owned()).chain(arguments).collect();
        let mut log = self.view.log.lock().unwrap();
        log.push(line.join(" "));
        match then {
            Some(then) => {
                drop(log);
                self.value(then, field)
            }
            None => Ok(log_lines(&log)),
        }
    }

    /// Returns the values of the fields that this field requires: from the representation, or, for the reference executor,
    /// from the data.
    fn required(&self, field: &Field<'_>) -> Result<Value, String> {
        let Some(subgraph) = self.view.subgraph else {
            let requirement = self.view.graph.requirement(&self.typename, field.name);
            return self.select(requirement.unwrap_or_else(|| panic!("`{}` requires nothing", field.name)));
        };
        let id = (self.shown_typename.clone(), field.name.to_owned());
        let requirement = subgraph.requires.get(&id);
        let requirement = requirement.unwrap_or_else(|| panic!("`{}` requires nothing", field.name));
        let sent = self
            .representation
            .clone()
            .ok_or_else(|| format!("`{}` needs a representation", field.name))?;
        field_sets::select(subgraph, &Value::Object(sent), requirement)
    }

    /// Returns an object below a field, with what the field provides of it.
    fn child(&self, mut child: Self, field: &Field<'_>) -> Self {
        let Some(subgraph) = self.view.subgraph else {
            return child;
        };
        let id = (self.shown_typename.clone(), field.name.to_owned());
        let own = subgraph.provides.get(&id).into_iter().flatten().cloned();
        let outer = field_sets::field(&self.provided, field.name);
        let outer = outer
            .into_iter()
            .flat_map(|field| field.selection_set.selections.clone());
        child.provided = own
            .chain(outer)
            .flat_map(|selection| field_sets::applicable(&subgraph.types, selection, &child.shown_typename))
            .collect();
        child
    }

    /// Returns the values of a selection as the whole graph knows them; a field that fails is null.
    fn select(&self, selections: &[Selection]) -> Result<Value, String> {
        let merged = Object {
            view: View {
                subgraph: None,
                ..self.view
            },
            ..self.clone()
        };
        let mut values = Map::new();
        for selection in selections {
            match selection {
                Selection::Field(field) if field.name == "__typename" => {
                    values.insert("__typename".into(), json!(merged.typename));
                }
                Selection::Field(field) => {
                    let (named_type, arguments) =
                        (field.definition.ty.inner_named_type(), field_sets::arguments(field));
                    let value = match merged.resolve(&field.name, named_type, &arguments) {
                        Ok(resolved) => resolved.select(&field.selection_set.selections)?,
                        Err(_) => Value::Null,
                    };
                    values.insert(field.name.to_string(), value);
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.type_condition.as_ref();
                    let applies = condition.is_none_or(|condition| {
                        *condition == *merged.typename || self.view.graph.public.is_subtype(condition, &merged.typename)
                    });
                    if applies && let Value::Object(inner) = merged.select(&fragment.selection_set.selections)? {
                        values.extend(inner);
                    }
                }
                Selection::FragmentSpread(_) => return Err("a field set has no fragment".into()),
            }
        }
        Ok(Value::Object(values))
    }
}

fn log_lines<'g>(log: &[String]) -> Resolved<'g> {
    Resolved::List(log.iter().map(|line| Ok(Resolved::Leaf(json!(line)))).collect())
}

impl Resolved<'_> {
    fn select(&self, selections: &[Selection]) -> Result<Value, String> {
        match self {
            Self::Leaf(value) => Ok(value.clone()),
            Self::Object(object) => object.select(selections),
            Self::List(items) => {
                let select = |item: &Result<Resolved<'_>, String>| match item {
                    Ok(item) => item.select(selections),
                    Err(_) => Ok(Value::Null),
                };
                items.iter().map(select).collect()
            }
        }
    }
}
