//! Attacks on HTTP itself.

use super::attack::Attack;

/// Returns the attacks.
pub(super) fn attacks() -> Vec<Attack> {
    let long_head = format!(
        "GET /health HTTP/1.1\r\nhost: {{host}}\r\nx: {}\r\n\r\n",
        "x".repeat(200_000)
    );
    let many_headers: String = (0..5_000).map(|number| format!("x-{number}: x\r\n")).collect();
    let many_headers = format!("GET /health HTTP/1.1\r\nhost: {{host}}\r\n{many_headers}\r\n");
    let order = r#"{"name":"GameStart","quantity":1,"type":"buy"}"#;
    let old = format!(
        "POST /bazaar/orders HTTP/1.0\r\nhost: {{host}}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{order}",
        order.len()
    );
    vec![
        Attack::whole(
            "hostile: noise",
            [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0xff, 0x0d, 0x0a, 0x0d, 0x0a],
            &[400],
        ),
        Attack::whole(
            "hostile: no host",
            "GET /health HTTP/1.1\r\nconnection: close\r\n\r\n",
            &[400],
        ),
        Attack::whole(
            "hostile: two hosts",
            "GET /health HTTP/1.1\r\nhost: {host}\r\nhost: b\r\nconnection: close\r\n\r\n",
            &[400],
        ),
        Attack::whole("hostile: a head that is too long", long_head, &[400, 431]),
        Attack::whole("hostile: too many headers", many_headers, &[400, 431]),
        Attack::whole("hostile: an open route by HTTP/1.0", old, &[401]),
        Attack::whole(
            "hostile: a length and chunks",
            "POST /graphql HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /admin HTTP/1.1\r\n\r\n",
            &[400],
        ),
        Attack::whole(
            "hostile: two lengths",
            "POST /graphql HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
            &[400],
        ),
        Attack::whole(
            "hostile: a length below zero",
            "POST /graphql HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: -1\r\n\r\n",
            &[400],
        ),
        Attack::whole(
            "hostile: a chunk of no length",
            "POST /graphql HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             transfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
            &[400],
        ),
        Attack::whole(
            "hostile: a made-up expectation",
            "POST /graphql HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nexpect: a-miracle\r\ncontent-length: 2\r\n\r\n{}",
            &[417],
        ),
        Attack::whole(
            "hostile: a page of another site",
            format!(
                "POST /bazaar/orders HTTP/1.1\r\nhost: {{host}}\r\nconnection: close\r\norigin: https://evil.example\r\n\
                 sec-fetch-site: cross-site\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{order}",
                order.len()
            ),
            &[403],
        ),
    ]
}
