//! Files that are generated and checked in.

/// Fails when the file differs from the generated text; with `UPDATE_SCHEMAS` in the environment it writes the file
/// first.
///
/// `test` is the command that runs the calling test; the failure message shows it.
///
/// # Panics
/// When the file differs, or cannot be written.
#[track_caller]
pub fn assert_checked_in(file: &str, code: &str, test: &str) {
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(file, code).expect("the file can be written");
    }
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    assert_eq!(kept, code, "UPDATE_SCHEMAS=1 {test} rewrites {file}");
}
