//! Requests whose headers do not end, and connections that send no bytes.

use super::target::Target;
use super::wire::{address_of, sent};

#[tokio::test(flavor = "multi_thread")]
async fn endless_headers_block_no_client() {
    const PADDING_BYTES: usize = 28 * 1024;
    let target = Target::start();
    let address = address_of(target.url());
    let attack = async {
        let mut open = Vec::new();
        let padding = "x".repeat(PADDING_BYTES);
        let begun = format!("GET /health HTTP/1.1\r\nhost: localhost\r\nx-padding: {padding}");
        for number in 0..4_000 {
            let begun = if number % 2 == 0 { begun.as_bytes() } else { b"" };
            open.push(sent(&address, begun).await.expect("a connection"));
        }
    };
    target.attacked_by(attack).await.assert_held();
}
