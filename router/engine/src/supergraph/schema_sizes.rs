//! The sizes of a schema's parts, by which the size of an introspection is estimated.

use apollo_compiler::Schema;
use apollo_compiler::schema::ExtendedType;

/// The sizes of a schema's parts.
#[derive(Debug, Default)]
pub struct SchemaSizes {
    /// The number of types.
    pub types: u64,
    /// The number of directives.
    pub directives: u64,
    /// The number of fields of a type or input type: the average, rounded up, and the maximum.
    pub fields: (u64, u64),
    /// The number of values of an enum, likewise.
    pub values: (u64, u64),
    /// The number of arguments of a field, likewise.
    pub arguments: (u64, u64),
    /// The number of interfaces of a type, or of types of an interface, likewise.
    pub relatives: (u64, u64),
    /// The average bytes of a description.
    pub description: u64,
}

impl SchemaSizes {
    /// Measures a schema.
    pub fn of(schema: &Schema) -> Self {
        let (mut fields, mut values, mut arguments, mut relatives) =
            <(Vec<u64>, Vec<u64>, Vec<u64>, Vec<u64>)>::default();
        let mut descriptions = Vec::new();
        let mut describe = |text: Option<&str>| descriptions.push(text.map_or(4, |text| text.len() as u64));
        for ty in schema.types.values() {
            describe(ty.description().map(|text| text.as_str()));
            match ty {
                ExtendedType::Object(object) => {
                    fields.push(object.fields.len() as u64);
                    relatives.push(object.implements_interfaces.len() as u64);
                    for field in object.fields.values() {
                        describe(field.description.as_deref());
                        arguments.push(field.arguments.len() as u64);
                    }
                }
                ExtendedType::Interface(any) => {
                    fields.push(any.fields.len() as u64);
                    arguments.extend(any.fields.values().map(|field| field.arguments.len() as u64));
                    relatives.push(schema.types.len() as u64);
                }
                ExtendedType::Union(union) => relatives.push(union.members.len() as u64),
                ExtendedType::InputObject(input) => {
                    fields.push(input.fields.len() as u64);
                    input
                        .fields
                        .values()
                        .for_each(|field| describe(field.description.as_deref()));
                }
                ExtendedType::Enum(words) => values.push(words.values.len() as u64),
                ExtendedType::Scalar(_) => {}
            }
        }
        let types = schema.types.len() as u64;
        let spread = |counts: &[u64], over: u64| {
            let sum: u64 = counts.iter().sum();
            (
                sum.div_ceil(over.max(1)).max(1),
                counts.iter().copied().max().unwrap_or(0).max(1),
            )
        };
        let fields_count = arguments.len() as u64;
        Self {
            types,
            directives: schema.directive_definitions.len() as u64,
            fields: spread(&fields, types),
            values: spread(&values, types),
            arguments: spread(&arguments, fields_count),
            relatives: spread(&relatives, types),
            description: spread(&descriptions, descriptions.len() as u64).0,
        }
    }
}
