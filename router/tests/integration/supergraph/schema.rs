//! The public schema is checked in, so that a change to it shows in a review.

use agora::supergraph::public_sdl;
use apollo_compiler::Schema;

const SUPERGRAPH: &str = include_str!("../../../supergraph.graphql");

#[test]
fn schema_graphql_is_the_public_part_of_the_supergraph() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../schema.graphql");
    let public = public_sdl(SUPERGRAPH).unwrap();
    testing::assert_checked_in(file, &public, "cargo xtask schemas");
}

#[test]
fn the_schema_file_of_the_routers_own_subgraph_is_what_the_code_serves() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../subgraphs/nodes/schema.graphql");
    testing::assert_checked_in(file, &agora::nodes::sdl(), "cargo xtask schemas");
}

#[test]
fn every_entity_is_in_the_types_of_invalidations() {
    let is_entity = |line: &&str| line.starts_with("type ") && line.contains("key: \"");
    let entities = SUPERGRAPH.lines().filter(is_entity);
    let mut names: Vec<_> = entities.filter_map(|line| line.split_whitespace().nth(1)).collect();
    names.sort_unstable();
    let known: Vec<_> = contract::EntityType::ALL.iter().map(|entity| entity.name()).collect();
    assert_eq!(names, known);
}

#[test]
fn the_public_schema_is_valid_and_hides_the_federation() {
    let public = public_sdl(SUPERGRAPH).unwrap();
    Schema::parse_and_validate(&public, "schema.graphql").unwrap();
    for inner in [
        "join__",
        "link__",
        "@key",
        "@inaccessible",
        "_entities",
        "_Service",
        "__Type",
    ] {
        assert!(!public.contains(inner), "{inner} is in the public schema");
    }
}
