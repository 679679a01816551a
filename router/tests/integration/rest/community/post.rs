//! The posting service.

use serde_json::{Value, json};

use super::app::{CommunityApp, NEW_POST, POST_3, assert_names, said};

#[tokio::test]
async fn a_post_is_created_read_and_listed_without_text_and_url() {
    let community = CommunityApp::open().await;
    let body = r#"{"title":" Tea ","text":"or\ncoffee?","community":"BOOKS","username":"zoe","url":"http://example.com/","x":1}"#;
    let made = community.call("POST /posts", body).await;
    let shown = r#"{"id":7,"title":"Tea","text":"or\ncoffee?","community":"Books","url":"http://example.com/","username":"zoe","date":"2026-01-02T03:04:05+00:00"}"#;
    assert_eq!(made.line(), format!("201 {shown}"));
    assert_eq!(made.header("location"), "/community/posts/7");
    assert_eq!(community.get("/posts/7").await.line(), format!("200 {shown}"));
    let listed =
        r#"200 [{"id":7,"title":"Tea","community":"Books","username":"zoe","date":"2026-01-02T03:04:05+00:00"}]"#;
    for path in [
        "/posts?n=1",
        "/posts?community=books&n=1",
        "/communities/bOOks/posts?n=1",
    ] {
        assert_eq!(community.get(path).await.line(), listed, "{path}");
    }
}

#[tokio::test]
async fn posts_can_be_dated_and_are_sorted_by_date_and_id() {
    let community = CommunityApp::open().await;
    for (date, shown) in [
        (r#""2026-01-01""#, "2026-01-01T00:00:00+00:00"),
        (r#""2026-01-01T01:00:00+01:00""#, "2026-01-01T00:00:00+00:00"),
        (r#""2030-12-31T23:59:59.5Z""#, "2030-12-31T23:59:59.500+00:00"),
    ] {
        let body = format!(r#"{{"title":"a","text":"b","community":"Dates","username":"zoe","date":{date}}}"#);
        let made = community.call("POST /posts", &body).await;
        assert_eq!((made.status, &made.json()["date"]), (201, &json!(shown)), "{date}");
    }
    assert_eq!(community.list("/communities/dates/posts", "id").await, [9, 8, 7]);
    assert_eq!(community.list("/posts?n=5", "id").await, [9, 6, 5, 8, 7]);
}

#[tokio::test]
async fn an_invalid_post_is_refused_by_the_name_of_its_member() {
    let community = CommunityApp::open().await;
    let before = community.everything().await;
    let long = |length: usize| format!("\"{}\"", "x".repeat(length));
    let left_out = || String::new();
    let texts = ["null", "7", "true", "[]", "{}", "\"\"", "\" \""];
    for (member, values) in [
        ("title", [&texts[..], &[&long(301)]].concat()),
        ("text", [&texts[..], &[&long(40_001)]].concat()),
        ("community", [&texts[..], &[&long(65), r#""a\nb""#]].concat()),
        ("username", [&texts[..], &[&long(65), r#""a\tb""#]].concat()),
        (
            "url",
            vec![
                "7",
                "true",
                r#""ftp://example.com/""#,
                r#""ftp:example.com""#,
                r#""http://a b/""#,
            ],
        ),
        (
            "date",
            vec![
                "null",
                "7",
                r#""yesterday""#,
                r#""2026-02-30""#,
                r#""1969-12-31""#,
                r#""""#,
            ],
        ),
    ] {
        let left_out = ["url", "date"]
            .iter()
            .all(|optional| *optional != member)
            .then(left_out);
        for value in values.into_iter().map(str::to_owned).chain(left_out) {
            let mut body: Value = serde_json::from_str(NEW_POST).unwrap();
            match value.as_str() {
                "" => drop(body.as_object_mut().unwrap().remove(member)),
                value => body[member] = serde_json::from_str(value).unwrap(),
            }
            let answered = community.call("POST /posts", &body.to_string()).await;
            let shown: String = format!("{member}: {value}").chars().take(60).collect();
            assert_names(&answered, member, &shown);
        }
    }
    let several = community.call("POST /posts", r#"{"title":7,"community":null}"#).await;
    for member in ["title", "text", "community", "username"] {
        assert!(several.text.contains(member), "{member}: {}", several.text);
    }
    assert_eq!(community.everything().await, before);
}

#[tokio::test]
async fn a_null_or_blank_url_is_null() {
    let community = CommunityApp::open().await;
    for url in ["null", r#"" ""#] {
        let body = NEW_POST.replace("}", &format!(r#","url":{url}}}"#));
        let made = community.call("POST /posts", &body).await;
        assert_eq!((made.status, &made.json()["url"]), (201, &Value::Null), "{url}");
    }
}

#[tokio::test]
async fn a_deleted_post_is_gone_with_its_votes() {
    let community = CommunityApp::open().await;
    assert_eq!(community.get("/posts/3").await.line(), format!("200 {POST_3}"));
    assert_eq!(community.get("/votes/3").await.json()["upvotes"], 4);
    let deleted = community.call("DELETE /posts/3", "").await;
    assert_eq!(deleted.line(), r#"200 {"message":"Post deleted"}"#);
    for line in ["GET /posts/3", "DELETE /posts/3"] {
        assert_eq!(
            community.call(line, "").await.line(),
            said(404, "post not found"),
            "{line}"
        );
    }
    assert_eq!(community.get("/votes/3").await.status, 404);
    assert_eq!(community.list("/communities/Outdoors/posts", "id").await, [6]);
}

#[tokio::test]
async fn an_invalid_post_id_is_not_found() {
    let community = CommunityApp::open().await;
    for id in [
        "0",
        "7",
        "-1",
        "x",
        "3.0",
        "03",
        "%20",
        "9223372036854775807",
        "9223372036854775808",
    ] {
        for verb in ["GET", "DELETE"] {
            let answered = community.call(&format!("{verb} /posts/{id}"), "").await;
            assert_eq!(answered.line(), said(404, "post not found"), "{verb} {id}");
        }
    }
}

#[tokio::test]
async fn a_list_has_the_requested_number_of_posts() {
    let community = CommunityApp::open().await;
    assert_eq!(community.list("/posts", "id").await, [6, 5, 4, 3, 2, 1]);
    assert_eq!(community.list("/posts?n=2", "id").await, [6, 5]);
    assert_eq!(community.list("/posts?community=Markets", "id").await, [5, 4]);
    assert_eq!(community.list("/communities/Books/posts?n=1", "id").await, [2]);
    for number in 0..30 {
        let body = NEW_POST.replace("Tea", &number.to_string());
        assert_eq!(community.call("POST /posts", &body).await.status, 201);
    }
    for (n, wanted) in [("", 25), ("?n=25", 25), ("?n=36", 36), ("?n=100", 36)] {
        assert_eq!(community.list(&format!("/posts{n}"), "id").await.len(), wanted, "{n}");
    }
    for n in ["0", "101", "-1", "x", "1.0", "", "1&n=1", "9223372036854775808"] {
        for list in ["/posts?", "/posts?community=Books&", "/communities/Books/posts?"] {
            assert_names(
                &community.get(&format!("{list}n={n}")).await,
                "n ",
                &format!("{list} {n}"),
            );
        }
    }
}

#[tokio::test]
async fn a_community_without_posts_has_an_empty_list() {
    let community = CommunityApp::open().await;
    for path in [
        "/communities/nowhere/posts",
        "/communities/%20/posts",
        "/communities/a%2Fb/posts",
        "/posts?community=nowhere",
        "/posts?community=",
    ] {
        assert_eq!(community.get(path).await.line(), "200 []", "{path}");
    }
    let body = NEW_POST.replace("Books", "a/b c");
    assert_eq!(community.call("POST /posts", &body).await.status, 201);
    for path in ["/communities/A%2FB%20C/posts", "/posts?community=a/b+c"] {
        assert_eq!(community.list(path, "id").await, [7], "{path}");
    }
}
