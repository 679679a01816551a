//! HTTP/2 connections with as many streams as they may have: bodies that do not come, and answers that are not taken.

use axum::http::Request;
use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::target::Target;
use super::unread_answers::large_file;
use super::wire::address_of;

/// As many as the server allows on one connection.
const STREAMS: usize = 100;

async fn connect(address: &str, window: u32, tasks: &mut JoinSet<()>) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(address).await.expect("a connection");
    let handshake = Builder::new().initial_window_size(window).handshake(stream).await;
    let (client, connection) = handshake.expect("HTTP/2");
    tasks.spawn(async move {
        // It ends when the server has had enough.
        let _ = connection.await;
    });
    client
}

fn request(method: &str, address: &str, path: &str) -> Request<()> {
    let request = Request::builder().method(method).uri(format!("http://{address}{path}"));
    let request = request.header("content-type", "application/json");
    request.body(()).expect("a request")
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_whose_bodies_do_not_come_keep_nobody_out() {
    let target = Target::start();
    let address = address_of(target.url());
    let attack = async {
        let mut tasks = JoinSet::new();
        let mut open = Vec::new();
        for _ in 0..20 {
            let mut client = connect(&address, 65_535, &mut tasks).await;
            for _ in 0..STREAMS {
                client = client.ready().await.expect("a stream");
                let (answer, mut body) = client
                    .send_request(request("POST", &address, "/graphql"), false)
                    .expect("a stream");
                body.send_data(Bytes::from_static(b"{"), false).expect("a beginning");
                open.push((answer, body));
            }
        }
        let (answer, _body) = open.remove(0);
        assert_eq!(answer.await.expect("an answer").status(), 408);
    };
    target.attacked_by(attack).await.assert_held();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "memory holds; normal queries take longer than 200 ms beside it on two cores in a debug build"]
async fn answers_without_a_window_are_not_kept() {
    let target = Target::start();
    let address = address_of(target.url());
    let file = large_file(&target).await;
    let attack = async {
        let mut tasks = JoinSet::new();
        let mut open = Vec::new();
        for _ in 0..40 {
            let mut client = connect(&address, 0, &mut tasks).await;
            for _ in 0..STREAMS {
                let Ok(ready) = client.ready().await else { break };
                client = ready;
                let sent = client.send_request(request("GET", &address, &file), true);
                let Ok((answer, _)) = sent else { break };
                open.push(answer);
            }
        }
        // Each has its head by now, or its connection was closed for those that came later.
        for answer in open {
            let _ = answer.await;
        }
    };
    target.attacked_by(attack).await.assert_held();
}
