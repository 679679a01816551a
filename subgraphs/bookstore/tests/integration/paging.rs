//! Paginated lists.

use serde_json::{Value, json};
use testing::Answer;

use crate::support::{BOOKS, BookstoreDomain, DELETE, titles};

async fn shelf(titles: &[&str]) -> BookstoreDomain {
    let store = BookstoreDomain::new().await;
    for title in titles {
        store.add(title, "t", 1).await;
    }
    store
}

async fn books(store: &BookstoreDomain, args: Value) -> Answer {
    store.member(7).query(BOOKS, args).await
}

fn info<'a>(answer: &'a Answer, member: &str) -> &'a Value {
    &answer.at("books.pageInfo")[member]
}

#[tokio::test]
async fn pages_forwards_meet_every_book_once() {
    let store = shelf(&["a", "b", "c", "d", "e"]).await;
    let mut seen = Vec::new();
    let mut args = json!({ "first": 2 });
    loop {
        let page = books(&store, args).await;
        seen.extend(titles(&page).into_iter().map(str::to_owned));
        if seen.len() == 2 {
            // Deleted and new books do not shift the next page: it begins after a key, not at an offset.
            store.admin().query(DELETE, json!({ "id": 1 })).await;
        }
        assert_eq!(info(&page, "hasPreviousPage"), seen.len() > 2);
        if info(&page, "hasNextPage") == false {
            break;
        }
        args = json!({ "first": 2, "after": info(&page, "endCursor") });
    }
    assert_eq!(seen, ["a", "b", "c", "d", "e"]);
}

#[tokio::test]
async fn pages_backwards_meet_every_book_once() {
    let store = shelf(&["a", "b", "c", "d", "e"]).await;
    let last = books(&store, json!({ "last": 2 })).await;
    assert_eq!(titles(&last), ["d", "e"]);
    assert_eq!(
        (info(&last, "hasPreviousPage"), info(&last, "hasNextPage")),
        (&true.into(), &false.into())
    );
    let middle = books(&store, json!({ "last": 2, "before": info(&last, "startCursor") })).await;
    assert_eq!(titles(&middle), ["b", "c"]);
    assert_eq!(
        (info(&middle, "hasPreviousPage"), info(&middle, "hasNextPage")),
        (&true.into(), &true.into())
    );
    let front = books(&store, json!({ "last": 2, "before": info(&middle, "startCursor") })).await;
    assert_eq!(titles(&front), ["a"]);
    assert_eq!(info(&front, "hasPreviousPage"), false);
}

#[tokio::test]
async fn two_cursors_select_the_rows_between_them() {
    let store = shelf(&["a", "b", "c", "d"]).await;
    let all = books(&store, json!({ "first": 9 })).await;
    let cursors = all.all("books.edges.*.cursor");
    let args = json!({ "first": 9, "after": cursors[0], "before": cursors[3] });
    assert_eq!(titles(&books(&store, args).await), ["b", "c"]);
}

#[tokio::test]
async fn an_empty_page_is_valid() {
    let store = shelf(&["a"]).await;
    let none = books(&store, json!({ "first": 0 })).await;
    assert_eq!(titles(&none), Vec::<&str>::new());
    assert_eq!(info(&none, "hasNextPage"), true);
    assert_eq!(info(&none, "endCursor"), &Value::Null);
    let empty = books(&shelf(&[]).await, json!({ "first": 5 })).await;
    assert_eq!(info(&empty, "hasNextPage"), false);
}

#[tokio::test]
async fn invalid_page_arguments_are_refused() {
    let store = shelf(&["a"]).await;
    for (args, field) in [
        (json!({ "first": -1 }), "first"),
        (json!({ "first": 101 }), "first"),
        (json!({ "last": -1 }), "last"),
        (json!({ "last": 101 }), "last"),
        (json!({ "first": 1, "last": 1 }), "last"),
        (json!({ "after": "x" }), "after"),
        (json!({ "after": "" }), "after"),
        (json!({ "after": "1-2" }), "after"),
        (json!({ "after": "0001" }), "after"),
        (json!({ "before": "+1" }), "before"),
        (json!({ "before": "fffffffffffffffff" }), "before"),
    ] {
        let answer = books(&store, args.clone()).await;
        assert_eq!(answer.code(), "INVALID_INPUT", "{args}");
        assert_eq!(answer["errors"][0]["extensions"]["field"], field, "{args}");
    }
}
