//! Packages for a release: an archive and a Debian package, with the licences and the list of everything that is in the program.
//!
//! Two runs over the same sources and the same program write the same bytes: entries are sorted, owners are root, and times are that
//! of the commit (`SOURCE_DATE_EPOCH`).

mod debian;
mod json;
mod licences;
mod packages;
mod sbom;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::build::{built, target as target_folder};
use crate::command;
use crate::error::Result;
use crate::workspace::Workspace;
use packages::Packages;

/// The folder of the packages, relative to the target folder.
const FOLDER: &str = "package";

/// A file of the packages: its path in the archive, and its source in the repository.
const FILES: [(&str, &str); 9] = [
    ("README.md", "deploy/README.md"),
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("LICENSE-MIT", "LICENSE-MIT"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
    ("etc/agora.toml", "deploy/agora.toml"),
    ("systemd/agora.service", "deploy/agora.service"),
    ("docs/RUNNING.md", "docs/RUNNING.md"),
    ("docs/ORDER_REPLICAS.md", "docs/ORDER_REPLICAS.md"),
    ("docs/ERRORS.md", "docs/ERRORS.md"),
];

/// The program that is packaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// One that is built for it, with the profile `dist`.
    Dist,
    /// The debug build that exists already, to check the packages quickly.
    Debug,
}

/// The files that were written.
#[derive(Debug)]
pub struct Written {
    /// The archive.
    pub archive: PathBuf,
    /// The Debian package.
    pub debian: PathBuf,
}

/// The facts that several files of a package state.
struct Release {
    version: String,
    /// The target triple, such as `x86_64-unknown-linux-gnu`.
    target: String,
    /// Seconds since the epoch: the time of every file.
    time: String,
    /// How hard the files are compressed, from 1 to 9.
    compression: u8,
}

/// Writes the packages into `folder`.
///
/// # Errors
/// When a program is missing, the program loads a library that not every system has, or a licence is not permitted.
pub fn write(workspace: &Workspace, program: Program, folder: &Path) -> Result<Written> {
    let release = Release {
        version: version(workspace)?,
        target: target(workspace)?,
        time: time(workspace)?,
        compression: if program == Program::Dist { 9 } else { 1 },
    };
    let binary = binary(workspace, program)?;
    let name = format!("agora-{}-{}", release.version, release.target);
    let staged = folder.join(&name);
    if staged.exists() {
        fs::remove_dir_all(&staged)?;
    }
    stage(workspace, &release, &binary, &staged)?;
    let archive = folder.join(format!("{name}.tar.gz"));
    compress(folder, &name, &archive, &release)?;
    let debian = debian::write(workspace, &release, &staged, folder)?;
    checksums(folder, &[&archive, &debian])?;
    Ok(Written { archive, debian })
}

/// Returns the folder in which packages are written if no other one is named.
pub fn default_folder() -> Result<PathBuf> {
    Ok(target_folder()?.join(FOLDER))
}

/// Puts the content of the archive into a folder.
fn stage(workspace: &Workspace, release: &Release, binary: &Path, staged: &Path) -> Result {
    for (path, source) in FILES {
        copy(&workspace.path(source), &staged.join(path), 0o644)?;
    }
    for file in workspace.files("docs/runbooks")? {
        copy(&workspace.path(&file), &staged.join(&file), 0o644)?;
    }
    let program = staged.join("bin/agora");
    copy(binary, &program, 0o755)?;
    command::run(Command::new("strip").arg(&program))?;
    require_common_libraries(&program)?;
    let packages = Packages::of_program(workspace, &release.target)?;
    write_file(
        &staged.join("THIRD_PARTY_LICENSES"),
        &licences::text(workspace, &packages)?,
    )?;
    write_file(&staged.join("sbom.cdx.json"), &sbom::text(release, &packages)?)?;
    for (shell, file) in [("bash", "agora.bash"), ("zsh", "_agora"), ("fish", "agora.fish")] {
        let script = output(Command::new(&program).args(["completions", shell]))?;
        write_file(&staged.join("completions").join(file), &script)?;
    }
    let manual = staged.join("man/man1");
    command::run(Command::new(&program).arg("man").arg(&manual))
}

/// Fails when the program loads a library other than those of the C library and its compiler.
fn require_common_libraries(program: &Path) -> Result {
    const COMMON: [&str; 8] = [
        "libc.so",
        "libm.so",
        "libgcc_s.so",
        "libpthread.so",
        "libdl.so",
        "librt.so",
        "ld-linux",
        "linux-vdso.so",
    ];
    let headers = output(Command::new("objdump").arg("-p").arg(program))?;
    let needed = headers.lines().filter_map(|line| line.trim().strip_prefix("NEEDED"));
    for library in needed.map(str::trim) {
        if !COMMON.iter().any(|common| library.starts_with(common)) {
            return Err(format!("{} loads {library}, which not every system has", program.display()).into());
        }
    }
    Ok(())
}

/// Writes the folder `name` inside of `folder` as an archive.
fn compress(folder: &Path, name: &str, archive: &Path, release: &Release) -> Result {
    let tar = archive.with_extension("");
    let mut command = Command::new("tar");
    command.args([
        "--create",
        "--sort=name",
        "--format=gnu",
        "--owner=root:0",
        "--group=root:0",
        "--mode=u=rwX,go=rX",
    ]);
    command
        .arg(format!("--mtime=@{}", release.time))
        .arg("--file")
        .arg(&tar)
        .arg("--directory")
        .arg(folder)
        .arg(name);
    command::run(&mut command)?;
    // Without the name and the time of the file.
    let mut gzip = Command::new("gzip");
    gzip.args(["--no-name", "--force"])
        .arg(format!("-{}", release.compression));
    command::run(gzip.arg(&tar))
}

fn checksums(folder: &Path, files: &[&Path]) -> Result {
    let names = files.iter().filter_map(|file| file.file_name());
    let sums = output(Command::new("sha256sum").args(names).current_dir(folder))?;
    write_file(&folder.join("SHA256SUMS"), &sums)
}

fn binary(workspace: &Workspace, program: Program) -> Result<PathBuf> {
    match program {
        Program::Debug => built("agora"),
        Program::Dist => {
            workspace.cargo(&["build", "--profile", "dist", "--locked"])?;
            Ok(target_folder()?.join("dist/agora"))
        }
    }
}

/// Returns the version of the workspace.
fn version(workspace: &Workspace) -> Result<String> {
    let manifest = workspace.read("Cargo.toml")?;
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
    Ok(version.ok_or("Cargo.toml has no version")?.to_owned())
}

/// Returns the target triple of the machine, for which the program is built.
fn target(workspace: &Workspace) -> Result<String> {
    let about = output(workspace.command("rustc").arg("-vV"))?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or("rustc names no host")?.to_owned())
}

/// Returns the time of the sources: `SOURCE_DATE_EPOCH`, or that of the commit.
fn time(workspace: &Workspace) -> Result<String> {
    let given = std::env::var_os("SOURCE_DATE_EPOCH").map(|time| time.to_string_lossy().into_owned());
    let time = match given {
        Some(time) => time,
        None => output(workspace.command("git").args(["log", "-1", "--format=%ct"]))?,
    };
    let time = time.trim();
    let seconds: u64 = time
        .parse()
        .map_err(|_| format!("SOURCE_DATE_EPOCH is no number of seconds: {time}"))?;
    Ok(seconds.to_string())
}

fn copy(from: &Path, to: &Path, mode: u32) -> Result {
    let folder = to.parent().ok_or("a file needs a folder")?;
    fs::create_dir_all(folder)?;
    fs::copy(from, to).map_err(|error| format!("{}: {error}", from.display()))?;
    Ok(fs::set_permissions(to, fs::Permissions::from_mode(mode))?)
}

fn write_file(path: &Path, text: &str) -> Result {
    let folder = path.parent().ok_or("a file needs a folder")?;
    fs::create_dir_all(folder)?;
    fs::write(path, text)?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o644))?)
}

/// Runs a command and returns its standard output.
fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program}: {}: {said}", output.status).into())
}
