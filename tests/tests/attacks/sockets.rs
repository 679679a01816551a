//! WebSockets that hold much, and WebSockets that send and do not read.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::target::Target;
use super::wire::{address_of, frame, websocket};

const TEXT: u8 = 1;
const PING: u8 = 9;

fn subscribe(id: usize, values: usize) -> Vec<u8> {
    let values = vec!["\"Book\""; values].join(",");
    let message = format!(
        r#"{{"id":"{id}","type":"subscribe","payload":{{"query":"subscription {{ cacheInvalidated {{ key }} }}","variables":{{"names":[{values}]}}}}}}"#
    );
    frame(TEXT, message.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_with_more_values_than_one_may_have_closes_its_socket() {
    let target = Target::start();
    let address = address_of(target.url());
    let attack = async {
        let mut socket = websocket(&address).await.expect("a socket");
        let message = subscribe(0, 140_000);
        // The server closes before it has read all of them.
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

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_hold_only_so_much_of_what_was_sent() {
    let target = Target::start();
    let address = address_of(target.url());
    let attack = async {
        let mut open = Vec::new();
        let mut refused = false;
        for _ in 0..8 {
            let mut socket = websocket(&address).await.expect("a socket");
            for id in 0..50 {
                socket.write_all(&subscribe(id, 9_000)).await.expect("a message");
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
            refused |= text.contains("UNAVAILABLE");
            open.push(socket);
        }
        assert!(refused, "some subscriptions found no room");
    };
    target.attacked_by(attack).await.assert_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_pings_and_reads_nothing_is_not_listened_to_any_more() {
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
