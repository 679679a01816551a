//! Attacks on the REST mounts.

use super::attack::{Attack, Body};
use super::text;

/// Bytes that are more than a body may have.
const TOO_LONG: usize = 2 * 1024 * 1024;

/// Returns the attacks.
pub(super) fn attacks() -> Vec<Attack> {
    let mut attacks = of_the_address();
    attacks.extend(of_the_bazaar());
    attacks.extend(of_the_brokerage());
    attacks.extend(of_the_others());
    attacks
}

fn of_the_address() -> Vec<Attack> {
    vec![
        Attack::bare("hostile: an unknown page", "GET /nowhere", &[404]),
        Attack::bare("hostile: an unknown route", "GET /bazaar/nowhere", &[404]),
        Attack::bare(
            "hostile: a path upwards",
            "GET /bazaar/stocks/../../../../etc/passwd",
            &[400, 404],
        ),
        Attack::bare("hostile: a path that is no UTF-8", "GET /bazaar/stocks/%ff%fe", &[400]),
        Attack::bare("hostile: another method", "PUT /bazaar/orders", &[405]),
        Attack::bare("hostile: a purchase by GET", "GET /bookstore/purchase/1", &[405]),
        Attack::bare("hostile: a made-up method", "BREW /shop/api/check", &[405]),
        Attack::bare("hostile: a parameter twice", "GET /community/posts?n=1&n=2", &[400]),
        Attack::bare(
            "hostile: a precondition that cannot hold",
            "DELETE /community/posts/1",
            &[412],
        )
        .with_headers("if-match: \"x\"\r\n"),
        Attack::bare(
            "hostile: a blank idempotency key",
            "POST /bookstore/purchase/999999999",
            &[400],
        )
        .with_headers("idempotency-key:   \r\n"),
    ]
}

fn of_the_bazaar() -> Vec<Attack> {
    const ORDER: &str = "POST /bazaar/orders";
    let order = |quantity: &str| text(format!(r#"{{"name":"GameStart","quantity":{quantity},"type":"buy"}}"#));
    vec![
        Attack::json("hostile: malformed JSON (REST)", ORDER, text("{"), &[400]),
        Attack::json("hostile: an array (REST)", ORDER, text("[]"), &[400]),
        Attack::json(
            "hostile: invalid UTF-8 (REST)",
            ORDER,
            Body::Bytes(vec![b'{', 0xff, b'}']),
            &[400],
        ),
        Attack::json("hostile: missing members (REST)", ORDER, text("{}"), &[400]),
        Attack::json("hostile: a quantity as a text", ORDER, order("\"1\""), &[400]),
        Attack::json("hostile: a quantity with a fraction", ORDER, order("1.5"), &[400]),
        Attack::json("hostile: a quantity of zero", ORDER, order("0"), &[400]),
        Attack::json("hostile: a quantity below zero", ORDER, order("-3"), &[400]),
        Attack::json(
            "hostile: a quantity beyond all bounds",
            ORDER,
            order("99999999999999999999999999"),
            &[400],
        ),
        Attack::json(
            "hostile: a member twice",
            ORDER,
            text(r#"{"name":"a","name":"b","quantity":1,"type":"buy"}"#),
            &[400],
        ),
        Attack::json("hostile: more than there is", ORDER, order("2147483647"), &[409, 404]),
        Attack::json(
            "hostile: a body that is too long (REST)",
            ORDER,
            text("x".repeat(TOO_LONG)),
            &[413],
        )
        .or_closed(),
        Attack::json("hostile: another media type (REST)", ORDER, order("1"), &[415])
            .with_headers("content-type: text/xml\r\n"),
        Attack::json("hostile: a forged token (REST)", ORDER, order("1"), &[401])
            .with_headers("content-type: application/json\r\nauthorization: Bearer x.y.z\r\n"),
        Attack::bare("hostile: an order of no number", "GET /bazaar/orders/one", &[404]),
    ]
}

fn of_the_brokerage() -> Vec<Attack> {
    let signed_in = "content-type: application/json\r\nauthorization: Bearer {token}\r\n";
    let order = || text(r#"{"type":"PURCHASE","stockId":1,"stockAmount":1}"#);
    let login = text(r#"{"email":"no-one@load.example","password":"a wrong password"}"#);
    vec![
        Attack::json(
            "hostile: an order without a sign-in",
            "POST /brokerage/orders",
            order(),
            &[401],
        ),
        Attack::json(
            "hostile: an order without the role",
            "POST /brokerage/orders",
            order(),
            &[403],
        )
        .with_headers(signed_in),
        Attack::json(
            "hostile: a balance by a person",
            "PUT /brokerage/balance",
            text(r#"{"userId":1,"balance":1}"#),
            &[403],
        )
        .with_headers(signed_in),
        Attack::json(
            "hostile: a stranger's profile",
            "PUT /brokerage/users/1",
            text(r#"{"name":"x"}"#),
            &[403, 404],
        )
        .with_headers(signed_in),
        Attack::bare("hostile: a stranger's order", "GET /brokerage/orders/1", &[404]).with_headers(signed_in),
        Attack::json(
            "hostile: half of a registration",
            "POST /brokerage/users/register",
            text(r#"{"name":"x"}"#),
            &[400],
        ),
        Attack::json(
            "hostile: a wrong password (REST)",
            "POST /brokerage/users/login",
            login,
            &[401, 429],
        ),
        Attack::bare("hostile: a made-up filter", "GET /brokerage/orders?status=GONE", &[400]).with_headers(signed_in),
    ]
}

fn of_the_others() -> Vec<Attack> {
    let post = |title: &str| {
        text(format!(
            r#"{{"title":{title},"text":"x","community":"Load","username":"load"}}"#
        ))
    };
    let control = text(r#"{"title":"x","text":"x","community":"a\u0000b","username":"load"}"#);
    vec![
        Attack::bare("hostile: a book of no number", "GET /bookstore/info/abc", &[400]),
        Attack::bare(
            "hostile: a book that is not there",
            "GET /bookstore/info/999999999",
            &[404],
        ),
        Attack::bare("hostile: a blank topic", "GET /bookstore/search/%20", &[400]),
        Attack::json(
            "hostile: an order for no one",
            "POST /shop/api/orders",
            text(r#"{"user_id":999999999,"product_id":1,"quantity":1,"date":"2023-11-28"}"#),
            &[404],
        ),
        Attack::json(
            "hostile: a day that is none",
            "POST /shop/api/orders",
            text(r#"{"user_id":1,"product_id":1,"quantity":1,"date":"2023-02-30"}"#),
            &[400],
        ),
        Attack::bare(
            "hostile: a stranger's karma",
            "PUT /community/users/admin/karma/increment",
            &[401, 403, 404],
        ),
        Attack::json(
            "hostile: a title that is too long",
            "POST /community/posts",
            post(&format!("\"{}\"", "x".repeat(10_000))),
            &[400],
        ),
        Attack::json(
            "hostile: a title that is a number",
            "POST /community/posts",
            post("7"),
            &[400],
        ),
        Attack::json("hostile: control characters", "POST /community/posts", control, &[400]),
        Attack::bare(
            "hostile: a list that is too long",
            "GET /community/posts?n=1000000",
            &[400],
        ),
        Attack::bare("hostile: messages of all people", "GET /community/messages", &[400]),
        Attack::bare(
            "hostile: votes on no number",
            "POST /community/votes/abc/upvotes",
            &[400],
        ),
    ]
}
