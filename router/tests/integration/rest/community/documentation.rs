//! The OpenAPI document, and whether its examples match the sample data.

use serde_json::Value;

use super::app::CommunityApp;

#[tokio::test]
async fn the_openapi_document_matches_the_checked_in_one() {
    let community = CommunityApp::open().await;
    let answered = community.get("/openapi.json").await;
    assert_eq!(
        (answered.status, answered.header("content-type")),
        (200, "application/json")
    );
    let mut document = answered.json();
    document["info"]["version"] = "[version]".into();
    insta::assert_json_snapshot!("community_openapi", document);
}

#[tokio::test]
async fn every_documented_example_is_true_on_the_sample_data() {
    let community = CommunityApp::open().await;
    let document = community.get("/openapi.json").await.json();
    let mut pressed = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            // Each request that changes data runs on fresh sample data.
            let community = match verb.as_str() {
                "get" => &community,
                _ => &CommunityApp::open().await,
            };
            // A caller without a token can change the account that the first example creates, but none of the sample data.
            if verb != "get" && path.contains("{username}") {
                let users = path.split("/{username}").next().unwrap();
                let example =
                    &document["paths"][users]["post"]["requestBody"]["content"]["application/json"]["example"];
                let made = community.call(&format!("POST {users}"), &example.to_string()).await;
                assert_eq!(made.status, 201, "{path}: {}", made.text);
            }
            let line = format!("{} {}", verb.to_uppercase(), with_examples(path, operation));
            let body = match &operation["requestBody"]["content"]["application/json"]["example"] {
                Value::Null => String::new(),
                body => body.to_string(),
            };
            let answered = community.call(&line, &body).await;
            let documented = &operation["responses"][answered.status.to_string()];
            assert!(matches!(answered.status, 200 | 201), "{line}: {}", answered.text);
            let example = &documented["content"]["application/json"]["example"];
            assert_eq!(&answered.json(), example, "{line}");
            pressed += 1;
        }
    }
    assert_eq!(
        pressed, 21,
        "each row of the contract, karma up and down, both lists of a community"
    );
}

/// Returns the path and the query with the examples of their parameters.
fn with_examples(path: &str, operation: &Value) -> String {
    let (mut line, mut query) = (path.to_owned(), Vec::new());
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap();
        let example = match &parameter["example"] {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            // The document writes lists without brackets.
            Value::Array(items) => items.iter().map(Value::to_string).collect::<Vec<_>>().join(","),
            other => other.to_string(),
        };
        match parameter["in"].as_str() {
            Some("path") => line = line.replace(&format!("{{{name}}}"), &example),
            _ => query.push(format!("{name}={example}")),
        }
    }
    if query.is_empty() {
        line
    } else {
        format!("{line}?{}", query.join("&"))
    }
}

#[tokio::test]
async fn the_interactive_page_is_served() {
    let community = CommunityApp::open().await;
    let page = community.get("/docs").await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
}
