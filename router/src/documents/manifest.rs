//! Manifests of trusted documents.
//!
//! Two forms are read: that of `@apollo/generate-persisted-query-manifest`, with a list of operations, and a JSON object with a
//! document for each id, as the compilers of Relay and of graphql-codegen write it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

/// The manifest of Apollo's tool.
const APOLLO_FORMAT: &str = "apollo-persisted-query-manifest";

/// A trusted document.
#[derive(Clone, Debug)]
pub(super) struct TrustedDocument {
    /// Its text.
    pub(super) text: Arc<str>,
    /// The name of its operation, where the manifest has one.
    pub(super) operation_name: Option<String>,
}

/// The documents of a manifest, by their ids.
pub(super) type Manifest = BTreeMap<String, TrustedDocument>;

#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Apollo(ApolloManifest),
    ById(BTreeMap<String, String>),
}

#[derive(Deserialize)]
struct ApolloManifest {
    format: String,
    version: u64,
    operations: Vec<ApolloOperation>,
}

#[derive(Deserialize)]
struct ApolloOperation {
    id: String,
    name: Option<String>,
    body: String,
}

/// Reads a manifest of at most that many bytes.
///
/// # Errors
/// The reason, for the operator.
pub(super) fn read(path: &Path, bytes_max: u64) -> Result<Manifest, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut text = String::new();
    let read = file.take(bytes_max.saturating_add(1)).read_to_string(&mut text);
    if read.map_err(|error| error.to_string())? as u64 > bytes_max {
        return Err(format!(
            "it has more than {bytes_max} bytes (trusted_document_bytes_max)"
        ));
    }
    parse(&text)
}

fn parse(text: &str) -> Result<Manifest, String> {
    let form = serde_json::from_str(text)
        .map_err(|_| format!("it is neither a manifest of the format `{APOLLO_FORMAT}` nor a JSON object of texts"))?;
    let mut manifest = Manifest::new();
    match form {
        Form::ById(documents) => {
            for (id, text) in documents {
                add(&mut manifest, id, text, None)?;
            }
        }
        Form::Apollo(ApolloManifest {
            format,
            version,
            operations,
        }) => {
            if (&*format, version) != (APOLLO_FORMAT, 1) {
                return Err(format!(
                    "it has the format `{format}` {version}, not `{APOLLO_FORMAT}` 1"
                ));
            }
            for ApolloOperation { id, name, body } in operations {
                add(&mut manifest, id, body, name)?;
            }
        }
    }
    Ok(manifest)
}

fn add(manifest: &mut Manifest, id: String, text: String, operation_name: Option<String>) -> Result<(), String> {
    if id.is_empty() {
        return Err("a document has no id".to_owned());
    }
    let document = TrustedDocument {
        text: text.into(),
        operation_name,
    };
    match manifest.insert(id.clone(), document) {
        None => Ok(()),
        Some(_) => Err(format!("it has two documents with the id `{id}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let apollo = r#"{"format": "apollo-persisted-query-manifest", "version": 1,
            "operations": [{"id": "1", "name": "A", "type": "query", "body": "query A { a }"}]}"#;
        let read = parse(apollo).unwrap();
        assert_eq!(
            (&*read["1"].text, read["1"].operation_name.as_deref()),
            ("query A { a }", Some("A"))
        );
        let read = parse(r#"{"1": "{ a }", "2": "{ b }"}"#).unwrap();
        assert_eq!((&*read["1"].text, &*read["2"].text), ("{ a }", "{ b }"));
    }

    #[test]
    fn other_files_are_refused_with_the_reason() {
        let table = [
            ("", "neither"),
            ("[]", "neither"),
            (r#"{"1": 2}"#, "neither"),
            (r#"{"": "{ a }"}"#, "no id"),
            (
                r#"{"format": "other", "version": 1, "operations": []}"#,
                "the format `other` 1",
            ),
            (
                r#"{"format": "apollo-persisted-query-manifest", "version": 2, "operations": []}"#,
                "manifest` 2",
            ),
            (
                r#"{"format": "apollo-persisted-query-manifest", "version": 1,
                    "operations": [{"id": "1", "body": "{ a }"}, {"id": "1", "body": "{ b }"}]}"#,
                "the id `1`",
            ),
        ];
        for (text, expected) in table {
            let why = parse(text).unwrap_err();
            assert!(why.contains(expected), "{text}: {why}");
        }
    }
}
