//! The operations whose planning is measured.

use std::fmt::Write as _;
use std::sync::LazyLock;

use engine::limits::Limits;

/// Our own supergraph.
pub const AGORA_SDL: &str = include_str!("../../supergraph.graphql");
/// The shop of four subgraphs.
pub const SHOP_SDL: &str = include_str!("shop.graphql");

/// Four subgraphs with many plain fields of one entity.
static WIDE_SDL: LazyLock<String> = LazyLock::new(wide_sdl);

/// Fields of each subgraph of the wide supergraph.
const WIDE_FIELDS: usize = 250;
const WIDE_GRAPHS: [&str; 4] = ["A", "B", "C", "D"];

/// An operation on a supergraph.
pub struct Line {
    /// Its name.
    pub name: &'static str,
    /// The supergraph.
    pub sdl: &'static str,
    /// The operation.
    pub query: String,
    /// Its fields, with the fragments expanded.
    pub fields: usize,
}

impl Line {
    fn new(name: &'static str, sdl: &'static str, query: String, fields: usize) -> Self {
        Self {
            name,
            sdl,
            query,
            fields,
        }
    }

    /// Whether the document may be in a cache.
    pub fn is_cached(&self, limits: &Limits) -> bool {
        self.query.len() <= limits.cached_document_bytes_max
    }
}

/// Returns all operations.
pub fn lines() -> Vec<Line> {
    let everything = include_str!("../everything/query.graphql");
    vec![
        Line::new(
            "shop: one product",
            SHOP_SDL,
            "{ topProducts { upc name } }".to_owned(),
            3,
        ),
        Line::new(
            "shop: the heavy query",
            SHOP_SDL,
            include_str!("shop_query.graphql").to_owned(),
            64,
        ),
        Line::new("shop: 1,000 fields", SHOP_SDL, nested_fields(25), 1_000),
        Line::new("shop: 2,000 fields", SHOP_SDL, nested_fields(50), 2_000),
        Line::new("wide: 1,000 fields", WIDE_SDL.as_str(), thousand_fields(), 1_001),
        Line::new(
            "our own: a user's posts",
            AGORA_SDL,
            "{ me { username posts(first: 2) { nodes { title score } } } }".to_owned(),
            6,
        ),
        Line::new("our own: everything", AGORA_SDL, everything.to_owned(), 59),
    ]
}

/// Users with 40 fields each: their reviews, the products of these, and the reviews and authors of the products.
fn nested_fields(users: usize) -> String {
    let product = "upc name price weight inStock shippingEstimate";
    let user = "id name username birthday";
    let mut query = "{ ".to_owned();
    for index in 0..users {
        let _ = write!(
            query,
            "u{index}: user(id: \"{index}\") {{ {user} reviews {{ id body product {{ {product} reviews {{ id body author {{ {user}
             reviews {{ id body product {{ {product} reviews {{ id author {{ id name }} }} }} }} }} }} }} }} }} "
        );
    }
    query + "}"
}

/// Every field of one entity.
fn thousand_fields() -> String {
    let mut query = "{ item { ".to_owned();
    for graph in WIDE_GRAPHS {
        for index in 0..WIDE_FIELDS {
            let _ = write!(query, "{graph}{index} ");
        }
    }
    query + "} }"
}

fn wide_sdl() -> String {
    let mut sdl = "enum join__Graph {".to_owned();
    for graph in WIDE_GRAPHS {
        let _ = write!(
            sdl,
            " {graph} @join__graph(name: \"{graph}\", url: \"http://{graph}.test/graphql\")"
        );
    }
    sdl += " } type Query";
    for graph in WIDE_GRAPHS {
        let _ = write!(sdl, " @join__type(graph: {graph})");
    }
    sdl += " { item: Item @join__field(graph: A) } type Item";
    for graph in WIDE_GRAPHS {
        let _ = write!(sdl, " @join__type(graph: {graph}, key: \"id\")");
    }
    sdl += " { id: ID!";
    for graph in WIDE_GRAPHS {
        for index in 0..WIDE_FIELDS {
            let _ = write!(sdl, " {graph}{index}: Int @join__field(graph: {graph})");
        }
    }
    sdl + " }"
}
