//! Converts the library's plan to the gateway's own form.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use async_graphql::Name;
use async_graphql::parser::parse_query;
use hive_router_query_planner::ast::document::Document as PlannedDocument;
use hive_router_query_planner::ast::operation::SubgraphFetchOperation;
use hive_router_query_planner::ast::selection_item::SelectionItem;
use hive_router_query_planner::ast::selection_set::{FieldSelection, SelectionSet};
use hive_router_query_planner::planner::plan_nodes::{
    BatchFetchNode, FetchNode, FetchNodePathSegment, FetchRewrite, FlattenNodePath, FlattenNodePathSegment, PlanNode,
};

use super::cacheable::Cacheable;
use super::text;
use super::{Change, Fetch, Fetches, Group, Hop, Need, Remembered, Rewrite, RewriteHop, Step, WatchedObject, internal};
use crate::cache::Question;
use crate::subgraph::Document;
use crate::supergraph::refusal::Refusal;
use crate::supergraph::schema::PublicSchema;

/// The context of a compilation.
pub struct Compiler<'a> {
    /// The object types of each interface and union.
    pub schema: &'a PublicSchema,
    /// The index of each subgraph in the supergraph's list.
    pub subgraphs: &'a HashMap<String, usize>,
    /// The cacheable fields and entities.
    pub cacheable: &'a Cacheable,
}

/// The caching of the entities of one group; `None` if they are not cacheable.
type RememberedEntity = Option<Remembered<WatchedObject>>;

impl Compiler<'_> {
    /// Compiles a whole plan.
    pub fn plan(&self, node: Option<PlanNode>) -> Result<Fetches, Refusal> {
        let mut nodes = match node {
            None => Vec::new(),
            Some(PlanNode::Sequence(sequence)) => sequence.nodes,
            Some(node) => vec![node],
        };
        let source = match nodes.first() {
            Some(PlanNode::Subscription(subscription)) => {
                let primary = &subscription.primary;
                let source = self.fetch(
                    &primary.service_name,
                    &primary.operation,
                    primary.variable_usages.as_ref(),
                    primary.output_rewrites.clone(),
                )?;
                nodes.remove(0);
                Some(source)
            }
            _ => None,
        };
        Ok(Fetches {
            source,
            steps: self.sequence(nodes)?,
        })
    }

    fn sequence(&self, nodes: Vec<PlanNode>) -> Result<Step, Refusal> {
        let mut steps = self.steps(nodes)?;
        Ok(match steps.len() {
            1 => steps.remove(0),
            _ => Step::Sequence(steps),
        })
    }

    fn steps(&self, nodes: Vec<PlanNode>) -> Result<Vec<Step>, Refusal> {
        nodes.into_iter().map(|node| self.step(node)).collect()
    }

    fn step(&self, node: PlanNode) -> Result<Step, Refusal> {
        Ok(match node {
            PlanNode::Sequence(sequence) => self.sequence(sequence.nodes)?,
            PlanNode::Parallel(parallel) => Step::Parallel(self.steps(parallel.nodes)?),
            PlanNode::Fetch(fetch) => self.single(Vec::new(), "", fetch)?,
            PlanNode::Flatten(flatten) => match *flatten.node {
                PlanNode::Fetch(fetch) => {
                    let shown = format!("   at {}", flatten.path);
                    self.single(hops(&flatten.path), &shown, fetch)?
                }
                _ => return Err(internal("a place for something that is no fetch")),
            },
            PlanNode::BatchFetch(batch) => self.batch(batch)?,
            // Conditions are resolved before planning, a subscription is the first node, and `@defer` is not
            // supported.
            PlanNode::Condition(_) | PlanNode::Subscription(_) | PlanNode::Defer(_) => {
                return Err(internal("a kind of step that cannot be here"));
            }
        })
    }

    fn single(&self, place: Vec<Hop>, shown: &str, node: FetchNode) -> Result<Step, Refusal> {
        let usages = node.variable_usages.as_ref();
        let Some(requires) = node.requires else {
            let mut fetch = self.fetch(&node.service_name, &node.operation, usages, node.output_rewrites)?;
            fetch.text.push_str(shown);
            return Ok(match place.is_empty() {
                true => Step::Fetch(fetch),
                false => Step::Nested(place, fetch),
            });
        };
        let key = "_entities";
        let (mut fetch, remembered) = self.fetch_of_entities(&node.service_name, &node.operation, usages, &[key])?;
        let selected = text::entities(&node.operation, key);
        fetch.text = format!("{} => {selected}{shown}", text::needs(&requires));
        let group = Group {
            key: Name::new(key),
            variable: Name::new("representations"),
            places: vec![place],
            needs: self.needs(&requires),
            input_rewrites: self.rewrites(node.input_rewrites),
            output_rewrites: self.rewrites(node.output_rewrites),
            remembered: remembered.into_iter().next().flatten(),
        };
        Ok(Step::Entities(fetch, vec![group]))
    }

    fn batch(&self, node: BatchFetchNode) -> Result<Step, Refusal> {
        let usages = node.variable_usages.as_ref();
        let aliases = node.entity_batch.aliases;
        let keys: Vec<_> = aliases.iter().map(|alias| alias.alias.as_str()).collect();
        let (mut fetch, mut remembered) = self.fetch_of_entities(&node.service_name, &node.operation, usages, &keys)?;
        let variables: HashSet<_> = aliases
            .iter()
            .map(|alias| &alias.representations_variable_name)
            .collect();
        if variables.len() < aliases.len() {
            // Groups that share a variable send the same representations, so no group may leave out the entities that
            // it has cached.
            remembered.fill_with(|| None);
        }
        let mut shown = Vec::new();
        let mut groups = Vec::new();
        for (alias, remembered) in aliases.into_iter().zip(remembered) {
            let places: Vec<_> = alias.merge_paths.iter().map(ToString::to_string).collect();
            shown.push(format!(
                "{} => {}   at {}",
                text::needs(&alias.requires),
                text::entities(&node.operation, &alias.alias),
                places.join(", ")
            ));
            groups.push(Group {
                key: Name::new(&alias.alias),
                variable: Name::new(&alias.representations_variable_name),
                places: alias.merge_paths.iter().map(hops).collect(),
                needs: self.needs(&alias.requires),
                input_rewrites: self.rewrites(alias.input_rewrites),
                output_rewrites: self.rewrites(alias.output_rewrites),
                remembered,
            });
        }
        fetch.text = shown.join("\n");
        Ok(Step::Entities(fetch, groups))
    }

    /// A fetch of root fields.
    fn fetch(
        &self,
        service: &str,
        operation: &SubgraphFetchOperation,
        usages: Option<&BTreeSet<String>>,
        rewrites: Option<Vec<FetchRewrite>>,
    ) -> Result<Fetch, Refusal> {
        let mut document = operation.document.clone();
        let watched = self.cacheable.roots(service, &mut document);
        let rewrites = self.rewrites(rewrites);
        let mut keys = Vec::new();
        root_keys(&operation.document.operation.selection_set, &mut keys);
        // A root key that a rewrite renames appears under its new name in the fetched data.
        for rewrite in rewrites.iter().filter(|rewrite| rewrite.at.len() == 1) {
            if let (Some(RewriteHop::Key(old)), Change::Rename(new)) = (rewrite.at.last(), &rewrite.change)
                && let Some(key) = keys.iter_mut().find(|key| *key == old.as_str())
            {
                *key = new.to_string();
            }
        }
        let mut fetch = self.request(service, &document, usages)?;
        fetch.remembered = watched.map(|watched| Remembered {
            question: Arc::new(question(&fetch, None)),
            watched,
        });
        fetch.for_everybody = fetch.remembered.is_some();
        fetch.text = text::operation(operation);
        Ok(Fetch {
            keys,
            rewrites,
            ..fetch
        })
    }

    /// A fetch of entities, and the caching of the entities under each of these keys.
    fn fetch_of_entities(
        &self,
        service: &str,
        operation: &SubgraphFetchOperation,
        usages: Option<&BTreeSet<String>>,
        keys: &[&str],
    ) -> Result<(Fetch, Vec<RememberedEntity>), Refusal> {
        let mut document = operation.document.clone();
        add_typenames(&mut document);
        let watched: Vec<_> = keys
            .iter()
            .map(|key| self.cacheable.entities(service, &mut document, key))
            .collect();
        let mut fetch = self.request(service, &document, usages)?;
        // One group that depends on the caller makes the whole fetch depend on the caller.
        fetch.for_everybody = watched.iter().all(Option::is_some);
        let remembered = keys.iter().zip(watched).map(|(key, watched)| {
            Some(Remembered {
                question: Arc::new(question(&fetch, Some(Name::new(key)))),
                watched: watched.filter(|_| fetch.for_everybody)?,
            })
        });
        let remembered = remembered.collect();
        Ok((fetch, remembered))
    }

    /// Builds the request of a fetch to its subgraph.
    fn request(
        &self,
        service: &str,
        document: &PlannedDocument,
        usages: Option<&BTreeSet<String>>,
    ) -> Result<Fetch, Refusal> {
        let text = document.to_string();
        let tree = parse_query(&text).map_err(internal)?;
        let subgraph = self.subgraphs.get(service);
        Ok(Fetch {
            subgraph: *subgraph.ok_or_else(|| internal(format!("no subgraph {service}")))?,
            name: service.into(),
            document: Document::Parsed {
                text: text.into(),
                tree: Arc::new(tree),
            },
            variables: usages.into_iter().flatten().map(Name::new).collect(),
            keys: Vec::new(),
            rewrites: Vec::new(),
            for_everybody: false,
            remembered: None,
            text: String::new(),
        })
    }

    fn needs(&self, set: &SelectionSet) -> Vec<Need> {
        let items = set.items.iter();
        items
            .filter_map(|item| match item {
                SelectionItem::Field(field) => Some(Need::Field {
                    key: Name::new(field.selection_identifier()),
                    name: Name::new(&field.name),
                    inner: self.needs(&field.selections),
                }),
                SelectionItem::InlineFragment(inline) => {
                    let types = self.types([&inline.type_condition]);
                    Some(Need::On(types, self.needs(&inline.selections)))
                }
                // The planner writes the requirements of an entity without fragment spreads.
                SelectionItem::FragmentSpread(_) => None,
            })
            .collect()
    }

    /// Returns the types themselves and their implementations.
    fn types<'t>(&self, names: impl IntoIterator<Item = &'t String>) -> HashSet<String> {
        let mut types = HashSet::new();
        for name in names {
            types.extend(self.schema.possible_types(name).into_iter().map(str::to_owned));
            types.insert(name.clone());
        }
        types
    }

    fn rewrites(&self, rewrites: Option<Vec<FetchRewrite>>) -> Vec<Rewrite> {
        let rewrites = rewrites.into_iter().flatten();
        rewrites
            .map(|rewrite| match rewrite {
                FetchRewrite::ValueSetter(setter) => Rewrite {
                    at: self.rewrite_hops(&setter.path),
                    change: Change::Set(setter.set_value_to),
                },
                FetchRewrite::KeyRenamer(renamer) => Rewrite {
                    at: self.rewrite_hops(&renamer.path),
                    change: Change::Rename(Name::new(renamer.rename_key_to)),
                },
            })
            .collect()
    }

    fn rewrite_hops(&self, path: &[FetchNodePathSegment]) -> Vec<RewriteHop> {
        path.iter()
            .map(|segment| match segment {
                FetchNodePathSegment::Key(key) => RewriteHop::Key(Name::new(key)),
                FetchNodePathSegment::TypenameEquals(types) => RewriteHop::Types(self.types(types)),
            })
            .collect()
    }
}

fn question(fetch: &Fetch, key: Option<Name>) -> Question {
    let (Document::Text(text) | Document::Parsed { text, .. }) = &fetch.document;
    Question::new(fetch.subgraph, text.clone(), key, fetch.variables.clone())
}

fn hops(path: &FlattenNodePath) -> Vec<Hop> {
    let segments = path.as_slice().iter();
    segments
        .map(|segment| match segment {
            FlattenNodePathSegment::Field(key) => Hop::Key(Name::new(key)),
            FlattenNodePathSegment::List => Hop::Items,
            FlattenNodePathSegment::TypeCondition(types) => Hop::Types(types.iter().cloned().collect()),
        })
        .collect()
}

/// Adds `__typename` to entities: async-graphql answers null for an object all of whose fields failed, and that must
/// not look like an entity that does not exist.
fn add_typenames(document: &mut PlannedDocument) {
    for item in &mut document.operation.selection_set.items {
        let SelectionItem::Field(entities) = item else { continue };
        if entities.name != "_entities" {
            continue;
        }
        for item in &mut entities.selections.items {
            if let SelectionItem::InlineFragment(fragment) = item {
                let known = fragment.selections.items.iter().any(
                    |item| matches!(item, SelectionItem::Field(field) if field.selection_identifier() == "__typename"),
                );
                if !known {
                    let typename = SelectionItem::Field(FieldSelection::new_typename());
                    fragment.selections.items.insert(0, typename);
                }
            }
        }
    }
}

fn root_keys(set: &SelectionSet, keys: &mut Vec<String>) {
    for item in &set.items {
        match item {
            SelectionItem::Field(field) => keys.push(field.selection_identifier().to_owned()),
            SelectionItem::InlineFragment(inline) => root_keys(&inline.selections, keys),
            SelectionItem::FragmentSpread(_) => {}
        }
    }
}
