//! Requests to the processes under test, each over a connection of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The longest wait for a response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(120);

/// Sends `METHOD /path`, headers and a JSON body, and returns the status and the body.
pub fn send(address: SocketAddr, line: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let (head, body) = exchange(address, line, headers, body);
    let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
    (status, body)
}

/// As [`send`], and returns the head of the response in place of its status.
pub fn exchange(address: SocketAddr, line: &str, headers: &[(&str, &str)], body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).expect("the process listens");
    stream.set_read_timeout(Some(RESPONSE_TIMEOUT)).expect("a time limit");
    let mut request = format!(
        "{line} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    if !headers.iter().any(|(name, _)| *name == "host") {
        request.push_str("host: 127.0.0.1\r\n");
    }
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-type: application/json\r\n\r\n{body}"));
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
    (head.to_owned(), body.to_owned())
}
