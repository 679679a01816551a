//! The packages of a release, assembled from the debug build: they are complete, they work, and a second run writes the same bytes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::dist::{self, Program, Written};
use crate::error::Result;
use crate::workspace::Workspace;

/// The highest exposure that the unit may have, in tenths: `systemd-analyze security` calls less than 2.0 good.
const EXPOSURE_MAX: &str = "20";
/// The files that the Debian package must have.
const INSTALLED: [&str; 8] = [
    "./usr/bin/agora",
    "./usr/lib/systemd/system/agora.service",
    "./etc/agora/agora.toml",
    "./usr/share/man/man1/agora-serve.1",
    "./usr/share/bash-completion/completions/agora",
    "./usr/share/doc/agora/copyright",
    "./usr/share/doc/agora/sbom.cdx.json",
    "./usr/share/doc/agora/docs/runbooks/README.md",
];

/// Checks the packages and the files of containers, with `python` to read the latter.
pub fn check(workspace: &Workspace, folder: &Path, python: &Path) -> Result {
    let folder = folder.join("packages");
    let first = dist::write(workspace, Program::Debug, &folder.join("first"))?;
    let second = dist::write(workspace, Program::Debug, &folder.join("second"))?;
    for (one, other) in [(&first.archive, &second.archive), (&first.debian, &second.debian)] {
        let bytes = fs::read(one)?;
        if bytes != fs::read(other)? {
            return Err(format!("{} has other bytes in a second run", one.display()).into());
        }
        println!("{}: {} KiB, reproducible", one.display(), bytes.len() / 1024);
    }
    check_archive(&first, &folder)?;
    check_debian(&first, &folder)?;
    check_containers(workspace, python)
}

/// Unpacks the archive, and lets the program in it check the settings in it.
fn check_archive(written: &Written, folder: &Path) -> Result {
    let root = folder.join("unpacked");
    fs::create_dir(&root)?;
    command::run(
        Command::new("tar")
            .arg("-xzf")
            .arg(&written.archive)
            .arg("-C")
            .arg(&root),
    )?;
    let inside = fs::read_dir(&root)?.next().ok_or("the archive is empty")??.path();
    let mut program = Command::new(inside.join("bin/agora"));
    program
        .args(["check-config", "--running", "--config"])
        .arg(inside.join("etc/agora.toml"));
    command::run(
        program
            .arg("--data")
            .arg(folder.join("none"))
            .stdout(std::process::Stdio::null()),
    )?;
    for file in [
        "THIRD_PARTY_LICENSES",
        "sbom.cdx.json",
        "man/man1/agora.1",
        "completions/_agora",
        "docs/RUNNING.md",
    ] {
        if fs::metadata(inside.join(file)).map_or(0, |file| file.len()) == 0 {
            return Err(format!("the archive has no {file}").into());
        }
    }
    Ok(())
}

/// Reads and unpacks the Debian package, runs its program, and checks its unit where systemd is installed.
fn check_debian(written: &Written, folder: &Path) -> Result {
    let package = &written.debian;
    command::run(Command::new("dpkg-deb").arg("--info").arg(package))?;
    let contents = Command::new("dpkg-deb").arg("--contents").arg(package).output()?;
    let contents = String::from_utf8(contents.stdout)?;
    for file in INSTALLED {
        let has_it = |line: &str| line.ends_with(file) && line.contains(" root/root ");
        if !contents.lines().any(has_it) {
            return Err(format!("the Debian package has no {file} of root\n{contents}").into());
        }
    }
    let root = folder.join("root");
    command::run(Command::new("dpkg-deb").arg("--extract").arg(package).arg(&root))?;
    command::run(Command::new(root.join("usr/bin/agora")).arg("--version"))?;
    check_image(&root, folder)?;
    check_unit(&root, folder)
}

fn check_unit(root: &Path, folder: &Path) -> Result {
    let mut analyze = Command::new("systemd-analyze");
    if !analyze
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        println!("systemd is not installed: its unit is not checked");
        return Ok(());
    }
    // The program and its manual are in the scratch folder, not in the places that the unit names.
    let unit = fs::read_to_string(root.join("usr/lib/systemd/system/agora.service"))?;
    let program = root.join("usr/bin/agora");
    let lines = unit.lines().filter(|line| !line.starts_with("Documentation="));
    let unit: Vec<_> = lines
        .map(|line| line.replace("/usr/bin/agora", &program.to_string_lossy()))
        .collect();
    let path: PathBuf = folder.join("agora.service");
    fs::write(&path, unit.join("\n") + "\n")?;
    command::run(Command::new("systemd-analyze").arg("verify").arg(&path))?;
    let mut security = Command::new("systemd-analyze");
    security
        .args([
            "security",
            "--offline=true",
            &format!("--threshold={EXPOSURE_MAX}"),
            "--no-pager",
        ])
        .arg(&path);
    command::run(security.stdout(std::process::Stdio::null()))
}

/// Puts the program and the libraries that it loads into a folder, as the Dockerfile does, and starts it there without anything else.
fn check_image(root: &Path, folder: &Path) -> Result {
    let id = Command::new("id").arg("-u").output()?;
    if String::from_utf8_lossy(&id.stdout).trim() != "0" {
        println!("only root can start the program in a folder of its own: the content of the image is not checked");
        return Ok(());
    }
    let (image, program) = (folder.join("image"), root.join("usr/bin/agora"));
    fs::create_dir_all(image.join("usr/bin"))?;
    fs::copy(&program, image.join("usr/bin/agora"))?;
    let libraries = Command::new("ldd").arg(&program).output()?;
    let libraries = String::from_utf8(libraries.stdout)?;
    for library in libraries.split_whitespace().filter(|word| word.starts_with('/')) {
        let mut copy = Command::new("cp");
        command::run(copy.args(["--parents", "--dereference", library]).arg(&image))?;
    }
    let mut start = Command::new("chroot");
    start
        .arg("--userspec=10001:10001")
        .arg(&image)
        .args(["/usr/bin/agora", "--version"]);
    command::run(&mut start)
}

/// Checks the files of containers against what their formats allow.
fn check_containers(workspace: &Workspace, python: &Path) -> Result {
    let hadolint = python.with_file_name("hadolint");
    command::run(workspace.command(hadolint).arg("deploy/Dockerfile"))?;
    let script = "import compose_spec, sys; compose_spec.PyCompose.from_yaml(open(sys.argv[1]).read()).validate()";
    command::run(workspace.command(python).args(["-c", script, "deploy/compose.yaml"]))
}
