//! The full check: everything that must hold before a change lands, as steps with names.

mod documents;
mod examples;
mod packages;
mod runbooks;
mod scaffold;
mod server;
mod shell_blocks;

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use self::server::Server;
use crate::checks::{citations, line_length, modules, words};
use crate::command::{self, BINUTILS, CC, CHROMIUM, CMAKE, CURL, DPKG, IP, JAVA, JQ, NODE, PYTHON, Tool};
use crate::error::Result;
use crate::workspace::Workspace;

/// One step.
struct Step {
    name: &'static str,
    /// The heading under which it runs.
    title: &'static str,
    /// The programs that it starts.
    tools: &'static [Tool],
    /// Whether it runs programs that the step `tests` builds.
    needs_build: bool,
    run: fn(&mut Run) -> Result,
}

impl Step {
    const BASE: Self = Self {
        name: "",
        title: "",
        tools: &[],
        needs_build: false,
        run: |_| Ok(()),
    };
}

/// All steps, in the order in which they run: a step that fails soon and often comes first.
const STEPS: &[Step] = &[
    Step {
        name: "format",
        title: "format",
        run: format,
        ..Step::BASE
    },
    Step {
        name: "words",
        title: "words that make prose hard to read",
        run: |run| words::check(&run.workspace),
        ..Step::BASE
    },
    Step {
        name: "citations",
        title: "files and anchors that documents and comments name",
        run: |run| citations::check(&run.workspace),
        ..Step::BASE
    },
    Step {
        name: "modules",
        title: "modules that use each other in a circle",
        run: |run| modules::check(&run.workspace),
        ..Step::BASE
    },
    Step {
        name: "clippy",
        title: "clippy",
        tools: &[CC, CMAKE],
        run: |run| {
            let arguments = [
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--",
                "-D",
                "warnings",
            ];
            run.workspace.cargo(&arguments)
        },
        ..Step::BASE
    },
    Step {
        name: "tests",
        title: "tests",
        tools: &[CC, CMAKE, IP],
        run: |run| run.workspace.cargo(&["test", "--workspace", "--locked"]),
        ..Step::BASE
    },
    Step {
        name: "benches",
        title: "every bench once, on a small database",
        tools: &[CC, CMAKE],
        // Without `cargo bench`, a bench compares its answers and does not measure. It uses the build of the tests.
        run: |run| {
            run.workspace
                .cargo(&["test", "--workspace", "--locked", "--bench", "*"])
        },
        ..Step::BASE
    },
    Step {
        name: "scaffold",
        title: "a new domain in a copy of the repository",
        tools: &[CC, CMAKE],
        run: |run| scaffold::check(&run.workspace),
        ..Step::BASE
    },
    Step {
        name: "examples",
        title: "the examples",
        needs_build: true,
        run: |run| examples::check(&run.workspace, &run.folder),
        ..Step::BASE
    },
    Step {
        name: "client-examples",
        title: "the commands and the examples of the documentation for clients",
        tools: &[CC, NODE, PYTHON, CURL, JQ],
        needs_build: true,
        run: |run| documents::check(&run.workspace, &run.folder),
    },
    Step {
        name: "generated",
        title: "generated files: supergraph, console, GraphiQL and Swagger UI",
        tools: &[NODE],
        run: generated,
        ..Step::BASE
    },
    Step {
        name: "clients",
        title: "real clients: graphql-ws, graphql-sse, Relay, Apollo Client, urql, and the verdict of graphql-js",
        tools: &[NODE],
        needs_build: true,
        run: clients,
    },
    Step {
        name: "gateway",
        title: "another router over the subgraphs: @apollo/gateway",
        tools: &[NODE],
        needs_build: true,
        run: gateway,
    },
    Step {
        name: "outages",
        title: "outages of single subgraphs, under load",
        tools: &[NODE],
        needs_build: true,
        run: outages,
    },
    Step {
        name: "browser",
        title: "the pages in headless Chromium",
        tools: &[NODE, CHROMIUM],
        needs_build: true,
        run: browser,
    },
    Step {
        name: "openapi",
        title: "every REST mount against its OpenAPI document",
        tools: &[PYTHON],
        needs_build: true,
        run: openapi,
    },
    Step {
        name: "generators",
        title: "generated clients: openapi-generator, openapi-typescript, openapi-python-client, graphql-codegen",
        tools: &[NODE, PYTHON, JAVA],
        needs_build: true,
        run: generators,
    },
    Step {
        name: "packages",
        title: "the packages of a release, from the debug build",
        tools: &[BINUTILS, DPKG, PYTHON],
        needs_build: true,
        run: |run| {
            let python = python(run, "deploy")?;
            packages::check(&run.workspace, &run.folder, &python)
        },
    },
    Step {
        name: "runbooks",
        title: "the runbooks",
        tools: &[CURL, JQ],
        needs_build: true,
        run: |run| runbooks::check(&run.workspace, &run.folder, &[]),
    },
    Step {
        name: "shutdown",
        title: "a clean end",
        needs_build: true,
        run: |run| {
            run.demo_server()?;
            run.stop_demo_server()
        },
        ..Step::BASE
    },
];

/// The arguments of `npm` that install exactly the locked packages and run none of their scripts.
const NPM_CI: [&str; 4] = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];

/// Prints the steps with their needs.
pub fn list() {
    for step in STEPS {
        let mut needs: Vec<_> = step.tools.iter().map(|tool| tool.name).collect();
        if step.needs_build {
            needs.push("the programs that the step tests builds");
        }
        let needs = if needs.is_empty() {
            String::new()
        } else {
            format!("; needs {}", needs.join(", "))
        };
        println!("{:15} {}{needs}", step.name, step.title);
    }
}

/// Runs the steps with these names, or all of them; the first failure ends the run.
pub fn run(workspace: &Workspace, names: &[&str]) -> Result {
    for name in names {
        if !STEPS.iter().any(|step| step.name == *name) {
            let known: Vec<_> = STEPS.iter().map(|step| step.name).collect();
            return Err(format!("{name} is not a step; the steps are {}", known.join(", ")).into());
        }
    }
    let mut run = Run::new(workspace)?;
    for step in STEPS {
        if names.is_empty() || names.contains(&step.name) {
            run.heading(step.title);
            let outcome = command::require(step.tools).and_then(|()| (step.run)(&mut run));
            outcome.map_err(|error| format!("step {}: {error}", step.name))?;
        }
    }
    run.stop_demo_server()?;
    run.heading("all of it passed");
    Ok(())
}

/// Checks and runs the runbooks with these names, or all of them.
pub fn run_runbooks(workspace: &Workspace, names: &[&str]) -> Result {
    command::require(&[CURL, JQ])?;
    let run = Run::new(workspace)?;
    runbooks::check(workspace, &run.folder, names)
}

/// A run of several steps.
struct Run {
    workspace: Workspace,
    started: Instant,
    /// A folder for the files of the steps, deleted on drop.
    folder: PathBuf,
    demo_server: Option<Server>,
}

impl Run {
    fn new(workspace: &Workspace) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("agora-ci-{}", std::process::id()));
        fs::create_dir(&folder)?;
        Ok(Self {
            workspace: workspace.clone(),
            started: Instant::now(),
            folder,
            demo_server: None,
        })
    }

    fn heading(&self, title: &str) {
        println!("\n== {title} ({}s)", self.started.elapsed().as_secs());
    }

    /// The server that several steps use, started when the first of them needs it.
    fn demo_server(&mut self) -> Result<&Server> {
        let server = match self.demo_server.take() {
            Some(server) => server,
            None => {
                self.heading("a demo server");
                Server::demo(&self.workspace, &self.folder, &[])?
            }
        };
        Ok(self.demo_server.insert(server))
    }

    /// Ends the server, if one runs; fails when it does not end as it should.
    fn stop_demo_server(&mut self) -> Result {
        self.demo_server.take().map_or(Ok(()), |server| server.stop("TERM"))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.demo_server = None;
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn format(run: &mut Run) -> Result {
    run.workspace.cargo(&["fmt", "--all", "--check"])?;
    // The example is a workspace of its own.
    let example = ["fmt", "--manifest-path", "docs/clients/rust/Cargo.toml", "--check"];
    run.workspace.cargo(&example)?;
    for file in run.workspace.files("")? {
        // Other files, such as pictures, are no text.
        let Ok(text) = fs::read_to_string(run.workspace.path(&file)) else {
            continue;
        };
        for (index, line) in text.lines().enumerate() {
            if ["<", ">"]
                .iter()
                .any(|sign| line.starts_with(&format!("{} ", sign.repeat(7))))
            {
                return Err(format!("{}:{}: a merge was left half done", file.display(), index + 1).into());
            }
        }
    }
    line_length::check(&run.workspace)
}

fn generated(run: &mut Run) -> Result {
    run.workspace.npm("router/web", &NPM_CI)?;
    run.workspace.npm("router/web", &["run", "compose", "--", "--check"])?;
    run.workspace.npm("router/web", &["run", "check"])
}

fn clients(run: &mut Run) -> Result {
    let url = run.demo_server()?.url.clone();
    run.workspace.npm("tests/clients", &NPM_CI)?;
    let mut npm = run.workspace.command("npm");
    command::run(npm.args(["--prefix", "tests/clients", "test"]).env("AGORA_URL", url))
}

fn gateway(run: &mut Run) -> Result {
    run.workspace.npm("tests/gateway", &NPM_CI)?;
    let mut npm = run.workspace.command("npm");
    npm.args(["--prefix", "tests/gateway", "test"]);
    command::run(npm.env("AGORA_BIN", crate::build::built("agora")?))
}

fn outages(run: &mut Run) -> Result {
    let mut npm = run.workspace.command("npm");
    npm.args(["--prefix", "tests/outages", "test"]);
    command::run(npm.env("AGORA_BIN", crate::build::built("agora")?))
}

fn browser(run: &mut Run) -> Result {
    let url = run.demo_server()?.url.clone();
    run.workspace.npm("tests/browser", &NPM_CI)?;
    let mut npm = run.workspace.command("npm");
    npm.args(["--prefix", "tests/browser", "test"]);
    command::run(
        npm.env("AGORA_URL", url)
            .env("AGORA_BIN", crate::build::built("agora")?),
    )
}

fn openapi(run: &mut Run) -> Result {
    let url = run.demo_server()?.url.clone();
    let python = python(run, "tests/openapi")?;
    // The fuzzer writes what it found into the folder where it runs.
    let mut python = run.workspace.command(python);
    python
        .arg(run.workspace.path("tests/openapi/check.py"))
        .current_dir(&run.folder);
    command::run(python.env("AGORA_URL", url))
}

fn generators(run: &mut Run) -> Result {
    let python = python(run, "tests/generators")?;
    run.workspace.npm("tests/generators", &NPM_CI)?;
    // A server of its own: the scenarios compare what they read with the sample data.
    let folder = run.folder.join("generators");
    fs::create_dir(&folder)?;
    let server = Server::demo(&run.workspace, &folder, &[])?;
    let mut check = run.workspace.command(python);
    check
        .arg("tests/generators/check.py")
        .env("AGORA_URL", &server.url)
        .env("CARGO_TARGET_DIR", run.workspace.path("target/generators"));
    command::run(&mut check)?;
    server.stop("TERM")
}

/// Makes a virtual environment with the packages that a folder's `requirements.txt` names, and returns its interpreter.
fn python(run: &Run, folder: &str) -> Result<PathBuf> {
    let environment = run.folder.join(folder.replace('/', "-"));
    command::run(run.workspace.command("python3").args(["-m", "venv"]).arg(&environment))?;
    let mut pip = run.workspace.command(environment.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "-r"]);
    command::run(pip.arg(format!("{folder}/requirements.txt")))?;
    Ok(environment.join("bin/python"))
}
