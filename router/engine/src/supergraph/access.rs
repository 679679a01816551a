//! The access rules of a supergraph: `@authenticated` and `@requiresScopes`.
//!
//! The rules of a field are its own, those of its type, those of the type of its value, and those of the fields that it `@requires`. A
//! field that an interface object may resolve has the rules of the interface's field as well. Fields of keys are no part of it: they
//! lead to an entity, and the client does not see them.

use std::collections::{BTreeSet, HashMap, HashSet};

use apollo_compiler::ast::{Definition, Directive, DirectiveList, Document, FieldDefinition, Selection};
use apollo_compiler::{Name, Node};
use foundation::ErrorCode;

use crate::subgraph::CallerAccess;

/// A rule's index in its supergraph.
pub type RuleIndex = usize;

/// The index of the rule that every operation with rules has: it decides the code of its errors.
pub const AUTHENTICATED: RuleIndex = 0;

/// The rules that a caller of an operation does not satisfy.
pub type BrokenRules = BTreeSet<RuleIndex>;

/// The access rules of a supergraph.
#[derive(Debug)]
pub struct AccessRules {
    /// The different rules.
    rules: Vec<AccessRule>,
    /// The rules of objects, interfaces, scalars and enums, by the type.
    types: HashMap<Name, BTreeSet<RuleIndex>>,
    /// All rules of a field, by its type and its name.
    fields: HashMap<Name, HashMap<Name, BTreeSet<RuleIndex>>>,
}

/// A condition on the caller.
#[derive(Debug, PartialEq)]
enum AccessRule {
    /// The caller has signed in.
    Authenticated,
    /// The caller has all scopes of one of these sets.
    Scopes(Vec<Vec<String>>),
}

impl AccessRule {
    fn admits(&self, caller: &CallerAccess) -> bool {
        match self {
            Self::Authenticated => caller.is_authenticated,
            Self::Scopes(sets) => sets
                .iter()
                .any(|set| set.iter().all(|scope| caller.scopes.contains(scope))),
        }
    }
}

impl AccessRules {
    /// Reads the rules of a supergraph.
    pub fn of(supergraph: &Document) -> Self {
        let reader = Reader::new(supergraph);
        let mut fields = HashMap::new();
        for (ty, composite) in &reader.composites {
            let rules = composite.fields.iter().filter_map(|field| {
                let mut found = BTreeSet::new();
                reader.add_field(ty, &field.name, &mut HashSet::new(), &mut found);
                (!found.is_empty()).then(|| (field.name.clone(), found))
            });
            let rules: HashMap<_, _> = rules.collect();
            if !rules.is_empty() {
                fields.insert(Name::new_unchecked(ty), rules);
            }
        }
        let types = reader.types.iter().filter(|(_, rules)| !rules.is_empty());
        let types = types
            .map(|(ty, rules)| (Name::new_unchecked(ty), rules.clone()))
            .collect();
        Self {
            rules: reader.rules,
            types,
            fields,
        }
    }

    /// Returns whether the caller satisfies each of these rules.
    pub fn outcomes(&self, rules: &[RuleIndex], caller: &CallerAccess) -> impl Iterator<Item = bool> {
        rules.iter().map(|rule| self.rules[*rule].admits(caller))
    }

    /// Whether no field and no type has a rule.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.types.is_empty()
    }

    /// Returns all rules of a field.
    pub fn rules_of_field(&self, ty: &str, field: &str) -> impl Iterator<Item = RuleIndex> {
        self.field(ty, field).into_iter().flatten().copied()
    }

    /// Returns the rules of a type.
    pub fn rules_of_type(&self, ty: &str) -> impl Iterator<Item = RuleIndex> {
        self.types.get(ty).into_iter().flatten().copied()
    }

    /// Whether a field has a broken rule.
    pub fn denies_field(&self, ty: &str, field: &str, broken: &BrokenRules) -> bool {
        self.field(ty, field).is_some_and(|rules| !rules.is_disjoint(broken))
    }

    /// Whether a type has a broken rule.
    pub fn denies_type(&self, ty: &str, broken: &BrokenRules) -> bool {
        self.types.get(ty).is_some_and(|rules| !rules.is_disjoint(broken))
    }

    fn field(&self, ty: &str, field: &str) -> Option<&BTreeSet<RuleIndex>> {
        self.fields.get(ty)?.get(field)
    }
}

/// Returns the code of the errors of a caller that breaks these rules.
pub fn denial_code(broken: &BrokenRules) -> ErrorCode {
    if broken.contains(&AUTHENTICATED) {
        ErrorCode::Unauthenticated
    } else {
        ErrorCode::Forbidden
    }
}

/// An object type or an interface of a supergraph.
struct Composite<'d> {
    interfaces: &'d [Name],
    fields: &'d [Node<FieldDefinition>],
    is_interface_object: bool,
}

/// Reads the rules of a supergraph's definitions.
struct Reader<'d> {
    rules: Vec<AccessRule>,
    /// The rules that a type's own directives give it.
    types: HashMap<&'d str, BTreeSet<RuleIndex>>,
    /// The rules that a field's own directives give it, by its type and its name.
    fields: HashMap<(&'d str, &'d str), BTreeSet<RuleIndex>>,
    composites: HashMap<&'d str, Composite<'d>>,
}

impl<'d> Reader<'d> {
    fn new(supergraph: &'d Document) -> Self {
        let names = DirectiveNames::of(supergraph);
        let mut reader = Self {
            rules: vec![AccessRule::Authenticated],
            types: HashMap::new(),
            fields: HashMap::new(),
            composites: HashMap::new(),
        };
        for definition in &supergraph.definitions {
            match definition {
                Definition::ObjectTypeDefinition(object) => {
                    reader.read_type(&names, &object.name, &object.directives);
                    reader.read_composite(
                        &names,
                        &object.name,
                        &object.directives,
                        &object.implements_interfaces,
                        &object.fields,
                    );
                }
                Definition::InterfaceTypeDefinition(interface) => {
                    reader.read_type(&names, &interface.name, &interface.directives);
                    reader.read_composite(
                        &names,
                        &interface.name,
                        &interface.directives,
                        &interface.implements_interfaces,
                        &interface.fields,
                    );
                }
                Definition::ScalarTypeDefinition(scalar) => {
                    reader.read_type(&names, &scalar.name, &scalar.directives);
                }
                Definition::EnumTypeDefinition(list) => reader.read_type(&names, &list.name, &list.directives),
                _ => {}
            }
        }
        reader
    }

    fn read_type(&mut self, names: &DirectiveNames, ty: &'d str, directives: &DirectiveList) {
        let rules = self.rules_of(names, directives);
        self.types.insert(ty, rules);
    }

    fn read_composite(
        &mut self,
        names: &DirectiveNames,
        ty: &'d str,
        directives: &DirectiveList,
        interfaces: &'d [Name],
        fields: &'d [Node<FieldDefinition>],
    ) {
        for field in fields {
            let rules = self.rules_of(names, &field.directives);
            self.fields.insert((ty, &field.name), rules);
        }
        let is_interface_object = directives
            .iter()
            .filter(|directive| directive.name == "join__type")
            .filter_map(|join| join.specified_argument_by_name("isInterfaceObject")?.to_bool())
            .any(|is_it| is_it);
        self.composites.insert(
            ty,
            Composite {
                interfaces,
                fields,
                is_interface_object,
            },
        );
    }

    /// Returns the rules that directives give, each once.
    fn rules_of(&mut self, names: &DirectiveNames, directives: &DirectiveList) -> BTreeSet<RuleIndex> {
        let rules = directives.iter().filter_map(|directive| names.rule(directive));
        rules.map(|rule| self.index_of(rule)).collect()
    }

    fn index_of(&mut self, rule: AccessRule) -> RuleIndex {
        let known = self.rules.iter().position(|known| *known == rule);
        known.unwrap_or_else(|| {
            self.rules.push(rule);
            self.rules.len() - 1
        })
    }

    /// Adds all rules of a field. A field that is visited already has added its own.
    fn add_field(
        &self,
        ty: &str,
        name: &str,
        visited: &mut HashSet<(String, String)>,
        found: &mut BTreeSet<RuleIndex>,
    ) {
        if !visited.insert((ty.to_owned(), name.to_owned())) {
            return;
        }
        let Some(composite) = self.composites.get(ty) else {
            return;
        };
        let Some(field) = composite.fields.iter().find(|field| field.name == name) else {
            return;
        };
        found.extend(self.types.get(ty).into_iter().flatten());
        found.extend(self.fields.get(&(ty, name)).into_iter().flatten());
        found.extend(
            self.types
                .get(field.ty.inner_named_type().as_str())
                .into_iter()
                .flatten(),
        );
        for interface in composite.interfaces {
            let is_object = self.composites.get(interface.as_str());
            if is_object.is_some_and(|interface| interface.is_interface_object) {
                self.add_field(interface, name, visited, found);
            }
        }
        self.add_selections(ty, &required_selections(field), visited, found);
    }

    fn add_selections(
        &self,
        ty: &str,
        selections: &[Selection],
        visited: &mut HashSet<(String, String)>,
        found: &mut BTreeSet<RuleIndex>,
    ) {
        for selection in selections {
            match selection {
                Selection::InlineFragment(inline) => {
                    let ty = inline
                        .type_condition
                        .as_ref()
                        .map_or(ty, |condition| condition.as_str());
                    self.add_selections(ty, &inline.selection_set, visited, found);
                }
                Selection::Field(field) => {
                    self.add_field(ty, &field.name, visited, found);
                    let fields = self.composites.get(ty).map_or(&[][..], |composite| composite.fields);
                    if let Some(known) = fields.iter().find(|known| known.name == field.name) {
                        self.add_selections(known.ty.inner_named_type(), &field.selection_set, visited, found);
                    }
                }
                // A set of fields has no named fragments.
                Selection::FragmentSpread(_) => {}
            }
        }
    }
}

/// Returns the selections that a field requires. The join graph refuses a supergraph with an invalid set.
fn required_selections(field: &FieldDefinition) -> Vec<Selection> {
    let joins = field
        .directives
        .iter()
        .filter(|directive| directive.name == "join__field");
    let sets = joins.filter_map(|join| join.specified_argument_by_name("requires")?.as_str());
    let parsed = sets.filter_map(|set| Document::parse(format!("{{ {set} }}"), "fields.graphql").ok());
    let definitions = parsed.flat_map(|document| document.definitions);
    let selections = definitions.filter_map(|definition| match definition {
        Definition::OperationDefinition(operation) => Some(operation.selection_set.clone()),
        _ => None,
    });
    selections.flatten().collect()
}

/// The names that a supergraph gives the two directives.
struct DirectiveNames {
    authenticated: String,
    requires_scopes: String,
}

impl DirectiveNames {
    fn of(supergraph: &Document) -> Self {
        let mut names = Self {
            authenticated: "authenticated".to_owned(),
            requires_scopes: "requiresScopes".to_owned(),
        };
        for link in links(supergraph) {
            match linked_specification(link) {
                Some("authenticated") => names.authenticated = linked_name(link, "authenticated"),
                Some("requiresScopes") => names.requires_scopes = linked_name(link, "requiresScopes"),
                _ => {}
            }
        }
        names
    }

    fn rule(&self, directive: &Directive) -> Option<AccessRule> {
        if directive.name == self.authenticated.as_str() {
            Some(AccessRule::Authenticated)
        } else if directive.name == self.requires_scopes.as_str() {
            Some(AccessRule::Scopes(scopes(directive)))
        } else {
            None
        }
    }
}

/// Returns the sets of scopes of a directive. One that cannot be read admits no caller.
fn scopes(directive: &Directive) -> Vec<Vec<String>> {
    let sets = directive
        .specified_argument_by_name("scopes")
        .and_then(|sets| sets.as_list());
    let sets = sets.into_iter().flatten().filter_map(|set| {
        let scopes = set.as_list()?.iter().map(|scope| scope.as_str().map(str::to_owned));
        scopes.collect()
    });
    sets.collect()
}

/// Returns the `@link` directives of a supergraph.
pub fn links(supergraph: &Document) -> impl Iterator<Item = &Directive> {
    let directives = supergraph.definitions.iter().flat_map(|definition| match definition {
        Definition::SchemaDefinition(schema) => &schema.directives[..],
        Definition::SchemaExtension(schema) => &schema.directives[..],
        _ => &[],
    });
    directives
        .filter(|directive| directive.name == "link")
        .map(|link| &**link)
}

/// Returns the name in the address of a link, such as `https://specs.apollo.dev/context/v0.1`.
pub fn linked_specification(link: &Directive) -> Option<&str> {
    let url = link.specified_argument_by_name("url")?.as_str()?;
    url.trim_end_matches('/').rsplit('/').nth(1)
}

/// Returns the name that a link gives the directive with the name of its specification.
fn linked_name(link: &Directive, directive: &str) -> String {
    let imports = link
        .specified_argument_by_name("import")
        .and_then(|imports| imports.as_list());
    let name = format!("@{directive}");
    for import in imports.into_iter().flatten() {
        if import.as_str() == Some(&name) {
            return directive.to_owned();
        }
        let members = import.as_object().unwrap_or_default();
        let member = |wanted: &str| members.iter().find(|(name, _)| name == wanted)?.1.as_str();
        if member("name") == Some(&name) {
            let renamed = member("as").unwrap_or(&name);
            return renamed.trim_start_matches('@').to_owned();
        }
    }
    let prefix = link.specified_argument_by_name("as").and_then(|prefix| prefix.as_str());
    prefix.unwrap_or(directive).to_owned()
}
