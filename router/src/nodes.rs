//! The subgraph `nodes`: any object by its id. It is the router's own, because it asks all domains.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use async_graphql::parser::parse_query;
use async_graphql::{
    Context, EmptyMutation, EmptySubscription, Error as GraphError, ID, Interface, Object, Response, SimpleObject,
    Value, Variables, value,
};
use contract::{
    AnswerBudget, ContextExt, DomainSchema, EntityType, Error, SessionId, subgraph_builder, subgraph_sdl,
    with_entity_types,
};
use futures_util::future::join_all;

use crate::in_process;
use crate::subgraph::{RequestDocument, Subgraph, SubgraphRequest, SubgraphResponse};

/// The subgraph's name in the supergraph.
pub const NAME: &str = "nodes";
/// The most ids that one field takes: as many as a page has nodes.
const IDS_MAX: usize = 100;
/// Asks a domain which of these entities exist and are visible to the viewer. It is parsed once.
static EXISTING: LazyLock<RequestDocument> = LazyLock::new(|| {
    let text: Arc<str> = "query($of: [_Any!]!) { _entities(representations: $of) { __typename } }".into();
    match parse_query(&*text) {
        Ok(tree) => RequestDocument::Parsed {
            text,
            tree: Arc::new(tree),
        },
        Err(_) => RequestDocument::Text(text),
    }
});

/// Defines the types of entities as this subgraph knows them: by their ids.
macro_rules! node_types {
    ($($name:ident: $prefix:literal of $domain:literal,)+) => {
        $(
            #[derive(SimpleObject)]
            #[graphql(unresolvable = "id")]
            struct $name {
                id: ID,
            }
        )+

        /// An object whose id is unique in the whole graph.
        #[derive(Interface)]
        #[graphql(field(name = "id", ty = "&ID", desc = "The object's id."))]
        enum Node {
            $($name($name),)+
        }

        impl Node {
            fn new(entity: EntityType, id: ID) -> Self {
                match entity {
                    $(EntityType::$name => Self::$name($name { id }),)+
                }
            }
        }
    };
}

with_entity_types!(node_types);

/// The domains, by name.
type Domains = HashMap<String, Arc<dyn Subgraph>>;

/// Returns the subgraph over these domains.
pub fn open(domains: Domains) -> Arc<dyn Subgraph> {
    let schema: DomainSchema = subgraph_builder::<NodeQuery, EmptyMutation, EmptySubscription>()
        .data(domains)
        .finish();
    Arc::new(in_process::InProcess(schema))
}

/// Returns the SDL for composing the supergraph: the contents of `subgraphs/nodes/schema.graphql`.
pub fn sdl() -> String {
    subgraph_sdl::<NodeQuery, EmptyMutation, EmptySubscription>()
}

/// Queries that read objects of any type.
#[derive(Default)]
struct NodeQuery;

#[Object(name = "Query")]
impl NodeQuery {
    /// The object with that id; null if there is none, or if the viewer may not see it.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The object's id, such as `book_1`.")] id: ID,
    ) -> Option<Result<Node, GraphError>> {
        match find(ctx, "id", &[id]).await {
            Ok(found) => found.into_iter().next().flatten(),
            Err(error) => Some(Err(error.into())),
        }
    }

    /// The objects with these ids, in the order of the ids; null for each that does not exist or that the viewer may not
    /// see.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most 100 ids, of any types.")] ids: Vec<ID>,
    ) -> contract::Result<Vec<Option<Result<Node, GraphError>>>> {
        if ids.len() > IDS_MAX {
            return Err(Error::invalid("ids", format!("must have at most {IDS_MAX} items")));
        }
        find(ctx, "ids", &ids).await
    }
}

/// A node, or null, or the error of its domain.
type NodeResult = Option<Result<Node, GraphError>>;

/// Returns the nodes with these ids, each in the place of its id.
///
/// # Errors
/// `INVALID_INPUT` for a text that is not an id.
async fn find(ctx: &Context<'_>, argument: &'static str, ids: &[ID]) -> contract::Result<Vec<NodeResult>> {
    let mut by_domain: BTreeMap<&str, Vec<(usize, EntityType)>> = BTreeMap::new();
    for (index, id) in ids.iter().enumerate() {
        let (entity, _) = EntityType::of_id(id)
            .ok_or_else(|| Error::invalid(argument, "must begin with the name of a type, such as book_1"))?;
        by_domain.entry(entity.domain()).or_default().push((index, entity));
    }
    let mut found: Vec<NodeResult> = ids.iter().map(|_| None).collect();
    let asked = by_domain.into_iter().map(|(domain, entities)| async move {
        let existing = existing(ctx, domain, ids, &entities).await;
        (entities, existing)
    });
    for (entities, existing) in join_all(asked).await {
        for (place, (index, entity)) in entities.into_iter().enumerate() {
            found[index] = match &existing {
                Ok(existing) => existing[place].then(|| Ok(Node::new(entity, ids[index].clone()))),
                Err(error) => Some(Err(error.clone())),
            };
        }
    }
    Ok(found)
}

/// Asks a domain, as the viewer, for each of these entities whether it exists.
async fn existing(
    ctx: &Context<'_>,
    domain: &str,
    ids: &[ID],
    entities: &[(usize, EntityType)],
) -> Result<Vec<bool>, GraphError> {
    let representation =
        |(index, entity): &(usize, EntityType)| value!({ "__typename": (entity.name()), "id": (ids[*index].as_str()) });
    let mut variables = Variables::default();
    let of = entities.iter().map(representation).collect();
    variables.insert(async_graphql::Name::new("of"), Value::List(of));
    let session = ctx.data_opt::<SessionId>().map(|session| session.0);
    let request = SubgraphRequest {
        document: EXISTING.clone(),
        operation_name: None,
        variables,
        caller: in_process::caller(ctx.viewer().clone(), session),
        request_id: NAME.into(),
        budget: ctx.data_opt::<Arc<AnswerBudget>>().cloned(),
    };
    let Some(domain) = ctx.data_unchecked::<Domains>().get(domain) else {
        return Ok(vec![false; entities.len()]);
    };
    let SubgraphResponse::Tree(response) = domain.fetch(request).await else {
        return Err(GraphError::from(Error::Internal("a domain answered bytes".into())));
    };
    read(response, entities.len())
}

/// Reads which entities a domain's response contains.
fn read(response: Response, entities: usize) -> Result<Vec<bool>, GraphError> {
    if let Some(error) = response.errors.into_iter().next() {
        return Err(GraphError {
            message: error.message,
            source: error.source,
            extensions: error.extensions,
        });
    }
    let mut existing = vec![false; entities];
    if let Value::Object(data) = response.data
        && let Some(Value::List(found)) = data.get("_entities")
    {
        for (place, found) in existing.iter_mut().zip(found) {
            *place = *found != Value::Null;
        }
    }
    Ok(existing)
}
