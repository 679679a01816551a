//! Responses over HTTP/1.1 that their clients do not read.

use std::time::Duration;

use tests::HttpClient;
use tokio::io::AsyncReadExt;

use super::large_answers::write_posts;
use super::target::Target;
use super::wire::{address_of, post, sent};

/// Returns the path of the largest file that the server offers without a token.
pub async fn large_file(target: &Target) -> String {
    let page = HttpClient::new(target.url()).get("/graphiql/").await;
    let page = page.body.as_str().expect("a page").to_owned();
    let script = page.split("src=\"").nth(1).expect("a script");
    script.split('"').next().expect("its address").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_responses_are_not_kept() {
    let target = Target::start();
    let address = address_of(target.url());
    let request = format!("GET {} HTTP/1.1\r\nhost: localhost\r\n\r\n", large_file(&target).await);
    // The requests follow each other on one connection: the kernel's buffers cannot take all of the responses.
    let request = request.repeat(20);
    let attack = async {
        let mut open = Vec::new();
        for _ in 0..80 {
            open.push(sent(&address, request.as_bytes()).await.expect("a connection"));
        }
        // A few bytes prove that the server is sending the first response.
        let mut read = [0; 15];
        open[0].read_exact(&mut read).await.expect("an answer");
        assert_eq!(&read, b"HTTP/1.1 200 OK");
    };
    target.attacked_by(attack).await.assert_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn large_responses_read_a_few_bytes_at_a_time_are_not_kept() {
    let target = Target::start();
    let address = address_of(target.url());
    write_posts(&HttpClient::new(target.url()).sign_in("cleo").await, 25).await;
    let page = r#"{"query":"{ recentPosts { nodes { text } } }"}"#;
    let request = post("/graphql", "", page);
    let attack = async {
        let mut open = Vec::new();
        let mut ticks = tokio::time::interval(Duration::from_millis(150));
        for _ in 0..60 {
            ticks.tick().await;
            open.push(sent(&address, &request).await.expect("a connection"));
            for stream in &mut open {
                let mut few = [0; 10];
                // Either no byte has arrived yet, or the server closed the connection for lack of room.
                let _ = stream.try_read(&mut few);
            }
        }
        let mut read = [0; 10];
        let newest = open.last_mut().expect("connections");
        newest.read_exact(&mut read).await.expect("the newest is answered");
    };
    target.attacked_by(attack).await.assert_held();
}
