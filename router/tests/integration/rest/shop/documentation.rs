//! The OpenAPI document, and whether its examples match the sample data.

use serde_json::Value;

use super::app::ShopApp;

#[tokio::test]
async fn the_openapi_document_matches_the_checked_in_one() {
    let shop = ShopApp::open().await;
    let answered = shop.call("GET /openapi.json", "").await;
    assert_eq!(
        (answered.status, answered.header("content-type")),
        (200, "application/json")
    );
    let also = shop.call("GET /swagger.json", "").await;
    assert_eq!(also.line(), answered.line());
    let mut document = answered.json();
    document["info"]["version"] = "[version]".into();
    insta::assert_json_snapshot!("shop_openapi", document);
}

#[tokio::test]
async fn every_documented_example_is_true_on_the_sample_data() {
    let shop = ShopApp::open().await;
    let document = shop.call("GET /openapi.json", "").await.json();
    let mut pressed = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            // Each request that changes data runs on fresh sample data.
            let shop = match verb.as_str() {
                "get" => &shop,
                _ => &ShopApp::open().await,
            };
            // A caller without a token can change the account that the first example creates, but none of the sample data.
            if verb != "get" && path == "/api/user/{id}" {
                let post = &document["paths"]["/api/users"]["post"]["requestBody"]["content"]["application/json"];
                let made = shop.call("POST /api/users", &post["example"].to_string()).await;
                assert_eq!(made.status, 200, "{path}: {}", made.text);
            }
            let line = format!("{} {}", verb.to_uppercase(), with_examples(path, operation));
            let body = match &operation["requestBody"]["content"]["application/json"]["example"] {
                Value::Null => String::new(),
                body => body.to_string(),
            };
            let answered = shop.call(&line, &body).await;
            assert_eq!(answered.status, 200, "{line}: {}", answered.text);
            let example = &operation["responses"]["200"]["content"]["application/json"]["example"];
            assert_eq!(&answered.json(), example, "{line}");
            pressed += 1;
        }
    }
    assert_eq!(pressed, 11, "each row of the contract but for this document itself");
}

/// Returns the path with the examples of its parameters.
fn with_examples(path: &str, operation: &Value) -> String {
    let mut line = path.to_owned();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap();
        line = line.replace(&format!("{{{name}}}"), &parameter["example"].to_string());
    }
    line
}

#[tokio::test]
async fn the_interactive_page_is_served() {
    let shop = ShopApp::open().await;
    let page = shop.call("GET /docs", "").await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
}
