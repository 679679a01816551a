//! `cacheInvalidated`: the bus's invalidations for clients that keep a cache of their own.

use std::future::ready;

use async_graphql::{Context, SimpleObject, Subscription};
use futures_util::stream::{self, Stream, StreamExt};

use crate::{
    Bus, ContextExt, Delivery, EntityType, Error, Event, EventStream, Result, Topic, Viewer, clamp_to_int,
    source_stream,
};

/// The notice that an entity has changed: the client discards its cached copy.
#[derive(Clone, Debug, SimpleObject)]
pub struct Invalidation {
    /// The entity's type; `*` if invalidations were lost: the client then discards its whole cache.
    typename: String,
    /// The entity's id, such as `book_1`; `*` if `typename` is `*`.
    key: String,
    /// A number that increases with every change of the entity, up to 2,147,483,647.
    version: i64,
}

/// The subscription that any one subgraph mounts.
#[derive(Default)]
pub struct InvalidationSubscription;

#[Subscription]
impl InvalidationSubscription {
    /// Entities that changed and that the viewer may know of: of the named types, or of all.
    async fn cache_invalidated(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only entities of these types.")] typenames: Option<Vec<String>>,
    ) -> Result<impl Stream<Item = Invalidation> + use<>> {
        let open = async {
            let viewer = ctx.viewer().clone();
            // The subscription keeps only known type names, each once, so its memory stays small however many names the
            // client sent.
            let typenames = typenames.map(known_typenames).transpose()?;
            let events = invalidations(&*ctx.services().bus, &viewer, typenames.as_deref());
            Ok(events.filter_map(move |delivery| ready(invalidation(&delivery, &viewer, typenames.as_deref()))))
        };
        source_stream(ctx, open).await
    }
}

/// Returns what that viewer learns from a delivery.
fn invalidation(delivery: &Delivery, viewer: &Viewer, typenames: Option<&[&'static str]>) -> Option<Invalidation> {
    let event = match delivery {
        Delivery::Event(event) => event,
        Delivery::Lagged(_) => {
            return Some(Invalidation {
                typename: "*".to_owned(),
                key: "*".to_owned(),
                version: 0,
            });
        }
    };
    let Event::Invalidated {
        typename,
        key,
        version,
        audience,
    } = &**event
    else {
        return None;
    };
    if !audience.includes(viewer) || typenames.is_some_and(|names| !names.contains(typename)) {
        return None;
    }
    Some(Invalidation {
        typename: (*typename).to_owned(),
        key: key.clone(),
        version: clamp_to_int(*version),
    })
}

/// Returns all invalidations of which that viewer may learn, and perhaps others.
fn invalidations(bus: &dyn Bus, viewer: &Viewer, typenames: Option<&[&'static str]>) -> EventStream {
    let only = match typenames {
        Some([typename]) => Some(*typename),
        Some(_) | None => None,
    };
    if viewer.is_operator() {
        return bus.subscribe_to(only.map_or(Topic::Invalidations, Topic::InvalidationsOf));
    }
    let public = bus.subscribe_to(only.map_or(Topic::PublicInvalidations, Topic::PublicInvalidationsOf));
    match viewer {
        Viewer::User { id, .. } => {
            let private = bus.subscribe_to(Topic::InvalidationsFor(*id));
            stream::select(public, private).boxed()
        }
        Viewer::Anonymous | Viewer::Service { .. } | Viewer::OpenMount { .. } => public,
    }
}

/// The types with these names, each once.
fn known_typenames(names: Vec<String>) -> Result<Vec<&'static str>> {
    let mut known = Vec::new();
    for name in names {
        let names = || EntityType::ALL.iter().map(|entity| entity.name());
        let Some(typename) = names().find(|typename| *typename == name) else {
            let all: Vec<_> = names().collect();
            return Err(Error::invalid("typenames", format!("must be among {}", all.join(", "))));
        };
        if !known.contains(&typename) {
            known.push(typename);
        }
    }
    Ok(known)
}
