//! Acknowledged means done. A server that is killed under load has lost no acknowledged request and repeated none,
//! and its books balance.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use tests::{Audit, verify};
use tokio_util::sync::CancellationToken;

use super::calls::{Call, Cast, DEPOSIT, ORDER, TRADE, WITHDRAW, call, cast, repeat, send};
use super::server::Server;

/// The default number of kills, each followed by the checks of `agora verify`. Each comes after a different number of responses and needs a
/// start of a whole server. The tests of `contract` show over hundreds of kills that no single write is lost or half done.
const KILLS: usize = 24;
/// The environment variable that sets another number of kills.
const KILLS_WANTED: &str = "KILLED_TEST_SERVERS";
/// The number of concurrent clients.
const CLIENTS: usize = 12;

/// Sends calls until the server is gone, and kills it after that many responses.
async fn load(server: Server, cast: &Arc<Cast>, round: usize, answers: usize) -> Vec<Call> {
    let url = server.url.clone();
    let server = Arc::new(Mutex::new(server));
    let answered = Arc::new(AtomicUsize::new(0));
    // A client must not wait until a dead server closes the connection: reqwest's pool waits forever for a connection
    // that broke while it was being established.
    let dead = CancellationToken::new();
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let (cast, url, server) = (cast.clone(), url.clone(), server.clone());
        let (answered, dead) = (answered.clone(), dead.clone());
        clients.spawn(async move {
            let mut calls = Vec::new();
            for n in 0.. {
                let mut call = call(&cast, client, n, format!("round {round} client {client} call {n}"));
                let answer = dead.run_until_cancelled(send(&url, &cast, &call)).await.flatten();
                let gone = answer.is_none();
                call.answer = answer;
                calls.push(call);
                if gone {
                    break;
                }
                if answered.fetch_add(1, SeqCst) + 1 == answers {
                    server.lock().expect("the server").kill();
                    dead.cancel();
                }
            }
            calls
        });
    }
    clients.join_all().await.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_under_load_neither_loses_nor_repeats_calls() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut server = Server::start(&data);
    let cast = Arc::new(cast(&server.url).await);
    let shares = Audit::open(&data).shares();
    let mut carried = Vec::new();

    let kills = std::env::var_os(KILLS_WANTED).and_then(|kills| kills.to_str()?.parse().ok());
    for round in 0..kills.unwrap_or(KILLS) {
        let mut calls = load(server, &cast, round, 5 + round * 7 % 60).await;

        verify(&data);
        let audit = Audit::open(&data);
        assert_eq!(audit.shares(), shares, "round {round}: shares came or went");

        server = Server::start(&data);
        repeat(&server.url, &cast, &mut calls).await;
        carried.extend(calls.into_iter().map(|call| (call.query, call.person)));
    }

    server.kill();
    verify(&data);
    let audit = Audit::open(&data);
    let made = |query: &str| carried.iter().filter(|(made, _)| *made == query).count() as i64;
    let ids = cast
        .people
        .iter()
        .map(|(id, _)| id.to_string())
        .collect::<Vec<_>>()
        .join(", ");
    // Before the first round, each of the two investors made one deposit and one order.
    for (query, before, rows) in [
        (
            DEPOSIT,
            2,
            "ledger_entry WHERE kind = 'DEPOSIT' AND wallet_id IN (SELECT id FROM wallet WHERE user_id IN ({ids}))",
        ),
        (
            WITHDRAW,
            0,
            "ledger_entry WHERE kind = 'WITHDRAWAL' AND wallet_id IN (SELECT id FROM wallet WHERE user_id IN ({ids}))",
        ),
        (
            TRADE,
            0,
            "exchange_order WHERE trader_id IN ({ids}) AND number NOT IN
             (SELECT exchange_number FROM brokerage_order WHERE exchange_number IS NOT NULL)",
        ),
        (ORDER, 2, "brokerage_order WHERE investor_id IN ({ids})"),
    ] {
        let rows = audit.number(&format!("SELECT count(*) FROM {}", rows.replace("{ids}", &ids)));
        assert_eq!(rows, before + made(query), "each key had one effect: {query}");
    }
}
