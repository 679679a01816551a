//! Supergraphs and operations that are chosen to make planning long.

use std::fmt::Write as _;

/// A supergraph with an operation that is hard to plan.
pub struct Adversary {
    /// Its name.
    pub name: String,
    /// The supergraph.
    pub sdl: String,
    /// The operation.
    pub query: String,
}

/// Returns the adversaries with these numbers of subgraphs or types.
pub fn adversaries(sizes: &[usize]) -> Vec<Adversary> {
    let mut all = Vec::new();
    for &graphs in sizes {
        all.push(everywhere(graphs, 25, 4));
        all.push(everywhere(graphs, 25, graphs));
        all.push(choices(graphs, 12));
        all.push(chain(graphs));
    }
    for &types in sizes {
        all.push(interfaces(types, 8, Links::Together));
        all.push(interfaces(types, 2, Links::Apart));
        all.push(interfaces(types, 8, Links::Apart));
        all.push(union(types, 4));
        all.push(fragments(types, 2));
    }
    all
}

/// Every subgraph resolves a shared part of every field, so that each selection can be split in many ways.
fn everywhere(graphs: usize, levels: usize, pairs: usize) -> Adversary {
    let mut sdl = header(graphs);
    sdl += " type Query";
    join_types(&mut sdl, graphs, "");
    sdl += " { node: Node } type Node";
    join_types(&mut sdl, graphs, ", key: \"id\"");
    sdl += " { id: ID! next: Node";
    for graph in 0..graphs {
        let _ = write!(
            sdl,
            " f{graph}: Int @join__field(graph: G{graph}) @join__field(graph: G{})",
            (graph + 1) % graphs
        );
        let _ = write!(
            sdl,
            " g{graph}: Int @join__field(graph: G{graph}) @join__field(graph: G{})",
            (graph + 7) % graphs
        );
    }
    sdl += " }";
    let leaves: String = (0..pairs).map(|graph| format!("f{graph} g{graph} ")).collect();
    let query = nested(levels, "next", &leaves);
    Adversary {
        name: format!(
            "hard: {graphs} subgraphs resolve {levels} levels of {} fields",
            2 * pairs + 1
        ),
        sdl,
        query: format!("{{ node {{ {query} }} }}"),
    }
}

/// Each object has fields that two subgraphs resolve, and in each of them the value is fetched from further subgraphs.
fn choices(graphs: usize, levels: usize) -> Adversary {
    let mut sdl = header(graphs);
    sdl += " type Query";
    join_types(&mut sdl, graphs, "");
    sdl += " { node: Node } type Node";
    join_types(&mut sdl, graphs, ", key: \"id\"");
    sdl += " { id: ID!";
    for graph in 0..graphs {
        let next = (graph + 1) % graphs;
        let _ = write!(
            sdl,
            " n{graph}: Node @join__field(graph: G{graph}) @join__field(graph: G{next})"
        );
        let _ = write!(sdl, " f{graph}: Int @join__field(graph: G{graph})");
    }
    sdl += " }";
    let siblings: String = (0..graphs.min(8))
        .map(|graph| format!("n{graph} {{ f{} }} ", (graph + 3) % graphs))
        .collect();
    let mut query = siblings.clone();
    for level in 0..levels {
        query = format!("{siblings} n{} {{ {query} }}", level % graphs);
    }
    Adversary {
        name: format!("hard: 8 choices between 2 of {graphs} subgraphs, {levels} levels"),
        sdl,
        query: format!("{{ node {{ {query} }} }}"),
    }
}

/// Each subgraph knows the key of the next one only.
fn chain(graphs: usize) -> Adversary {
    let mut sdl = header(graphs);
    sdl += " type Query";
    join_types(&mut sdl, graphs, "");
    sdl += " { node: Node @join__field(graph: G0) } type Node";
    for graph in 0..graphs {
        let _ = write!(sdl, " @join__type(graph: G{graph}, key: \"k{graph}\")");
        let _ = write!(sdl, " @join__type(graph: G{graph}, key: \"k{}\")", (graph + 1) % graphs);
    }
    sdl += " {";
    for graph in 0..graphs {
        let before = (graph + graphs - 1) % graphs;
        let _ = write!(
            sdl,
            " k{graph}: ID @join__field(graph: G{graph}) @join__field(graph: G{before})"
        );
        let _ = write!(sdl, " n{graph}: Node @join__field(graph: G{graph})");
    }
    sdl += " }";
    let last = graphs - 1;
    let query = nested(12, &format!("n{}", last / 2), &format!("k0 k{last} k{}", last / 2));
    Adversary {
        name: format!("hard: a chain of the keys of {graphs} subgraphs"),
        sdl,
        query: format!("{{ node {{ {query} }} }}"),
    }
}

/// The subgraphs that resolve the field that leads from an object to the next one.
#[derive(Clone, Copy, Debug)]
enum Links {
    /// Both, for every type.
    Together,
    /// One of them for every second type, the other one for the rest.
    Apart,
}

/// An interface whose types differ in the subgraph that resolves their names, nested in itself.
fn interfaces(types: usize, levels: usize, links: Links) -> Adversary {
    let mut sdl = typed_header();
    sdl += " interface Any";
    join_types(&mut sdl, 2, ", key: \"id\"");
    sdl += " { id: ID! next: Any name: String }";
    add_types(&mut sdl, types, "implements Any", links);
    Adversary {
        name: format!("hard: an interface of {types} types, {levels} levels, {links:?}"),
        sdl,
        query: format!("{{ any {{ {} }} }}", nested(levels, "next", "id name")),
    }
}

/// As `interfaces`, by a fragment for each type at each level.
fn fragments(types: usize, levels: usize) -> Adversary {
    let Adversary { sdl, .. } = interfaces(types, levels, Links::Together);
    let mut query = "id".to_owned();
    for _ in 0..levels {
        let inner = std::mem::take(&mut query);
        for ty in 0..types {
            let _ = write!(query, "... on T{ty} {{ name next {{ {inner} }} }} ");
        }
    }
    Adversary {
        name: format!("hard: a fragment for each of {types} types, {levels} levels"),
        sdl,
        query: format!("{{ any {{ {query} }} }}"),
    }
}

/// A union of entities.
fn union(types: usize, levels: usize) -> Adversary {
    let mut sdl = typed_header();
    sdl += " union Any";
    join_types(&mut sdl, 2, "");
    for ty in 0..types {
        let _ = write!(
            sdl,
            " @join__unionMember(graph: G0, member: \"T{ty}\") @join__unionMember(graph: G1, member: \"T{ty}\")"
        );
    }
    let members: Vec<_> = (0..types).map(|ty| format!("T{ty}")).collect();
    let _ = write!(sdl, " = {}", members.join(" | "));
    add_types(&mut sdl, types, "", Links::Together);
    let mut query = "__typename".to_owned();
    for _ in 0..levels {
        query = format!("... on T0 {{ id name next {{ {query} }} }} ... on T1 {{ id next {{ {query} }} }}");
    }
    Adversary {
        name: format!("hard: a union of {types} entities, {levels} levels"),
        sdl,
        query: format!("{{ any {{ {query} }} }}"),
    }
}

fn typed_header() -> String {
    let mut sdl = header(2);
    sdl += " type Query";
    join_types(&mut sdl, 2, "");
    sdl + " { any: [Any] }"
}

fn add_types(sdl: &mut String, types: usize, implements: &str, links: Links) {
    for ty in 0..types {
        let _ = write!(sdl, " type T{ty} {implements}");
        if !implements.is_empty() {
            *sdl +=
                " @join__implements(graph: G0, interface: \"Any\") @join__implements(graph: G1, interface: \"Any\")";
        }
        join_types(sdl, 2, ", key: \"id\"");
        let graph = ty % 2;
        let next = match links {
            Links::Together => String::new(),
            Links::Apart => format!("@join__field(graph: G{graph})"),
        };
        let _ = write!(
            sdl,
            " {{ id: ID! next: Any {next} name: String @join__field(graph: G{graph}) }}"
        );
    }
}

fn header(graphs: usize) -> String {
    let mut sdl = "enum join__Graph {".to_owned();
    for graph in 0..graphs {
        let _ = write!(
            sdl,
            " G{graph} @join__graph(name: \"g{graph}\", url: \"http://g{graph}.test/graphql\")"
        );
    }
    sdl + " }"
}

fn join_types(sdl: &mut String, graphs: usize, arguments: &str) {
    for graph in 0..graphs {
        let _ = write!(sdl, " @join__type(graph: G{graph}{arguments})");
    }
}

fn nested(levels: usize, field: &str, leaves: &str) -> String {
    let mut query = leaves.to_owned();
    for _ in 0..levels {
        query = format!("{leaves} {field} {{ {query} }}");
    }
    query
}
