//! The programs that cargo built last, and the folder where they are.

use std::path::PathBuf;

use crate::error::Result;

/// Returns the path of a program that lies beside this one, such as `agora` or `examples/embedded`.
///
/// `cargo test` builds it. A `cargo build` here would select other features for the dependencies and build them again.
pub fn built(name: &str) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.is_file() {
        return Ok(path);
    }
    Err(format!("{} is missing: run the step tests first", path.display()).into())
}

/// Returns the target folder that this program was built into.
pub fn target() -> Result<PathBuf> {
    let path = std::env::current_exe()?;
    let target = path.ancestors().nth(2).ok_or("this program is in no target folder")?;
    Ok(target.to_owned())
}
