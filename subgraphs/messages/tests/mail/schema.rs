//! The checked-in schema is the one the code serves.

use std::path::Path;

#[test]
fn the_schema_file_says_what_the_code_serves() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql");
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&file, messages::sdl()).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(
        kept,
        messages::sdl(),
        "UPDATE_SCHEMAS=1 cargo test -p messages rewrites it"
    );
}
