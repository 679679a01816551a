//! The checked-in schema is the one that the code serves.

#[test]
fn the_schema_file_is_the_schema_that_the_code_serves() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql");
    testing::assert_checked_in(file, &__domain__::sdl(), "cargo xtask schemas");
}
