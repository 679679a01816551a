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
use super::model::{
    CachePolicy, EntityBatch, Fetch, Fetches, FlattenPathSegment, PlanStep, RequiredSelection, Rewrite, RewriteAction,
    RewritePathSegment, TrackedObject,
};
use super::text;
use crate::cache::FetchKey;
use crate::subgraph::RequestDocument;
use crate::supergraph::request_error::RequestError;
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

/// The caching of the entities of one batch; `None` if they are not cacheable.
type EntityCachePolicy = Option<CachePolicy<TrackedObject>>;

impl Compiler<'_> {
    /// Compiles a whole plan.
    pub fn plan(&self, node: Option<PlanNode>) -> Result<Fetches, RequestError> {
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

    fn sequence(&self, nodes: Vec<PlanNode>) -> Result<PlanStep, RequestError> {
        let mut steps = self.steps(nodes)?;
        Ok(match steps.len() {
            1 => steps.remove(0),
            _ => PlanStep::Sequence(steps),
        })
    }

    fn steps(&self, nodes: Vec<PlanNode>) -> Result<Vec<PlanStep>, RequestError> {
        nodes.into_iter().map(|node| self.step(node)).collect()
    }

    fn step(&self, node: PlanNode) -> Result<PlanStep, RequestError> {
        Ok(match node {
            PlanNode::Sequence(sequence) => self.sequence(sequence.nodes)?,
            PlanNode::Parallel(parallel) => PlanStep::Parallel(self.steps(parallel.nodes)?),
            PlanNode::Fetch(fetch) => self.single(Vec::new(), "", fetch)?,
            PlanNode::Flatten(flatten) => match *flatten.node {
                PlanNode::Fetch(fetch) => {
                    let shown = format!("   at {}", flatten.path);
                    self.single(flatten_path(&flatten.path), &shown, fetch)?
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

    fn single(&self, place: Vec<FlattenPathSegment>, shown: &str, node: FetchNode) -> Result<PlanStep, RequestError> {
        let usages = node.variable_usages.as_ref();
        let Some(requires) = node.requires else {
            let mut fetch = self.fetch(&node.service_name, &node.operation, usages, node.output_rewrites)?;
            fetch.text.push_str(shown);
            return Ok(if place.is_empty() {
                PlanStep::Fetch(fetch)
            } else {
                PlanStep::Nested(place, fetch)
            });
        };
        let key = "_entities";
        let (mut fetch, cache_policies) =
            self.fetch_of_entities(&node.service_name, &node.operation, usages, &[key])?;
        let selected = text::format_entities(&node.operation, key);
        fetch.text = format!("{} => {selected}{shown}", text::format_requires(&requires));
        let batch = EntityBatch {
            key: Name::new(key),
            variable: Name::new("representations"),
            paths: vec![place],
            required: self.required_selections(&requires),
            input_rewrites: self.rewrites(node.input_rewrites),
            output_rewrites: self.rewrites(node.output_rewrites),
            cache_policy: cache_policies.into_iter().next().flatten(),
        };
        Ok(PlanStep::Entities(fetch, vec![batch]))
    }

    fn batch(&self, node: BatchFetchNode) -> Result<PlanStep, RequestError> {
        let usages = node.variable_usages.as_ref();
        let aliases = node.entity_batch.aliases;
        let keys: Vec<_> = aliases.iter().map(|alias| alias.alias.as_str()).collect();
        let (mut fetch, mut cache_policies) =
            self.fetch_of_entities(&node.service_name, &node.operation, usages, &keys)?;
        let variables: HashSet<_> = aliases
            .iter()
            .map(|alias| &alias.representations_variable_name)
            .collect();
        if variables.len() < aliases.len() {
            // Batches that share a variable send the same representations, so no batch may leave out the entities that
            // it has cached.
            cache_policies.fill_with(|| None);
        }
        let mut shown = Vec::new();
        let mut batches = Vec::new();
        for (alias, cache_policy) in aliases.into_iter().zip(cache_policies) {
            let paths: Vec<_> = alias.merge_paths.iter().map(ToString::to_string).collect();
            shown.push(format!(
                "{} => {}   at {}",
                text::format_requires(&alias.requires),
                text::format_entities(&node.operation, &alias.alias),
                paths.join(", ")
            ));
            batches.push(EntityBatch {
                key: Name::new(&alias.alias),
                variable: Name::new(&alias.representations_variable_name),
                paths: alias.merge_paths.iter().map(flatten_path).collect(),
                required: self.required_selections(&alias.requires),
                input_rewrites: self.rewrites(alias.input_rewrites),
                output_rewrites: self.rewrites(alias.output_rewrites),
                cache_policy,
            });
        }
        fetch.text = shown.join("\n");
        Ok(PlanStep::Entities(fetch, batches))
    }

    /// A fetch of root fields.
    fn fetch(
        &self,
        service: &str,
        operation: &SubgraphFetchOperation,
        usages: Option<&BTreeSet<String>>,
        rewrites: Option<Vec<FetchRewrite>>,
    ) -> Result<Fetch, RequestError> {
        let mut document = operation.document.clone();
        let dependencies = self.cacheable.roots(service, &mut document);
        let rewrites = self.rewrites(rewrites);
        let mut keys = Vec::new();
        root_keys(&operation.document.operation.selection_set, &mut keys);
        // A root key that a rewrite renames appears under its new name in the fetched data.
        for rewrite in rewrites.iter().filter(|rewrite| rewrite.at.len() == 1) {
            if let (Some(RewritePathSegment::Key(old)), RewriteAction::Rename(new)) =
                (rewrite.at.last(), &rewrite.action)
                && let Some(key) = keys.iter_mut().find(|key| *key == old.as_str())
            {
                *key = new.to_string();
            }
        }
        let mut fetch = self.request(service, &document, usages)?;
        fetch.cache_policy = dependencies.map(|dependencies| CachePolicy {
            fetch_key: Arc::new(fetch_key(&fetch, None)),
            dependencies,
        });
        fetch.is_anonymous = fetch.cache_policy.is_some();
        fetch.text = text::format_operation(operation);
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
    ) -> Result<(Fetch, Vec<EntityCachePolicy>), RequestError> {
        let mut document = operation.document.clone();
        add_typenames(&mut document);
        let dependencies: Vec<_> = keys
            .iter()
            .map(|key| self.cacheable.entities(service, &mut document, key))
            .collect();
        let mut fetch = self.request(service, &document, usages)?;
        // One batch that depends on the caller makes the whole fetch depend on the caller.
        fetch.is_anonymous = dependencies.iter().all(Option::is_some);
        let cache_policies = keys.iter().zip(dependencies).map(|(key, dependencies)| {
            Some(CachePolicy {
                fetch_key: Arc::new(fetch_key(&fetch, Some(Name::new(key)))),
                dependencies: dependencies.filter(|_| fetch.is_anonymous)?,
            })
        });
        let cache_policies = cache_policies.collect();
        Ok((fetch, cache_policies))
    }

    /// Builds the request of a fetch to its subgraph.
    fn request(
        &self,
        service: &str,
        document: &PlannedDocument,
        usages: Option<&BTreeSet<String>>,
    ) -> Result<Fetch, RequestError> {
        let text = document.to_string();
        let tree = parse_query(&text).map_err(internal)?;
        let subgraph = self.subgraphs.get(service);
        Ok(Fetch {
            subgraph: *subgraph.ok_or_else(|| internal(format!("no subgraph {service}")))?,
            name: service.into(),
            document: RequestDocument::Parsed {
                text: text.into(),
                tree: Arc::new(tree),
            },
            variables: usages.into_iter().flatten().map(Name::new).collect(),
            keys: Vec::new(),
            rewrites: Vec::new(),
            is_anonymous: false,
            cache_policy: None,
            text: String::new(),
        })
    }

    fn required_selections(&self, set: &SelectionSet) -> Vec<RequiredSelection> {
        let items = set.items.iter();
        items
            .filter_map(|item| match item {
                SelectionItem::Field(field) => Some(RequiredSelection::Field {
                    key: Name::new(field.selection_identifier()),
                    name: Name::new(&field.name),
                    inner: self.required_selections(&field.selections),
                }),
                SelectionItem::InlineFragment(inline) => {
                    let types = self.types([&inline.type_condition]);
                    Some(RequiredSelection::On(
                        types,
                        self.required_selections(&inline.selections),
                    ))
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
                    at: self.rewrite_path(&setter.path),
                    action: RewriteAction::Set(setter.set_value_to),
                },
                FetchRewrite::KeyRenamer(renamer) => Rewrite {
                    at: self.rewrite_path(&renamer.path),
                    action: RewriteAction::Rename(Name::new(renamer.rename_key_to)),
                },
            })
            .collect()
    }

    fn rewrite_path(&self, path: &[FetchNodePathSegment]) -> Vec<RewritePathSegment> {
        path.iter()
            .map(|segment| match segment {
                FetchNodePathSegment::Key(key) => RewritePathSegment::Key(Name::new(key)),
                FetchNodePathSegment::TypenameEquals(types) => RewritePathSegment::Types(self.types(types)),
            })
            .collect()
    }
}

fn fetch_key(fetch: &Fetch, key: Option<Name>) -> FetchKey {
    FetchKey::new(
        fetch.subgraph,
        fetch.document.text().clone(),
        key,
        fetch.variables.clone(),
    )
}

fn flatten_path(path: &FlattenNodePath) -> Vec<FlattenPathSegment> {
    let segments = path.as_slice().iter();
    segments
        .map(|segment| match segment {
            FlattenNodePathSegment::Field(key) => FlattenPathSegment::Key(Name::new(key)),
            FlattenNodePathSegment::List => FlattenPathSegment::Items,
            FlattenNodePathSegment::TypeCondition(types) => FlattenPathSegment::Types(types.iter().cloned().collect()),
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

fn internal(error: impl std::fmt::Display) -> RequestError {
    tracing::error!(%error, "the planner returned an invalid plan");
    RequestError::OperationNotSupported
}
