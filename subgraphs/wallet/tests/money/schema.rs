//! The checked-in schema is the schema that the code serves.

#[test]
fn the_schema_file_says_what_the_code_serves() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql");
    testing::assert_checked_in(file, &wallet::sdl(), "cargo test -p wallet");
}
