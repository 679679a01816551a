//! The queries that find books, and the mutations of operators.

use serde_json::{Value, json};

use crate::support::{BookstoreDomain, admin, code, member, service, titles};

async fn found(store: &BookstoreDomain, filter: &str) -> Vec<String> {
    let answer = store
        .ask(&member(7), &format!("{{ books({filter}) {{ nodes {{ title }} }} }}"))
        .await;
    titles(&answer).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_topic_is_matched_whole_in_any_case() {
    let store = BookstoreDomain::new().await;
    for (title, topic) in [
        ("RPCs", "Distributed Systems"),
        ("Logs", " distributed systems "),
        ("Atoms", "systems"),
        ("Sagen", "GROßE ÄRA"),
        ("Odyssey", "ΟΔΥΣΣΕΥΣ"),
    ] {
        store.add(title, topic, 1).await;
    }
    for (topic, wanted) in [
        ("distributed systems", vec!["RPCs", "Logs"]),
        ("  DISTRIBUTED SYSTEMS ", vec!["RPCs", "Logs"]),
        ("Systems", vec!["Atoms"]),
        ("distributed", vec![]),
        ("%", vec![]),
        ("grosse ära", vec!["Sagen"]),
        ("οδυσσευς", vec!["Odyssey"]),
        ("οδυσσευσ", vec!["Odyssey"]),
    ] {
        assert_eq!(found(&store, &format!("topic: \"{topic}\"")).await, wanted, "{topic}");
    }
    let topics = store.ask(&member(7), "{ topics }").await;
    assert_eq!(
        topics["data"]["topics"],
        json!(["Distributed Systems", "GROßE ÄRA", "systems", "ΟΔΥΣΣΕΥΣ"])
    );
    let blank = store.ask(&member(7), r#"{ books(topic: " ") { nodes { id } } }"#).await;
    assert_eq!(code(&blank), "INVALID_INPUT");
}

#[tokio::test]
async fn a_search_text_is_found_literally_anywhere_in_a_title() {
    let store = BookstoreDomain::new().await;
    for title in ["100% Ada", "C_sharp", "Csharp", r"Back\\slash", "Über Äpfel"] {
        store.add(title, "t", 1).await;
    }
    for (text, wanted) in [
        ("ADA", vec!["100% Ada"]),
        ("0% a", vec!["100% Ada"]),
        ("%", vec!["100% Ada"]),
        ("c_S", vec!["C_sharp"]),
        (r"\\", vec![r"Back\slash"]),
        ("ÄPF", vec!["Über Äpfel"]),
        ("nothing", vec![]),
    ] {
        assert_eq!(found(&store, &format!("text: \"{text}\"")).await, wanted, "{text}");
    }
    assert_eq!(found(&store, "text: \" \"").await.len(), 5);
    assert_eq!(found(&store, "text: \"ada\", topic: \"x\"").await.len(), 0);
}

fn input(title: &str, topic: &str, amount: &str, currency: &str, quantity: &str) -> String {
    format!(
        r#"{{ title: "{title}", topic: "{topic}", quantity: {quantity}, price: {{ amount: "{amount}", currency: "{currency}" }} }}"#
    )
}

#[tokio::test]
async fn an_invalid_book_is_not_added() {
    let store = BookstoreDomain::new().await;
    let long = "x".repeat(301);
    for (input, field) in [
        (input(" ", "t", "1", "USD", "1"), "input.title"),
        (input(&long, "t", "1", "USD", "1"), "input.title"),
        (input("a\\u0000b", "t", "1", "USD", "1"), "input.title"),
        (input("a", "", "1", "USD", "1"), "input.topic"),
        (input("a", "..", "1", "USD", "1"), "input.topic"),
        (input("a", &long, "1", "USD", "1"), "input.topic"),
        (input("a", "t", "-0.01", "USD", "1"), "input.price"),
        (input("a", "t", "1", "EUR", "1"), "input.price"),
        (input("a", "t", "1", "USD", "-1"), "input.quantity"),
    ] {
        let answer = store
            .ask(&admin(), &format!("mutation {{ addBook(input: {input}) {{ id }} }}"))
            .await;
        assert_eq!(code(&answer), "INVALID_INPUT", "{input}");
        assert_eq!(answer["errors"][0]["extensions"]["field"], field, "{input}");
    }
    for input in [
        r#"{ title: "a", topic: "t", quantity: 1, price: { amount: "1", currency: 5 } }"#.to_owned(),
        r#"{ title: "a", topic: "t", quantity: 1, price: { amount: 1, currency: "USD" } }"#.to_owned(),
        r#"{ title: "a", topic: "t", quantity: 1, price: "1 USD" }"#.to_owned(),
        input("a", "t", "1.001", "USD", "1"),
        input("a", "t", "1000000000000.01", "USD", "1"),
        input("a", "t", "1", "USD", "2147483648"),
        input("a", "t", "1", "USD", "1.5"),
        input("a", "t", "1", "USD", "null"),
    ] {
        let answer = store
            .ask(&admin(), &format!("mutation {{ addBook(input: {input}) {{ id }} }}"))
            .await;
        assert_eq!(code(&answer), "INVALID_INPUT", "{input}");
    }
    assert_eq!(found(&store, "first: 1").await, Vec::<String>::new());
}

#[tokio::test]
async fn the_extremes_are_kept_to_the_cent() {
    let store = BookstoreDomain::new().await;
    for (title, amount, quantity) in [("least", "0.00", "0"), ("most", "1000000000000.00", "2147483647")] {
        let input = input(title, "t", amount, "USD", quantity);
        let answer = store
            .ask(
                &admin(),
                &format!("mutation {{ addBook(input: {input}) {{ price quantity }} }}"),
            )
            .await;
        let book = &answer["data"]["addBook"];
        assert_eq!(book["price"]["amount"], amount);
        assert_eq!(book["quantity"].to_string(), quantity);
    }
}

#[tokio::test]
async fn the_same_key_adds_once_and_repeats_its_response() {
    let store = BookstoreDomain::new().await;
    let add = |title: &str| {
        let input = input(title, "novels", "9.99", "USD", "3");
        format!(r#"mutation {{ addBook(input: {input}, idempotencyKey: "k") {{ id title quantity }} }}"#)
    };
    let first = store.ask(&service(), &add("Dune")).await;
    store.ask(&service(), "mutation { purchaseBook(id: 1) { id } }").await;
    assert_eq!(store.ask(&service(), &add("Dune")).await, first);
    assert_eq!(code(&store.ask(&service(), &add("Emma")).await), "IDEMPOTENCY_MISMATCH");
    assert_eq!(found(&store, "first: 9").await, ["Dune"]);
}

async fn update(store: &BookstoreDomain, id: &str, input: &str) -> Value {
    let document = format!("mutation {{ updateBook(id: {id}, input: {input}) {{ title topic quantity price }} }}");
    store.ask(&admin(), &document).await
}

#[tokio::test]
async fn a_member_omitted_from_an_update_stays() {
    let store = BookstoreDomain::with_copies(3).await;
    let price = json!({ "amount": "9.99", "currency": "USD" });
    for (input, wanted) in [
        (
            "{ quantity: 0 }",
            json!({ "title": "Dune", "topic": "novels", "quantity": 0, "price": price }),
        ),
        (
            r#"{ title: " Emma " }"#,
            json!({ "title": "Emma", "topic": "novels", "quantity": 0, "price": price }),
        ),
        (
            r#"{ topic: "Classics" }"#,
            json!({ "title": "Emma", "topic": "Classics", "quantity": 0, "price": price }),
        ),
    ] {
        assert_eq!(update(&store, "1", input).await["data"]["updateBook"], wanted);
    }
    let free = update(&store, "1", r#"{ price: { amount: "0", currency: "USD" } }"#).await;
    assert_eq!(free["data"]["updateBook"]["price"]["amount"], "0.00");
    assert_eq!(found(&store, r#"topic: "classics", text: "EMMA""#).await, ["Emma"]);
}

#[tokio::test]
async fn an_invalid_update_changes_nothing() {
    let store = BookstoreDomain::with_copies(3).await;
    let before = store
        .ask(&admin(), "{ book(id: 1) { title topic quantity price } }")
        .await;
    for input in [
        "{}",
        "{ title: null }",
        "{ topic: null }",
        "{ price: null }",
        "{ quantity: null }",
        "{ title: \"Emma\", quantity: null }",
        "{ title: \"Emma\", quantity: -1 }",
        "{ title: \" \" }",
        r#"{ price: { amount: "-1", currency: "USD" } }"#,
        r#"{ price: { amount: "1.999", currency: "USD" } }"#,
    ] {
        assert_eq!(code(&update(&store, "1", input).await), "INVALID_INPUT", "{input}");
    }
    let after = store
        .ask(&admin(), "{ book(id: 1) { title topic quantity price } }")
        .await;
    assert_eq!(after, before);
    for id in ["2", r#""x""#] {
        assert_eq!(code(&update(&store, id, "{ quantity: 1 }").await), "NOT_FOUND");
    }
}

#[tokio::test]
async fn a_deleted_book_is_gone_and_its_id_is_never_used_again() {
    let store = BookstoreDomain::with_copies(3).await;
    let delete = "mutation { deleteBook(id: 1) }";
    assert_eq!(store.ask(&admin(), delete).await["data"]["deleteBook"], true);
    assert_eq!(code(&store.ask(&admin(), delete).await), "NOT_FOUND");
    assert_eq!(
        store.ask(&admin(), "{ book(id: 1) { id } }").await["data"]["book"],
        Value::Null
    );
    assert_eq!(store.add("Emma", "novels", 1).await, "2");
}

#[tokio::test]
async fn an_id_other_than_an_integer_finds_no_book() {
    let store = BookstoreDomain::with_copies(3).await;
    for id in [
        r#""x""#,
        r#""1 ""#,
        r#""+1""#,
        r#""1.0""#,
        r#""""#,
        r#""99999999999999999999""#,
    ] {
        let answer = store.ask(&member(7), &format!("{{ book(id: {id}) {{ id }} }}")).await;
        assert_eq!(answer, json!({ "data": { "book": null } }), "{id}");
    }
}

#[tokio::test]
async fn entities_answer_one_by_one_and_a_missing_one_is_one_null() {
    let store = BookstoreDomain::with_copies(3).await;
    store.add("Emma", "novels", 1).await;
    store.ask(&member(7), "mutation { purchaseBook(id: 2) { id } }").await;
    let answer = store
        .ask(
            &member(8),
            r#"{ _entities(representations: [
                { __typename: "Book", id: "2" }, { __typename: "Book", id: "9" }, { __typename: "Book", id: "1" },
                { __typename: "BookPurchase", id: "1" },
                { __typename: "User", id: "7" }, { __typename: "User", id: "8" }
            ]) { ... on Book { title } ... on BookPurchase { title } ... on User { bookPurchases { nodes { title } } } } }"#,
        )
        .await;
    assert_eq!(
        answer["data"]["_entities"],
        json!([
            { "title": "Emma" }, null, { "title": "Dune" }, null,
            { "bookPurchases": null }, { "bookPurchases": { "nodes": [] } },
        ])
    );
    assert_eq!(code(&answer), "FORBIDDEN");
    assert_eq!(answer["errors"].as_array().unwrap().len(), 1);
    // async-graphql leaves the index out below `_entities`.
    assert_eq!(answer["errors"][0]["path"], json!(["_entities", "bookPurchases"]));
}

#[tokio::test]
async fn the_sample_data_is_seven_books_seeded_once() {
    let store = BookstoreDomain::new().await;
    for _ in 0..2 {
        bookstore::demo::seed(&store.services).await.unwrap();
    }
    let answer = store
        .ask(&member(7), "{ topics books { nodes { id topic quantity price } } }")
        .await;
    assert_eq!(
        answer["data"]["topics"],
        json!(["distributed systems", "new arrivals", "undergraduate school"])
    );
    let books = answer["data"]["books"]["nodes"].as_array().unwrap();
    let prices: Vec<_> = books
        .iter()
        .map(|book| book["price"]["amount"].as_str().unwrap())
        .collect();
    assert_eq!(prices, ["40.00", "50.00", "60.00", "30.00", "15.00", "15.00", "15.00"]);
    // The next start restores no book that was deleted or sold.
    store.ask(&admin(), "mutation { deleteBook(id: 7) }").await;
    bookstore::demo::seed(&store.services).await.unwrap();
    assert_eq!(found(&store, "first: 9").await.len(), 6);
}

#[tokio::test]
async fn the_sample_sales_are_seeded_once_as_documented() {
    let store = BookstoreDomain::new().await;
    bookstore::demo::seed(&store.services).await.unwrap();
    for _ in 0..2 {
        let people = bookstore::demo::People { ada: 5, cleo: 7 };
        bookstore::demo::seed_sales(&store.services, people).await.unwrap();
    }
    let answer = store
        .ask(
            &admin(),
            "{ books { nodes { quantity } } bookPurchases { nodes { title buyer { id } } } }",
        )
        .await;
    let sold = |title: &str, buyer: &str| json!({ "title": title, "buyer": { "id": buyer } });
    assert_eq!(
        answer["data"]["bookPurchases"]["nodes"],
        json!([sold("Why theory classes are so hard", "7"), sold("RPCs for Noobs", "5")])
    );
    let books = answer["data"]["books"]["nodes"].as_array().unwrap();
    assert!(books.iter().all(|book| book["quantity"] == 10), "{books:?}");
}
