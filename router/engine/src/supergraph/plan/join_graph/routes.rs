//! The routes from one subgraph to another: each entity is looked up by a key that a subgraph before it provides.

use super::{FieldSet, FieldSetItem, JoinGraph, Site, SubgraphField, SubgraphIndex, TypeId};

/// A way to look up an object at a site.
#[derive(Debug)]
pub struct Route {
    /// The site.
    pub to: Site,
    /// The position of its fetch in the sequence after the fetch that returned the object: 1 for the next one.
    pub stage: usize,
    /// The parts of the key, and the sites that provide them. Root types need no key.
    pub key: Vec<KeyPart>,
    /// All fetches of the route with their stages, the last one included.
    pub stops: Vec<(usize, SubgraphIndex)>,
}

/// A part of a key.
#[derive(Debug)]
pub struct KeyPart {
    /// The site that provides it.
    pub provider: Site,
    /// Its fields.
    pub fields: FieldSet,
}

impl JoinGraph {
    /// Adds the routes for the fields of root types.
    pub(super) fn add_roots(&mut self, root_types: impl Iterator<Item = TypeId>) {
        for ty in root_types {
            let routes = self.sites(ty).map(root_route).collect();
            self.roots.insert(ty, routes);
        }
    }

    /// Finds the routes for an object of this type that came from this subgraph.
    pub(super) fn find_routes(&self, ty: TypeId, from: SubgraphIndex) -> Vec<Route> {
        let sites: Vec<Site> = self.lookup_sites(ty).collect();
        if self.is_query(ty) {
            return sites.into_iter().map(root_route).collect();
        }
        self.entity_routes(Site { subgraph: from, ty }, &sites)
    }

    /// Returns the sites that look up objects of a type: by its own keys, or by those of an interface object.
    fn lookup_sites(&self, ty: TypeId) -> impl Iterator<Item = Site> {
        let interfaces = self.types[ty.0].interfaces.iter().copied();
        let types = std::iter::once(ty).chain(interfaces);
        types.flat_map(move |site_type| {
            self.sites(site_type).filter(move |site| {
                let is_own = site_type == ty || self.is_interface_object(*site);
                is_own && (Some(ty) == self.query || self.resolvable_keys(*site).next().is_some())
            })
        })
    }

    fn resolvable_keys(&self, site: Site) -> impl Iterator<Item = &FieldSet> {
        let keys = self.subgraph_type(site).map_or(&[][..], |ty| &ty.keys);
        keys.iter().filter(|key| key.is_resolvable).map(|key| &key.fields)
    }

    /// Searches breadth first, so that each site is found by the fewest fetches.
    fn entity_routes(&self, from: Site, sites: &[Site]) -> Vec<Route> {
        let mut routes: Vec<Route> = Vec::new();
        for stage in 1..=sites.len() {
            let mut providers = vec![(0, from)];
            providers.extend(
                routes
                    .iter()
                    .map(|route| (route.stage, route.to))
                    .filter(|(_, site)| *site != from),
            );
            let missing = sites
                .iter()
                .filter(|site| routes.iter().all(|route| route.to != **site));
            let found: Vec<Route> = missing
                .filter_map(|to| {
                    let keys = self
                        .resolvable_keys(*to)
                        .filter_map(|key| self.key_parts(key, &providers));
                    let key = keys.min_by_key(|parts| {
                        (parts.len(), parts.iter().map(|part| part.fields.size()).sum::<usize>())
                    })?;
                    let mut stops = stops(&key, &routes, from);
                    stops.push((stage, to.subgraph));
                    Some(Route {
                        to: *to,
                        stage,
                        key,
                        stops,
                    })
                })
                .collect();
            if found.is_empty() {
                break;
            }
            routes.extend(found);
        }
        routes
    }

    /// Returns the providers of a key: one that provides all of it if there is one.
    fn key_parts(&self, key: &FieldSet, providers: &[(usize, Site)]) -> Option<Vec<KeyPart>> {
        let whole = providers
            .iter()
            .find(|(_, provider)| self.provides_key(*provider, &key.items));
        if let Some((_, provider)) = whole {
            let fields = key.clone();
            return Some(vec![KeyPart {
                provider: *provider,
                fields,
            }]);
        }
        let parts = key.items.iter().map(|item| {
            let item = std::slice::from_ref(item);
            let (_, provider) = providers
                .iter()
                .find(|(_, provider)| self.provides_key(*provider, item))?;
            Some(KeyPart {
                provider: *provider,
                fields: FieldSet {
                    items: item.to_vec(),
                    typename: false,
                },
            })
        });
        parts.collect()
    }

    fn provides_key(&self, site: Site, items: &[FieldSetItem]) -> bool {
        items.iter().all(|item| match item {
            FieldSetItem::Field { name, inner, .. } => self.field(site, name).is_some_and(|field| {
                let inner_site = field.object_type.map(|ty| Site { ty, ..site });
                is_known(field) && inner_site.is_none_or(|site| self.provides_key(site, &inner.items))
            }),
            FieldSetItem::On(ty, inner) => self.type_id(ty).is_none_or(|ty| {
                let inner_site = Site { ty, ..site };
                self.subgraph_type(inner_site).is_none() || self.provides_key(inner_site, &inner.items)
            }),
        })
    }
}

/// Whether the subgraph knows the field of each object that it returns: it resolves it, or the field is part of a key.
fn is_known(field: &SubgraphField) -> bool {
    field.is_key || field.is_resolved_in_place()
}

fn root_route(to: Site) -> Route {
    Route {
        to,
        stage: 1,
        key: Vec::new(),
        stops: vec![(1, to.subgraph)],
    }
}

/// Returns the fetches that provide a key.
fn stops(key: &[KeyPart], routes: &[Route], from: Site) -> Vec<(usize, SubgraphIndex)> {
    let mut stops = Vec::new();
    for part in key.iter().filter(|part| part.provider != from) {
        let provider = routes.iter().find(|route| route.to == part.provider);
        for stop in provider.into_iter().flat_map(|route| &route.stops) {
            if !stops.contains(stop) {
                stops.push(*stop);
            }
        }
    }
    stops
}
