//! REST returns lists as a whole, although the graph returns pages.

use agora::limits::Limits;
use serde_json::Value;

use crate::app::RestApp;

async fn with_books(limits: Limits, more: usize) -> RestApp {
    let app = RestApp::with(agora::rest_access::AnonymousAccess::Anyone, limits).await;
    for number in 0..more {
        let book = format!(r#"{{"title":"Volume {number}","topic":"encyclopaedia","quantity":1,"price":1}}"#);
        assert_eq!(app.json("POST /bookstore/catalog/books", &book).await.status, 201);
    }
    app
}

fn ids(list: &Value) -> Vec<i64> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_i64().unwrap())
        .collect()
}

#[tokio::test]
async fn a_list_longer_than_a_page_of_the_graph_is_complete() {
    let app = with_books(Limits::default(), 205).await;
    let books = app.call("GET /bookstore/catalog/books").await;
    assert_eq!(ids(&books.json()), (1..=212).collect::<Vec<i64>>());
    assert_eq!(books.header("link"), "");
    let found = app.call("GET /bookstore/search/encyclopaedia").await;
    assert_eq!(ids(&found.json()), (8..=212).collect::<Vec<i64>>());
}

#[tokio::test]
async fn a_list_longer_than_its_bound_links_the_next_part() {
    let limits = Limits {
        rest_rows_max: 5,
        ..Limits::default()
    };
    let app = with_books(limits, 5).await;
    let mut line = "GET /bookstore/catalog/books?x=1".to_owned();
    let mut all = Vec::new();
    for expected in [5, 5, 2] {
        let part = app.call(&line).await;
        assert_eq!(ids(&part.json()).len(), expected);
        all.extend(ids(&part.json()));
        let Some(next) = part.header("link").strip_suffix(">; rel=\"next\"") else {
            break;
        };
        assert!(next.starts_with("</bookstore/catalog/books?x=1&after="), "{next}");
        line = format!("GET {}", &next[1..]);
    }
    assert_eq!(all, (1..=12).collect::<Vec<i64>>());
    let wrong = app.call("GET /bookstore/catalog/books?after=nonsense").await;
    assert_eq!(
        (wrong.status, &wrong.json()["message"]),
        (400, &"after is not a cursor of this list".into())
    );
}
