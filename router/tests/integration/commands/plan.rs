//! `agora plan`: the fetches of an operation as a tree.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{printed, run, text};

const QUERY: &str = "query Other { products { name } } query Reviewed { products { name reviews { text } } }";

/// A supergraph of other programs.
fn supergraph() -> String {
    let file: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/commands/router/foreign.graphql");
    file.to_str().expect("a path of text").to_owned()
}

#[test]
fn the_plan_over_a_supergraph_file_is_a_tree_of_fetches() {
    let folder = tempfile::tempdir().unwrap();
    let file = supergraph();
    let arguments = ["plan", "--supergraph", &file, "--operation-name", "Reviewed", "-"];
    insta::assert_snapshot!(printed(folder.path(), &arguments, QUERY), @r"
    Sequence
      Fetch products  { products { __typename name id } }
      Fetch reviews  Product(id) => { reviews { text } }   at products.@
    ");
}

#[test]
fn the_plan_as_json_has_the_documents_that_subgraphs_receive() {
    let folder = tempfile::tempdir().unwrap();
    let (file, query) = (supergraph(), "{ products { name reviews { text } } }");
    let arguments = ["plan", "--supergraph", &file, "--json", "-"];
    let plan: Value = serde_json::from_str(&printed(folder.path(), &arguments, query)).unwrap();
    let steps = json!({
        "kind": "Sequence",
        "steps": [
            {
                "kind": "Fetch",
                "subgraph": "products",
                "document": "{products{__typename name id}}",
                "variables": [],
            },
            {
                "kind": "Entities",
                "subgraph": "reviews",
                "document": "query($representations:[_Any!]!){_entities(representations: $representations){...on Product{__typename reviews{text}}}}",
                "variables": [],
                "batches": [{ "variable": "representations", "requires": "... on Product { id }", "at": ["products.@"] }],
            },
        ],
    });
    assert_eq!(plan, json!({ "source": null, "introspects": false, "steps": steps }));
}

#[test]
fn a_supergraph_that_cannot_be_planned_for_is_refused_by_its_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bad.graphql"), "type Query { a: Int }").unwrap();
    for (file, why) in [
        ("bad.graphql", "bad.graphql: "),
        ("missing.graphql", "missing.graphql: "),
    ] {
        let refused = run(folder.path(), &["plan", "--supergraph", file, "-"], "{ a }");
        let said = text(&refused.stderr);
        assert!(!refused.status.success() && said.contains(why), "{said}");
    }
}
