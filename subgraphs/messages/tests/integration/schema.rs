//! The checked-in schema is the one the code serves.

#[test]
fn the_schema_file_matches_the_code() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql");
    testing::assert_checked_in(file, &messages::sdl(), "cargo test -p messages");
}
