//! The Rust types that columns may have.

/// A write reads an integer as `i64` and a real as `f64`, the only numbers of SQLite. SeaORM reads a value of any
/// other type than the requested one as null (`contract::Tx`).
#[test]
fn numbers_are_i64_or_f64() {
    let narrow = ["i8", "i16", "i32", "u8", "u16", "u32", "u64", "f32"];
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines().map(str::trim) {
            let member = line.strip_prefix("pub ").and_then(|line| line.split_once(": "));
            let kind = member.map(|(_, kind)| kind.trim_end_matches(',').trim_end_matches('>'));
            let kind = kind.map(|kind| kind.strip_prefix("Option<").unwrap_or(kind));
            let stored = line
                .split_once("rs_type = \"")
                .and_then(|(_, kind)| kind.split('"').next());
            for kind in [kind, stored].into_iter().flatten() {
                assert!(!narrow.contains(&kind), "{}: {line}", path.display());
            }
        }
    }
}
