//! The planner's input: an operation as the library's own tree, so that no text is parsed again.

use apollo_compiler::ast::Type;
use apollo_compiler::executable::OperationType;
use apollo_compiler::schema::ExtendedType;
use graphql_tools::parser::query::{
    Definition, Document, Field, InlineFragment, Mutation, OperationDefinition, Query, Selection, SelectionSet,
    Subscription, Type as PlannerType, TypeCondition, Value, VariableDefinition,
};

use crate::supergraph::arguments::Arguments;
use crate::supergraph::canonical::{CanonicalField, CanonicalOperation, CanonicalSelection};
use crate::supergraph::schema::PublicSchema;

/// An operation for the planner.
pub type PlannerDocument = Document<'static, String>;

/// Builds the operation with these root fields. Returns `None` if no field is left for a subgraph: no subgraph resolves
/// introspection and `__typename`.
pub fn planner_document<'c>(
    schema: &PublicSchema,
    operation: &CanonicalOperation,
    roots: impl Iterator<Item = &'c CanonicalField>,
) -> Option<PlannerDocument> {
    let builder = DocumentBuilder {
        schema,
        arguments: &operation.arguments,
    };
    let mut used = vec![false; operation.arguments.list().len()];
    let roots = roots.filter(|field| is_fetched(field));
    let items: Vec<_> = roots
        .map(|field| {
            mark_used(field, &mut used);
            Selection::Field(builder.field(field))
        })
        .collect();
    if items.is_empty() {
        return None;
    }
    let position = Default::default();
    let variables = operation.arguments.list().iter().zip(used);
    let variable_definitions = variables
        .filter(|(_, used)| *used)
        .map(|(argument, _)| VariableDefinition {
            position,
            name: argument.name.to_string(),
            var_type: planner_type(&argument.ty),
            default_value: None,
        })
        .collect();
    let selection_set = set(items);
    let (name, directives) = (None, Vec::new());
    let definition = match operation.kind {
        OperationType::Query => OperationDefinition::Query(Query {
            position,
            name,
            variable_definitions,
            directives,
            selection_set,
        }),
        OperationType::Mutation => OperationDefinition::Mutation(Mutation {
            position,
            name,
            variable_definitions,
            directives,
            selection_set,
        }),
        OperationType::Subscription => OperationDefinition::Subscription(Subscription {
            position,
            name,
            variable_definitions,
            directives,
            selection_set,
        }),
    };
    Some(Document {
        definitions: vec![Definition::Operation(definition)],
    })
}

fn is_fetched(field: &CanonicalField) -> bool {
    !field.is_repeated && !field.name.starts_with("__")
}

struct DocumentBuilder<'a> {
    schema: &'a PublicSchema,
    arguments: &'a Arguments,
}

impl DocumentBuilder<'_> {
    fn field(&self, field: &CanonicalField) -> Field<'static, String> {
        let given = field.arguments.iter().map(|(name, place)| {
            let variable = &self.arguments.list()[*place].name;
            (name.to_string(), Value::Variable(variable.to_string()))
        });
        Field {
            position: Default::default(),
            alias: (field.data_key != field.name).then(|| field.data_key.to_string()),
            name: field.name.to_string(),
            arguments: given.collect(),
            directives: Vec::new(),
            selection_set: self.below(field),
        }
    }

    /// Builds the selections on a field. An empty selection set, which `@skip` can leave, is not valid GraphQL, and an
    /// interface or union must report its type. Both get a `__typename` that the shape does not show.
    fn below(&self, field: &CanonicalField) -> SelectionSet<'static, String> {
        let ty = self.schema.types.types.get(field.ty.inner_named_type());
        let is_any = match ty {
            Some(ExtendedType::Object(_)) => false,
            Some(ExtendedType::Interface(_) | ExtendedType::Union(_)) => true,
            _ => return set(Vec::new()),
        };
        let mut items = self.items(&field.items);
        if is_any || items.is_empty() {
            items.insert(0, typename());
        }
        set(items)
    }

    fn items(&self, items: &[CanonicalSelection]) -> Vec<Selection<'static, String>> {
        let written = items.iter().filter_map(|item| match item {
            CanonicalSelection::Field(field) => is_fetched(field).then(|| Selection::Field(self.field(field))),
            CanonicalSelection::On(ty, inner) => {
                let inner = self.items(inner);
                (!inner.is_empty()).then(|| {
                    Selection::InlineFragment(InlineFragment {
                        position: Default::default(),
                        type_condition: Some(TypeCondition::On(ty.to_string())),
                        directives: Vec::new(),
                        selection_set: set(inner),
                    })
                })
            }
        });
        written.collect()
    }
}

fn typename() -> Selection<'static, String> {
    Selection::Field(Field {
        position: Default::default(),
        alias: None,
        name: "__typename".to_owned(),
        arguments: Vec::new(),
        directives: Vec::new(),
        selection_set: set(Vec::new()),
    })
}

fn set(items: Vec<Selection<'static, String>>) -> SelectionSet<'static, String> {
    SelectionSet {
        span: Default::default(),
        items,
    }
}

fn mark_used(field: &CanonicalField, used: &mut [bool]) {
    for (_, place) in &field.arguments {
        if let Some(used) = used.get_mut(*place) {
            *used = true;
        }
    }
    field.items.iter().for_each(|item| mark_used_below(item, used));
}

fn mark_used_below(item: &CanonicalSelection, used: &mut [bool]) {
    match item {
        CanonicalSelection::Field(field) => mark_used(field, used),
        CanonicalSelection::On(_, inner) => inner.iter().for_each(|item| mark_used_below(item, used)),
    }
}

fn planner_type(ty: &Type) -> PlannerType<'static, String> {
    match ty {
        Type::Named(name) => PlannerType::NamedType(name.to_string()),
        Type::NonNullNamed(name) => PlannerType::NonNullType(Box::new(PlannerType::NamedType(name.to_string()))),
        Type::List(item) => PlannerType::ListType(Box::new(planner_type(item))),
        Type::NonNullList(item) => {
            PlannerType::NonNullType(Box::new(PlannerType::ListType(Box::new(planner_type(item)))))
        }
    }
}
