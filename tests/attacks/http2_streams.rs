//! HTTP/2 connections with the most streams allowed, whose request bodies do not arrive or whose responses are not
//! read.

use std::io;
use std::time::Duration;

use axum::http::Request;
use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::target::Target;
use super::unread_answers::large_file;
use super::wire::{address_of, sent_one_by_one};

/// The most streams that the server allows on one connection.
const STREAMS: usize = 100;

async fn connect(address: &str, window: u32, tasks: &mut JoinSet<()>) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(address).await.expect("a connection");
    let handshake = Builder::new().initial_window_size(window).handshake(stream).await;
    let (client, connection) = handshake.expect("HTTP/2");
    tasks.spawn(async move {
        // The connection ends when the server closes it.
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
async fn streams_with_missing_bodies_block_no_client() {
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

/// Returns the bytes of a connection with a window of 0 that requests a file over the most streams allowed.
fn without_a_window(address: &str, path: &str) -> Vec<u8> {
    const HEADERS: u8 = 1;
    const SETTINGS: u8 = 4;
    const END_STREAM_AND_HEADERS: u8 = 5;
    let frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    };
    // HPACK: indexes of the static table, and literal values.
    let literal = |name: u8, value: &str| {
        let length = u8::try_from(value.len()).expect("a short value");
        assert!(length < 127, "{value}");
        [&[name, length], value.as_bytes()].concat()
    };
    let get_by_http = [0x82, 0x86];
    let head = [&get_by_http[..], &literal(4, path), &literal(1, address)].concat();
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let initial_window_of_0 = [0, 4, 0, 0, 0, 0];
    bytes.extend(frame(SETTINGS, 0, 0, &initial_window_of_0));
    for stream in (1..).step_by(2).take(STREAMS) {
        bytes.extend(frame(HEADERS, END_STREAM_AND_HEADERS, stream, &head));
    }
    bytes
}

/// Reads until the headers of a response arrive or the server closes the connection.
async fn until_a_head(stream: &mut TcpStream) -> io::Result<()> {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        if head[3] == 1 {
            return Ok(());
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload).await?;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_without_a_window_are_not_kept() {
    let target = Target::start();
    let address = address_of(target.url());
    let bytes = without_a_window(&address, &large_file(&target).await);
    let attack = async {
        let between = Duration::from_millis(200);
        let mut open = sent_one_by_one(&address, std::iter::repeat_n(&bytes, 40), between).await;
        // The server answers the last connection or closes it for lack of room.
        let _ = until_a_head(open.last_mut().expect("connections")).await;
    };
    target.attacked_by(attack).await.assert_held();
}
