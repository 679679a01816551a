//! A graph of the suite: the schemas of its subgraphs, its supergraph and its data, read from one folder.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::Path;

use agora::supergraph::public_schema;
use apollo_compiler::collections::HashMap as NameMap;
use apollo_compiler::executable::{FieldSet, Selection};
use apollo_compiler::schema::{DirectiveList, ExtendedType, FieldDefinition, Implementers};
use apollo_compiler::validation::Valid;
use apollo_compiler::{Name, Schema, ast};
use serde_json::{Map, Value};

/// The definitions that a subgraph's library adds to its schema.
const FEDERATION: &str = r#"
    directive @link(url: String!, import: [String]) repeatable on SCHEMA
    directive @key(fields: String!, resolvable: Boolean = true) repeatable on OBJECT | INTERFACE
    directive @requires(fields: String!) on FIELD_DEFINITION
    directive @provides(fields: String!) on FIELD_DEFINITION
    directive @external on OBJECT | FIELD_DEFINITION
    directive @shareable repeatable on OBJECT | FIELD_DEFINITION
    directive @override(from: String!, label: String) on FIELD_DEFINITION
    directive @interfaceObject on OBJECT
    directive @inaccessible on FIELD_DEFINITION | OBJECT | INTERFACE | UNION | ENUM | ENUM_VALUE | SCALAR | INPUT_OBJECT
        | INPUT_FIELD_DEFINITION | ARGUMENT_DEFINITION
    directive @authenticated on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM
    directive @requiresScopes(scopes: [[String!]!]!) on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM
    scalar _Any
    type _Service {
        sdl: String
    }
    extend type Query {
        _service: _Service!
    }
"#;

/// The name of a type and of one of its fields.
pub type FieldName = (String, String);

/// A graph of the suite.
pub struct Graph {
    /// The composed supergraph.
    pub supergraph: String,
    /// The schema that a client sees, over which the reference executor runs.
    pub public: Valid<Schema>,
    pub subgraphs: BTreeMap<String, SubgraphSchema>,
    /// The objects, by their names (`Product:p1`), and the root types.
    pub rows: Map<String, Value>,
    implementers: NameMap<Name, Implementers>,
    /// The required selections of all subgraphs.
    requirements: HashMap<FieldName, Vec<Selection>>,
    /// The subgraphs that resolve a field.
    owners: HashMap<FieldName, Vec<String>>,
}

/// The schema of one subgraph, with its directives read.
pub struct SubgraphSchema {
    pub name: String,
    pub types: Valid<Schema>,
    /// The keys by which it finds an entity of a type.
    pub keys: HashMap<String, Vec<Vec<Selection>>>,
    pub requires: HashMap<FieldName, Vec<Selection>>,
    pub provides: HashMap<FieldName, Vec<Selection>>,
    external: HashSet<FieldName>,
}

impl Graph {
    /// Reads the graph of a folder.
    pub fn read(folder: &Path) -> Self {
        let text = |name: &str| {
            let path = folder.join(name);
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let supergraph = text("supergraph.graphql");
        let public = public_schema(&supergraph).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut graph = Self {
            implementers: public.implementers_map(),
            supergraph,
            public,
            subgraphs: BTreeMap::new(),
            rows: serde_json::from_str(&text("data.json"))
                .unwrap_or_else(|error| panic!("{}: {error}", folder.display())),
            requirements: HashMap::new(),
            owners: HashMap::new(),
        };
        for entry in fs::read_dir(folder).unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            match file.strip_suffix(".graphql") {
                Some(name) if name != "supergraph" => graph.add(SubgraphSchema::new(name, &text(&file))),
                _ => {}
            }
        }
        graph
    }

    fn add(&mut self, subgraph: SubgraphSchema) {
        let all_fields = subgraph.types.types.values().flat_map(fields);
        for (ty, field) in all_fields {
            if subgraph.is_external(&ty, &field.name) {
                continue;
            }
            for object in self.objects_of(&ty) {
                let owners = self.owners.entry((object, field.name.to_string())).or_default();
                owners.push(subgraph.name.clone());
            }
        }
        for ((ty, field), selections) in &subgraph.requires {
            for object in self.objects_of(ty) {
                self.requirements.insert((object, field.clone()), selections.clone());
            }
        }
        self.subgraphs.insert(subgraph.name.clone(), subgraph);
    }

    /// Returns the object types of an interface of the public schema; for any other type, its own name.
    pub fn objects_of(&self, ty: &str) -> Vec<String> {
        match self.implementers.get(ty) {
            Some(known) => known.objects.iter().map(Name::to_string).collect(),
            None => vec![ty.to_owned()],
        }
    }

    /// Returns the selection that some subgraph requires for a field of an object type.
    pub fn requirement(&self, ty: &str, field: &str) -> Option<&[Selection]> {
        self.requirements
            .get(&(ty.to_owned(), field.to_owned()))
            .map(Vec::as_slice)
    }

    /// Returns the subgraphs that resolve a field of an object type.
    pub fn owners(&self, ty: &str, field: &str) -> &[String] {
        self.owners
            .get(&(ty.to_owned(), field.to_owned()))
            .map_or(&[], Vec::as_slice)
    }
}

impl SubgraphSchema {
    fn new(name: &str, sdl: &str) -> Self {
        let build = |added: &str| {
            Schema::builder()
                .adopt_orphan_extensions()
                .parse(format!("{sdl}\n{FEDERATION}\n{added}"), name)
                .build()
                .unwrap_or_else(|invalid| panic!("{name}: {}", invalid.errors))
                .validate()
                .unwrap_or_else(|invalid| panic!("{name}: {}", invalid.errors))
        };
        let types = build("");
        let mut subgraph = Self {
            name: name.to_owned(),
            keys: HashMap::new(),
            requires: HashMap::new(),
            provides: HashMap::new(),
            external: HashSet::new(),
            types: types.clone(),
        };
        types.types.values().for_each(|ty| subgraph.read_type(&types, ty));
        let is_object = |ty: &&String| types.get_object(ty).is_some();
        let mut entities: Vec<_> = subgraph.keys.keys().filter(is_object).map(String::as_str).collect();
        entities.sort_unstable();
        if !entities.is_empty() {
            let entities = entities.join(" | ");
            subgraph.types = build(&format!(
                "union _Entity = {entities} extend type Query {{ _entities(representations: [_Any!]!): [_Entity]! }}"
            ));
        }
        subgraph
    }

    fn read_type(&mut self, types: &Valid<Schema>, ty: &ExtendedType) {
        let name = ty.name();
        for key in ty.directives().get_all("key") {
            let is_resolvable = key.specified_argument_by_name("resolvable");
            if is_resolvable.and_then(|value| value.to_bool()).unwrap_or(true) {
                let selections = field_set(types, name, argument(key));
                self.keys.entry(name.to_string()).or_default().push(selections);
            }
        }
        for (ty_name, field) in fields(ty) {
            let id = (ty_name, field.name.to_string());
            let has = |directive: &str| field.directives.get(directive);
            if let Some(requires) = has("requires") {
                self.requires
                    .insert(id.clone(), field_set(types, name, argument(requires)));
            }
            if let Some(provides) = has("provides") {
                let selections = field_set(types, field.ty.inner_named_type(), argument(provides));
                self.provides.insert(id.clone(), selections);
            }
            if has("external").is_some() || is_marked(ty.directives(), "external") {
                self.external.insert(id);
            }
        }
    }

    /// Whether only other subgraphs know the field.
    pub fn is_external(&self, ty: &str, field: &str) -> bool {
        let keys = self.keys.get(ty).into_iter().flatten().flatten();
        let mut key_fields = keys.filter_map(Selection::as_field);
        self.external.contains(&(ty.to_owned(), field.to_owned())) && !key_fields.any(|key| key.name == field)
    }
}

fn is_marked(directives: &DirectiveList, name: &str) -> bool {
    directives.get(name).is_some()
}

fn argument(directive: &ast::Directive) -> &str {
    let fields = directive.specified_argument_by_name("fields");
    fields.and_then(|fields| fields.as_str()).expect("`fields` is a string")
}

fn field_set(types: &Valid<Schema>, ty: &Name, text: &str) -> Vec<Selection> {
    let parsed = FieldSet::parse_and_validate(types, ty.clone(), text, "fields")
        .unwrap_or_else(|invalid| panic!("{ty}: {text}: {}", invalid.errors));
    parsed.selection_set.selections.clone()
}

fn fields(ty: &ExtendedType) -> Vec<(String, ast::FieldDefinition)> {
    let fields = match ty {
        ExtendedType::Object(object) => &object.fields,
        ExtendedType::Interface(interface) => &interface.fields,
        _ => return Vec::new(),
    };
    let owned = |field: &FieldDefinition| (ty.name().to_string(), field.clone());
    fields.values().map(|field| owned(field)).collect()
}
