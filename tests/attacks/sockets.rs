//! WebSockets that hold much memory, and WebSockets that send and do not read.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::target::Target;
use super::wire::{address_of, frame, websocket};

const TEXT: u8 = 1;
const PING: u8 = 9;

/// Returns a `subscribe` message with these variables, given as JSON.
fn subscribe_with(id: usize, query: &str, variables: &str) -> Vec<u8> {
    let message =
        format!(r#"{{"id":"{id}","type":"subscribe","payload":{{"query":"{query}","variables":{{{variables}}}}}}}"#);
    frame(TEXT, message.as_bytes())
}

/// Returns a `subscribe` message with this many values that no variable needs.
fn subscribe(id: usize, values: usize) -> Vec<u8> {
    let values = vec!["\"Book\""; values].join(",");
    subscribe_with(
        id,
        "subscription { cacheInvalidated { key } }",
        &format!(r#""names":[{values}]"#),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_with_too_many_values_closes_its_socket() {
    let target = Target::start();
    let address = address_of(target.url());
    let attack = async {
        let mut socket = websocket(&address).await.expect("a socket");
        let message = subscribe(0, 140_000);
        // The server closes the socket before it has read all of the messages.
        for _ in 0..100 {
            if socket.write_all(&message).await.is_err() {
                break;
            }
        }
        let mut read = Vec::new();
        let _ = socket.read_to_end(&mut read).await;
        let text = String::from_utf8_lossy(&read);
        assert!(text.contains("JSON values"), "{text}");
    };
    target.attacked_by(attack).await.assert_held();
}

/// Opens the given number of subscriptions on each of the sockets and returns whether the server refused some for
/// lack of room.
async fn opens(address: &str, sockets: usize, subscriptions: usize, subscribe: impl Fn(usize) -> Vec<u8>) -> bool {
    let mut open = Vec::new();
    let mut refused = false;
    for _ in 0..sockets {
        let mut socket = websocket(address).await.expect("a socket");
        for id in 0..subscriptions {
            socket.write_all(&subscribe(id)).await.expect("a message");
        }
        socket
            .write_all(&frame(TEXT, br#"{"type":"ping"}"#))
            .await
            .expect("a message");
        let mut text = String::new();
        while !text.contains("pong") {
            let mut read = [0; 4_096];
            let bytes = socket.read(&mut read).await.expect("messages");
            assert!(bytes > 0, "the socket stays open: {text}");
            text.push_str(&String::from_utf8_lossy(&read[..bytes]));
        }
        assert!(!text.contains("INVALID_INPUT"), "{text}");
        refused |= text.contains("UNAVAILABLE");
        open.push(socket);
    }
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_of_subscription_requests_is_bounded() {
    let target = Target::start();
    let address = address_of(target.url());
    let attack = async {
        let refused = opens(&address, 8, 50, |id| subscribe(id, 9_000)).await;
        assert!(refused, "some subscriptions found no room");
    };
    target.attacked_by(attack).await.assert_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_of_subscriptions_with_long_texts_is_bounded() {
    let target = Target::start();
    let address = address_of(target.url());
    let text = format!(r#""text":"{}""#, "x".repeat(900_000));
    let attack = async {
        let query = "subscription { cacheInvalidated { key } }";
        let refused = opens(&address, 8, 15, |id| subscribe_with(id, query, &text)).await;
        assert!(refused, "some subscriptions found no room");
    };
    target.attacked_by(attack).await.assert_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn long_lists_of_type_names_are_not_kept() {
    let target = Target::start();
    let address = address_of(target.url());
    let names = format!(r#""names":[{}]"#, vec!["\"Book\""; 9_000].join(","));
    let query = "subscription($names: [String!]) { cacheInvalidated(typenames: $names) { key } }";
    let attack = async {
        opens(&address, 4, 50, |id| subscribe_with(id, query, &names)).await;
    };
    target.attacked_by(attack).await.assert_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_only_sends_pings_is_not_read_any_more() {
    const SENT_BYTES_MAX: usize = 200 * 1024 * 1024;
    let target = Target::start();
    let address = address_of(target.url());
    let attack = async {
        let mut socket = websocket(&address).await.expect("a socket");
        let pings = frame(PING, &[b'x'; 125]).repeat(500);
        let mut sent = 0;
        while sent < SENT_BYTES_MAX {
            match timeout(Duration::from_secs(1), socket.write_all(&pings)).await {
                Ok(Ok(())) => sent += pings.len(),
                Ok(Err(_)) | Err(_) => break,
            }
        }
        assert!(sent < SENT_BYTES_MAX, "the server still reads");
    };
    target.attacked_by(attack).await.assert_held();
}
