//! A case of the suite: an operation and its expected answer, read from one folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::execution::{events, execute};
use super::graph::Graph;
use super::subgraph::{Fault, Session};

/// A case of the suite.
pub struct Case {
    /// The names of its graph and of its folder.
    pub name: String,
    pub graph: Arc<Graph>,
    pub query: String,
    pub variables: Value,
    /// The answer, or the list of a subscription's answers.
    pub expected: Value,
    pub setup: Setup,
    folder: PathBuf,
}

/// The parts of a case that few cases have.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Setup {
    /// The name of the operation to execute.
    pub operation: Option<String>,
    /// The faults of subgraphs.
    pub faults: BTreeMap<String, Fault>,
    /// The number of requests that a subgraph gets.
    pub requests: BTreeMap<String, usize>,
    /// The viewer; without one, the caller is anonymous.
    pub viewer: Option<CaseViewer>,
    /// Why the reference executor has another answer.
    pub no_reference: Option<String>,
}

/// A viewer who has signed in.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseViewer {
    /// Its scopes.
    pub scopes: BTreeSet<String>,
}

/// Reads all cases of the suite, by their names.
pub fn read_all() -> Vec<Case> {
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let mut cases = Vec::new();
    for graph_folder in folders(&suite) {
        let graph = Arc::new(Graph::read(&graph_folder));
        let case_folders = folders(&graph_folder).into_iter();
        cases.extend(case_folders.map(|folder| Case::read(&graph, &suite, folder)));
    }
    cases
}

fn folders(parent: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).unwrap_or_else(|error| panic!("{}: {error}", parent.display()));
    let mut folders: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

impl Case {
    fn read(graph: &Arc<Graph>, suite: &Path, folder: PathBuf) -> Self {
        let name = folder.strip_prefix(suite).unwrap().display().to_string();
        let json = |file: &str| {
            let text = fs::read_to_string(folder.join(file)).ok()?;
            let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}/{file}: {error}"));
            Some(value)
        };
        let setup = json("setup.json").map(serde_json::from_value);
        Self {
            graph: graph.clone(),
            query: fs::read_to_string(folder.join("query.graphql")).unwrap_or_else(|error| panic!("{name}: {error}")),
            variables: json("variables.json").unwrap_or_else(|| json!({})),
            expected: json("expected.json").unwrap_or_default(),
            setup: setup
                .transpose()
                .unwrap_or_else(|error| panic!("{name}/setup.json: {error}"))
                .unwrap_or_default(),
            name,
            folder,
        }
    }

    /// Whether the case is about HTTP, so that it cannot run in one process.
    pub fn needs_http(&self) -> bool {
        self.setup.faults.values().any(Fault::needs_http)
    }

    /// Returns the answers of the reference executor, as text: it executes the operation over the public schema and all data.
    pub fn reference(&self) -> Vec<String> {
        let session = Session::new(self.graph.clone());
        let events = match self.expected {
            Value::Array(_) => events(session.view(None, 0), &self.query),
            _ => 1,
        };
        let operation = self.setup.operation.as_deref();
        let answer = |event| execute(session.view(None, event), &self.query, operation, &self.variables);
        (0..events).map(answer).collect()
    }

    /// Returns the expected answers: several of a subscription, one of any other operation.
    pub fn expected_answers(&self) -> Vec<Value> {
        match &self.expected {
            Value::Array(answers) => answers.clone(),
            answer => vec![answer.clone()],
        }
    }

    /// Writes `expected.json`.
    pub fn write_expected(&self, answers: &[Value]) {
        let expected = match (&self.expected, answers) {
            (Value::Array(_), answers) => json!(answers),
            (_, [answer]) => answer.clone(),
            (_, answers) => panic!("{} answers", answers.len()),
        };
        let text = serde_json::to_string_pretty(&expected).unwrap();
        fs::write(self.folder.join("expected.json"), text + "\n").unwrap();
    }
}
