//! The public schema: the supergraph without the parts that only the router needs.

use apollo_compiler::ast::Document;
use apollo_compiler::collections::{HashMap, HashSet};
use apollo_compiler::parser::Parser;
use apollo_compiler::schema::{ExtendedType, Implementers};
use apollo_compiler::validation::Valid;
use apollo_compiler::{Name, Schema};
use foundation::Scalar;
use hive_router_query_planner::consumer_schema::ConsumerSchema;
use hive_router_query_planner::utils::parsing::safe_parse_schema;

use super::error::SupergraphError;
use super::introspection_fields;
use super::schema_sizes::SchemaSizes;
use super::text_bounds::TextBounds;

/// The public schema, prepared for validation and introspection.
pub struct PublicSchema {
    /// The types.
    pub types: Valid<Schema>,
    /// The implementing types of each interface.
    pub implementers: HashMap<Name, Implementers>,
    /// The names of all fields of all types.
    pub field_names: HashSet<Name>,
    /// The sizes of its parts, for introspection.
    pub sizes: SchemaSizes,
    /// The maximum lengths of texts.
    pub texts: TextBounds,
    /// The custom scalars whose formats are known.
    scalars: &'static [Scalar],
}

impl PublicSchema {
    /// Prepares the public types of a supergraph.
    pub fn new(types: Valid<Schema>, supergraph: &Document, scalars: &'static [Scalar]) -> Self {
        let implementers = types.implementers_map();
        let sizes = SchemaSizes::of(&types);
        let field_names = types.types.values().flat_map(field_names).cloned().collect();
        Self {
            types,
            implementers,
            field_names,
            sizes,
            texts: TextBounds::of(supergraph),
            scalars,
        }
    }

    /// Returns the custom scalar of that name, if its format is known.
    pub fn scalar(&self, name: &str) -> Option<&'static Scalar> {
        Scalar::named(self.scalars, name)
    }

    /// Returns the object types of a value of this type; for an object type, the type itself.
    pub fn possible_types<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        match self.types.types.get(name) {
            Some(ExtendedType::Union(union)) => union.members.iter().map(|member| member.as_str()).collect(),
            Some(ExtendedType::Interface(_)) => self.implementers.get(name).map_or_else(Vec::new, |known| {
                known.objects.iter().map(|object| object.as_str()).collect()
            }),
            _ => vec![name],
        }
    }
}

fn field_names(ty: &ExtendedType) -> Vec<&Name> {
    match ty {
        ExtendedType::Object(object) => object.fields.keys().collect(),
        ExtendedType::Interface(interface) => interface.fields.keys().collect(),
        _ => Vec::new(),
    }
}

/// Parses a supergraph.
///
/// # Errors
/// When it is not SDL.
pub fn supergraph_document(supergraph_sdl: &str) -> Result<Document, SupergraphError> {
    Parser::new()
        .parse_ast(supergraph_sdl, "supergraph.graphql")
        .map_err(|invalid| SupergraphError::Schema(invalid.errors.to_string()))
}

/// Returns the public schema of a supergraph, with the introspection types.
///
/// # Errors
/// As [`public_sdl`].
pub fn public_schema(supergraph_sdl: &str) -> Result<Valid<Schema>, SupergraphError> {
    let sdl = public_sdl(supergraph_sdl)?;
    let types = Schema::parse_and_validate(format!("{sdl}\n{ONE_OF}"), "schema.graphql")
        .map_err(|invalid| SupergraphError::Schema(invalid.errors.to_string()))?;
    let mut types = types.into_inner();
    introspection_fields::add(&mut types);
    Ok(Valid::assume_valid(types))
}

/// This directive of the September 2025 edition, which the library does not have built in.
const ONE_OF: &str = "\"Exactly one field of the input object has to be given, and not be null.\"
directive @oneOf on INPUT_OBJECT";

/// Returns the public schema of a supergraph as SDL, the content of `schema.graphql`.
///
/// # Errors
/// When the supergraph is not SDL, or has no query type.
pub fn public_sdl(supergraph_sdl: &str) -> Result<String, SupergraphError> {
    use graphql_tools::parser::schema::{Definition, TypeDefinition};

    let supergraph = safe_parse_schema(supergraph_sdl).map_err(|error| SupergraphError::Schema(error.to_string()))?;
    if supergraph_query_type(&supergraph).is_none() {
        return Err(SupergraphError::Schema("it has no query type".into()));
    }
    let public = ConsumerSchema::new_from_supergraph(&supergraph);
    let mut document = (*public.document).clone();
    // The planner adds the introspection types; every GraphQL library has its own.
    document.definitions.retain(|definition| match definition {
        Definition::DirectiveDefinition(directive) => !BUILT_IN_DIRECTIVES.contains(&directive.name.as_str()),
        Definition::TypeDefinition(TypeDefinition::Scalar(scalar)) => {
            !BUILT_IN_SCALARS.contains(&scalar.name.as_str()) && !is_of_composition(&scalar.name)
        }
        // The planner removes the types of `join` v0.3, and not those that later versions add.
        Definition::TypeDefinition(TypeDefinition::InputObject(input)) => !is_of_composition(&input.name),
        Definition::TypeDefinition(TypeDefinition::Object(object)) => !object.name.starts_with("__"),
        Definition::TypeDefinition(TypeDefinition::Enum(list)) => {
            !list.name.starts_with("__") && !is_of_composition(&list.name)
        }
        _ => true,
    });
    for definition in &mut document.definitions {
        if let Definition::TypeDefinition(TypeDefinition::Object(object)) = definition {
            object.fields.retain(|field| !field.name.starts_with("__"));
        }
    }
    // The other library prints the document, because it indents the fields of a block.
    let document = apollo_compiler::ast::Document::parse(document.to_string(), "schema.graphql")
        .map_err(|invalid| SupergraphError::Schema(invalid.errors.to_string()))?;
    Ok(document.to_string())
}

/// Whether a type belongs to the specifications that a composition imports, not to the subgraphs.
fn is_of_composition(name: &str) -> bool {
    name.starts_with("join__") || name.starts_with("link__")
}

const BUILT_IN_DIRECTIVES: [&str; 5] = ["skip", "include", "deprecated", "specifiedBy", "oneOf"];
const BUILT_IN_SCALARS: [&str; 5] = ["Boolean", "Float", "Int", "ID", "String"];

fn supergraph_query_type(document: &graphql_tools::static_graphql::schema::Document) -> Option<String> {
    use graphql_tools::parser::schema::{Definition, TypeDefinition};

    let declared = document.definitions.iter().find_map(|definition| match definition {
        Definition::SchemaDefinition(schema) => schema.query.clone(),
        _ => None,
    });
    let name = declared.unwrap_or_else(|| "Query".into());
    document
        .definitions
        .iter()
        .any(|definition| {
            matches!(definition, Definition::TypeDefinition(TypeDefinition::Object(object)) if object.name == name)
        })
        .then_some(name)
}
