//! The Debian package: the files of the archive in the places of the distribution, with a user and a service.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Release, copy, output, write_file};
use crate::command;
use crate::error::Result;
use crate::workspace::Workspace;

/// Files: the path in the archive, and the path in the system.
const FILES: [(&str, &str); 10] = [
    ("systemd/agora.service", "usr/lib/systemd/system/agora.service"),
    ("etc/agora.toml", "etc/agora/agora.toml"),
    ("completions/agora.bash", "usr/share/bash-completion/completions/agora"),
    ("completions/_agora", "usr/share/zsh/vendor-completions/_agora"),
    (
        "completions/agora.fish",
        "usr/share/fish/vendor_completions.d/agora.fish",
    ),
    ("README.md", "usr/share/doc/agora/README.md"),
    ("CHANGELOG.md", "usr/share/doc/agora/CHANGELOG.md"),
    ("sbom.cdx.json", "usr/share/doc/agora/sbom.cdx.json"),
    ("THIRD_PARTY_LICENSES", "usr/share/doc/agora/THIRD_PARTY_LICENSES"),
    ("LICENSE-APACHE", "usr/share/doc/agora/LICENSE-APACHE"),
];
/// Folders with all of their files.
const FOLDERS: [(&str, &str); 2] = [("man/man1", "usr/share/man/man1"), ("docs", "usr/share/doc/agora/docs")];
/// The scripts that the package manager runs.
const SCRIPTS: [&str; 3] = ["postinst", "postrm", "prerm"];

/// Writes the package of the staged files into `folder`.
pub fn write(workspace: &Workspace, release: &Release, staged: &Path, folder: &Path) -> Result<PathBuf> {
    let architecture = architecture(&release.target)?;
    let name = format!("agora_{}_{architecture}", release.version);
    let root = folder.join(&name);
    if root.exists() {
        fs::remove_dir_all(&root)?;
    }
    copy(&staged.join("bin/agora"), &root.join("usr/bin/agora"), 0o755)?;
    for (from, to) in FILES {
        copy(&staged.join(from), &root.join(to), 0o644)?;
    }
    for (from, to) in FOLDERS {
        copy_folder(&staged.join(from), &root.join(to))?;
    }
    let mit = fs::read_to_string(staged.join("LICENSE-MIT"))?;
    let copyright =
        format!("Agora is licensed under MIT or Apache-2.0 (LICENSE-APACHE), at your option. MIT:\n\n{mit}");
    write_file(&root.join("usr/share/doc/agora/copyright"), &copyright)?;
    let control = workspace
        .read("deploy/debian/control.in")?
        .replace("@VERSION@", &release.version)
        .replace("@ARCHITECTURE@", architecture)
        .replace("@SIZE@", &(size(&root)? / 1024).to_string())
        .replace("@LIBC@", &libc_version(&staged.join("bin/agora"))?);
    write_file(&root.join("DEBIAN/control"), &control)?;
    copy(
        &workspace.path("deploy/debian/conffiles"),
        &root.join("DEBIAN/conffiles"),
        0o644,
    )?;
    for script in SCRIPTS {
        let source = workspace.path("deploy/debian").join(script);
        copy(&source, &root.join("DEBIAN").join(script), 0o755)?;
    }
    set_folder_modes(&root)?;
    let package = folder.join(format!("{name}.deb"));
    let mut dpkg = Command::new("dpkg-deb");
    // No file gets a later time than this; entries are sorted.
    dpkg.env("SOURCE_DATE_EPOCH", &release.time);
    set_times(&root, &release.time)?;
    dpkg.arg(format!("-z{}", release.compression));
    dpkg.args(["--root-owner-group", "-Zgzip", "--build"])
        .arg(&root)
        .arg(&package);
    output(&mut dpkg)?;
    Ok(package)
}

fn architecture(target: &str) -> Result<&'static str> {
    match target.split('-').next() {
        Some("x86_64") => Ok("amd64"),
        Some("aarch64") => Ok("arm64"),
        _ => Err(format!("Debian's name for {target} is not known here").into()),
    }
}

/// Returns the newest version of the C library whose symbols the program uses.
fn libc_version(program: &Path) -> Result<String> {
    let symbols = output(Command::new("objdump").arg("-T").arg(program))?;
    let versions = symbols.split("GLIBC_").skip(1).filter_map(|rest| {
        let version = rest.split(|next: char| !next.is_ascii_digit() && next != '.').next()?;
        let parts: Option<Vec<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
        parts
    });
    let newest = versions.max().ok_or("the program uses no C library")?;
    let newest: Vec<_> = newest.iter().map(ToString::to_string).collect();
    Ok(newest.join("."))
}

fn copy_folder(from: &Path, to: &Path) -> Result {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &to)?;
        } else {
            copy(&entry.path(), &to, 0o644)?;
        }
    }
    Ok(())
}

/// Returns the bytes of all files below a folder.
fn size(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() {
            size(&entry.path())?
        } else {
            entry.metadata()?.len()
        };
    }
    Ok(bytes)
}

/// Sets the modes of all folders, which else depend on the mask of the caller.
fn set_folder_modes(root: &Path) -> Result {
    command::run(
        Command::new("find")
            .arg(root)
            .args(["-type", "d", "-exec", "chmod", "0755", "{}", "+"]),
    )
}

fn set_times(root: &Path, time: &str) -> Result {
    let mut find = Command::new("find");
    find.arg(root).args([
        "-exec",
        "touch",
        "--no-dereference",
        "--date",
        &format!("@{time}"),
        "{}",
        "+",
    ]);
    command::run(&mut find)
}
