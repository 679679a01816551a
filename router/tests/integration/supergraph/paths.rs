//! The planner can plan every path of the public schema.

use std::collections::HashSet;

use agora::domains::SUPERGRAPH_SDL;
use agora::supergraph::{Supergraph, public_sdl};
use apollo_compiler::ast::Type;
use apollo_compiler::schema::{ExtendedType, FieldDefinition};
use apollo_compiler::validation::Valid;
use apollo_compiler::{Name, Schema};

/// The most fields in a path: objects, and a leaf at its end.
const DEPTH: usize = 6;

/// A field with its required arguments, and the type that it returns.
struct PathField<'s> {
    name: &'s str,
    text: String,
    ty: &'s ExtendedType,
}

struct SchemaWalk<'s> {
    schema: &'s Valid<Schema>,
    supergraph: Supergraph,
    /// The types that have been walked, each with the subgraphs that its objects come from.
    walked: HashSet<(Name, String)>,
    /// The operations that could not be planned.
    failed: Vec<String>,
    planned: usize,
}

impl<'s> SchemaWalk<'s> {
    fn new(schema: &'s Valid<Schema>) -> Self {
        Self {
            schema,
            supergraph: Supergraph::without_subgraphs(SUPERGRAPH_SDL, &contract::SCALARS).unwrap(),
            walked: HashSet::new(),
            failed: Vec::new(),
            planned: 0,
        }
    }

    fn fields(&self, ty: &'s ExtendedType) -> Vec<(&'s Name, &'s FieldDefinition)> {
        let fields = match ty {
            ExtendedType::Object(object) => &object.fields,
            ExtendedType::Interface(any) => &any.fields,
            _ => panic!("walk unions, too, now that there are some"),
        };
        fields.iter().map(|(name, field)| (name, &***field)).collect()
    }

    fn steps(&self, ty: &'s ExtendedType) -> (Vec<PathField<'s>>, Vec<PathField<'s>>) {
        let steps = self.fields(ty).into_iter().map(|(name, field)| {
            let required = field.arguments.iter().filter(|argument| argument.is_required());
            let given: Vec<_> = required
                .map(|argument| format!("{}: {}", argument.name, self.made_up(&argument.ty)))
                .collect();
            let text = if given.is_empty() {
                name.to_string()
            } else {
                format!("{name}({})", given.join(", "))
            };
            PathField {
                name: name.as_str(),
                text,
                ty: &self.schema.types[field.ty.inner_named_type()],
            }
        });
        let (mut objects, leaves): (Vec<_>, Vec<_>) = steps.partition(|step| !is_leaf(step.ty));
        objects.extend(self.fragments(ty));
        (objects, leaves)
    }

    /// Returns a fragment for each type of an interface.
    fn fragments(&self, ty: &ExtendedType) -> Vec<PathField<'s>> {
        let implements = |object: &&'s ExtendedType| match object {
            ExtendedType::Object(object) => object.implements_interfaces.contains(ty.name()),
            _ => false,
        };
        let objects = self.schema.types.values().filter(implements);
        let fragment = |ty: &'s ExtendedType| PathField {
            name: ty.name().as_str(),
            text: format!("... on {}", ty.name()),
            ty,
        };
        objects.map(fragment).collect()
    }

    fn made_up(&self, ty: &Type) -> String {
        if ty.is_list() {
            return "[]".to_owned();
        }
        match &self.schema.types[ty.inner_named_type()] {
            ExtendedType::Enum(words) => words.values.keys().next().unwrap().to_string(),
            ExtendedType::InputObject(input) => {
                let required = input.fields.values().filter(|field| field.is_required());
                let members: Vec<_> = required
                    .map(|field| format!("{}: {}", field.name, self.made_up(&field.ty)))
                    .collect();
                format!("{{{}}}", members.join(", "))
            }
            scalar => match scalar.name().as_str() {
                "Int" | "Float" => "1".to_owned(),
                "Boolean" => "true".to_owned(),
                "Money" => "{amount: \"1\"}".to_owned(),
                "Date" => "\"2026-01-01\"".to_owned(),
                "DateTime" => "\"2026-01-01T00:00:00Z\"".to_owned(),
                _ => "\"1\"".to_owned(),
            },
        }
    }

    /// Plans these selections of a path together, and each of them alone when that fails.
    fn plan(&mut self, path: &[String], selections: &[String]) {
        if !selections.is_empty() && !self.is_planned(path, &selections.join(" ")) {
            for selection in selections {
                if !self.is_planned(path, selection) {
                    self.failed.push(operation(path, selection));
                }
            }
        }
    }

    fn is_planned(&mut self, path: &[String], selection: &str) -> bool {
        self.planned += 1;
        let operation = operation(path, selection);
        match self.supergraph.check_operation(&operation) {
            Ok(_) => true,
            Err(refusal) => {
                let code = refusal.code().as_str();
                assert!(
                    matches!(code, "INTERNAL" | "OPERATION_NOT_SUPPORTED"),
                    "{operation}: {refusal}"
                );
                false
            }
        }
    }

    /// Plans all selections one or two fields below a path, and continues below them.
    fn below(&mut self, path: &mut Vec<String>, ty: &'s ExtendedType) {
        let objects = self.next(path, ty);
        // The path has the operation type and the fields so far; the next selection adds an object and its leaf.
        if path.len() < DEPTH - 1 {
            let is_fragment = matches!(ty, ExtendedType::Interface(_));
            for object in objects {
                path.push(object.text);
                if is_fragment {
                    // The paths below one object are those below the same object elsewhere.
                    self.next(path, object.ty);
                } else {
                    self.below(path, object.ty);
                }
                path.pop();
            }
        }
    }

    /// Plans all selections one or two fields below a path. Returns the objects among the next fields.
    fn next(&mut self, path: &[String], ty: &'s ExtendedType) -> Vec<PathField<'s>> {
        let (objects, leaves) = self.steps(ty);
        let mut selections: Vec<_> = leaves.into_iter().map(|leaf| leaf.text).collect();
        for object in &objects {
            let (_, leaves) = self.steps(object.ty);
            let leaves: Vec<_> = leaves.into_iter().map(|leaf| leaf.text).collect();
            if !leaves.is_empty() {
                selections.push(format!("{} {{ {} }}", object.text, leaves.join(" ")));
            }
        }
        if matches!(ty, ExtendedType::Interface(_)) {
            // Together, the fields of all types are more than one operation may have.
            selections
                .iter()
                .for_each(|one| self.plan(path, std::slice::from_ref(one)));
        } else {
            self.plan(path, &selections);
        }
        objects
    }

    /// Walks a root type. To the planner, the paths below an object of one type and one set of subgraphs are the same below every
    /// root field. They are walked once; for the other root fields with such objects, only the next fields are planned.
    fn root(&mut self, kind: &str, ty: &'s str, resolvers: &impl Fn(&str) -> String) {
        let (objects, leaves) = self.steps(&self.schema.types[ty]);
        let mut path = vec![kind.to_owned()];
        for leaf in leaves {
            self.plan(&path, &[leaf.text]);
        }
        for object in objects {
            let returned = (object.ty.name().clone(), resolvers(object.name));
            path.push(object.text);
            if self.walked.insert(returned) {
                self.below(&mut path, object.ty)
            } else {
                let (_, leaves) = self.steps(object.ty);
                let leaves: Vec<_> = leaves.into_iter().map(|leaf| leaf.text).collect();
                self.plan(&path, &leaves);
            }
            path.pop();
        }
    }
}

fn is_leaf(ty: &ExtendedType) -> bool {
    matches!(ty, ExtendedType::Scalar(_) | ExtendedType::Enum(_))
}

fn operation(path: &[String], selection: &str) -> String {
    let mut text = path.join(" { ");
    text = format!("{text} {{ {selection} ");
    text + &"}".repeat(path.len())
}

/// Returns the subgraphs that resolve a field of a type, as the supergraph writes them.
fn resolvers(supergraph: &apollo_compiler::ast::Document, ty: &str, field: &str) -> String {
    use apollo_compiler::ast::Definition;
    let object = supergraph.definitions.iter().find_map(|definition| match definition {
        Definition::ObjectTypeDefinition(object) if object.name == ty => Some(object),
        _ => None,
    });
    let field = object.unwrap().fields.iter().find(|known| known.name == field).unwrap();
    let joins = field
        .directives
        .iter()
        .filter(|directive| directive.name == "join__field");
    joins.map(ToString::to_string).collect()
}

#[test]
fn every_path_of_the_public_schema_is_planned() {
    let schema = Schema::parse_and_validate(public_sdl(SUPERGRAPH_SDL).unwrap(), "schema.graphql").unwrap();
    let supergraph = apollo_compiler::ast::Document::parse(SUPERGRAPH_SDL, "supergraph.graphql").unwrap();
    let mut walk = SchemaWalk::new(&schema);
    for (kind, ty) in [
        ("query", "Query"),
        ("mutation", "Mutation"),
        ("subscription", "Subscription"),
    ] {
        walk.root(kind, ty, &|field| resolvers(&supergraph, ty, field));
    }
    let failed = walk.failed.join("\n");
    assert!(
        failed.is_empty(),
        "{} of {} failed:\n{failed}",
        walk.failed.len(),
        walk.planned
    );
    assert!(walk.planned > 500, "only {} were planned", walk.planned);
}

/// The most objects on a path to the leaf of the next test.
const OBJECTS: usize = 5;

impl<'s> SchemaWalk<'s> {
    /// Plans all paths below this one that end with a leaf of this name.
    fn paths_to(&mut self, leaf: &str, path: &mut Vec<String>, ty: &'s ExtendedType) {
        let (objects, leaves) = self.steps(ty);
        if leaves.iter().any(|known| known.name == leaf) {
            self.plan(path, &[leaf.to_owned()]);
        }
        if path.len() <= OBJECTS {
            for object in objects {
                path.push(object.text);
                self.paths_to(leaf, path, object.ty);
                path.pop();
            }
        }
    }
}

/// The library that planned before failed on 141 of such paths.
#[test]
fn every_path_to_a_field_of_another_subgraph_is_planned() {
    let schema = Schema::parse_and_validate(public_sdl(SUPERGRAPH_SDL).unwrap(), "schema.graphql").unwrap();
    let mut walk = SchemaWalk::new(&schema);
    walk.paths_to("portfolioValue", &mut vec!["query".to_owned()], &schema.types["Query"]);
    assert!(
        walk.failed.is_empty(),
        "{} of {} failed",
        walk.failed.len(),
        walk.planned
    );
    assert!(walk.planned > 500, "only {} were planned", walk.planned);
}
