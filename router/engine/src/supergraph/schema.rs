//! The public schema: the supergraph without the parts that only the router needs.

use apollo_compiler::ast::{Definition, Document, OperationType};
use apollo_compiler::collections::{HashMap, HashSet};
use apollo_compiler::parser::Parser;
use apollo_compiler::schema::{ExtendedType, Implementers};
use apollo_compiler::validation::Valid;
use apollo_compiler::{Name, Schema};
use foundation::Scalar;

use super::access::AccessRules;
use super::error::SupergraphError;
use super::introspection_fields;
use super::public_document::public_document;
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
    /// The access rules of its types and fields.
    pub access: AccessRules,
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
            access: AccessRules::of(supergraph),
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
    let supergraph = supergraph_document(supergraph_sdl)?;
    if !has_query_type(&supergraph) {
        return Err(SupergraphError::Schema("it has no query type".into()));
    }
    Ok(public_document(supergraph).to_string())
}

fn has_query_type(document: &Document) -> bool {
    let name = root_type(document, OperationType::Query);
    let mut definitions = document.definitions.iter();
    definitions.any(|definition| matches!(definition, Definition::ObjectTypeDefinition(object) if object.name == *name))
}

/// Returns the name of a root type of a supergraph.
pub fn root_type(document: &Document, kind: OperationType) -> String {
    let declared = document.definitions.iter().find_map(|definition| match definition {
        Definition::SchemaDefinition(schema) => schema.root_operations.iter().find(|root| root.0 == kind),
        _ => None,
    });
    declared.map_or_else(|| kind.default_type_name().to_string(), |root| root.1.to_string())
}
