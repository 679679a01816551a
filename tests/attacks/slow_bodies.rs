//! Requests whose bodies do not arrive, or stop just before their end.

use tokio::io::AsyncReadExt;

use super::target::Target;
use super::wire::{address_of, post_head, sent};

#[tokio::test(flavor = "multi_thread")]
async fn missing_bodies_block_no_client_and_time_out() {
    let target = Target::start();
    let address = address_of(target.url());
    let attack = async {
        let mut open = Vec::new();
        for _ in 0..1_300 {
            let begun = [post_head(1_000).as_bytes(), b"{"].concat();
            open.push(sent(&address, &begun).await.expect("a connection"));
        }
        let mut answer = String::new();
        open[0].read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    };
    target.attacked_by(attack).await.assert_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_without_their_last_byte_are_not_kept() {
    const BODY_BYTES: usize = 1024 * 1024;
    let target = Target::start();
    let address = address_of(target.url());
    let attack = async {
        let mut open = Vec::new();
        let begun = [post_head(BODY_BYTES).as_bytes(), &[b' '; BODY_BYTES - 1]].concat();
        for _ in 0..120 {
            open.push(sent(&address, &begun).await.expect("a connection"));
        }
        let mut answer = String::new();
        open[0].read_to_string(&mut answer).await.expect("an answer");
        assert!(
            answer.starts_with("HTTP/1.1 503"),
            "the one that waited longest makes room: {answer}"
        );
    };
    target.attacked_by(attack).await.assert_held();
}
