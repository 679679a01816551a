//! Equal subscriptions of several clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_graphql::{Name, Response, Value};
use engine::subgraph::{Caller, Subgraph, SubgraphRequest};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use remote::{RemoteSettings, RemoteSubgraph, SubscriptionSharing};
use serde_json::json;
use tokio::sync::Semaphore;

use super::client::{failure, request, subgraph_of, subgraph_with};
use super::subscriptions::{DOCUMENT, Token, data, sockets, tree};

/// A server that sends an event to every subscription whenever the test lets it, and counts them. The event is the number of the
/// subscription, from 0, with that of the event.
struct EventServer {
    url: String,
    opened: Arc<AtomicUsize>,
    subscribed: Arc<Semaphore>,
    events: Arc<Semaphore>,
    closed: Arc<Semaphore>,
}

impl EventServer {
    async fn start() -> Self {
        let opened = Arc::new(AtomicUsize::new(0));
        let [subscribed, events, closed] = [(); 3].map(|()| Arc::new(Semaphore::new(0)));
        let state = (
            Arc::clone(&opened),
            Arc::clone(&subscribed),
            Arc::clone(&events),
            Arc::clone(&closed),
        );
        let (url, _received) = sockets(move |number, mut server| {
            let (opened, subscribed, events, closed) = state.clone();
            async move {
                opened.fetch_add(1, Ordering::SeqCst);
                server.accept().await;
                subscribed.add_permits(1);
                let sending = async {
                    for event in 0.. {
                        events.acquire().await.unwrap().forget();
                        server.next(json!({ "data": { "votes": [number, event] } })).await;
                        if event == 99 {
                            return;
                        }
                    }
                };
                tokio::select! {
                    () = sending => {}
                    _ = closed.acquire() => {}
                }
                server.until_closed().await;
                closed.add_permits(1);
            }
        })
        .await;
        Self {
            url,
            opened,
            subscribed,
            events,
            closed,
        }
    }

    fn subgraph(&self, sharing: SubscriptionSharing) -> RemoteSubgraph {
        subgraph_with(&self.url, self.settings(sharing))
    }

    fn settings(&self, sharing: SubscriptionSharing) -> RemoteSettings {
        RemoteSettings {
            subgraph_share_subscriptions: sharing,
            subgraph_events_max: 4,
            ..RemoteSettings::default()
        }
    }

    /// Lets the server send an event when so many subscriptions are open.
    async fn send_when_subscribed(&self, subscriptions: u32) {
        self.subscribed.acquire_many(subscriptions).await.unwrap().forget();
        self.events.add_permits(1);
    }

    fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }
}

type Events = BoxStream<'static, Response>;

fn subscribe(subgraph: &RemoteSubgraph, request: SubgraphRequest) -> Events {
    subgraph.subscribe(request).map(tree).boxed()
}

async fn next(events: &mut Events) -> String {
    let response = events.next().await.expect("a response");
    assert!(response.errors.is_empty(), "{response:?}");
    data(&[response]).remove(0)
}

#[tokio::test]
async fn equal_subscriptions_are_one_at_the_subgraph_until_the_last_client_leaves() {
    let server = EventServer::start().await;
    let subgraph = server.subgraph(SubscriptionSharing::Start);
    let [mut first, mut second] = [(); 2].map(|()| subscribe(&subgraph, request(DOCUMENT)));
    let received = tokio::join!(next(&mut first), next(&mut second), server.send_when_subscribed(1));
    assert_eq!((&*received.0, &*received.1), ("{votes: [0, 0]}", "{votes: [0, 0]}"));
    drop(first);
    server.events.add_permits(1);
    assert_eq!(next(&mut second).await, "{votes: [0, 1]}");
    assert_eq!(server.opened(), 1);
    drop(second);
    // The server sees the end of the connection when it sends.
    server.closed.add_permits(1);
    server.closed.acquire_many(2).await.unwrap().forget();
}

#[tokio::test]
async fn a_client_that_comes_after_the_first_event_has_a_subscription_of_its_own() {
    let server = EventServer::start().await;
    let subgraph = server.subgraph(SubscriptionSharing::Start);
    let mut early = subscribe(&subgraph, request(DOCUMENT));
    tokio::join!(next(&mut early), server.send_when_subscribed(1));
    let mut late = subscribe(&subgraph, request(DOCUMENT));
    let mut opening = Box::pin(next(&mut late));
    tokio::select! {
        _ = &mut opening => panic!("an event before it was sent"),
        subscribed = server.subscribed.acquire() => subscribed.unwrap().forget(),
    }
    server.events.add_permits(2);
    assert_eq!(opening.await, "{votes: [1, 0]}");
    assert_eq!(server.opened(), 2);
}

#[tokio::test]
async fn a_late_client_joins_where_the_settings_allow_it() {
    let server = EventServer::start().await;
    let subgraph = server.subgraph(SubscriptionSharing::Always);
    let mut early = subscribe(&subgraph, request(DOCUMENT));
    tokio::join!(next(&mut early), server.send_when_subscribed(1));
    let mut late = subscribe(&subgraph, request(DOCUMENT));
    let sending = async { server.events.add_permits(1) };
    let received = tokio::join!(next(&mut early), next(&mut late), sending);
    assert_eq!((&*received.0, &*received.1), ("{votes: [0, 1]}", "{votes: [0, 1]}"));
    assert_eq!(server.opened(), 1);
}

#[tokio::test]
async fn subscriptions_with_other_variables_or_callers_are_not_shared() {
    let server = EventServer::start().await;
    let settings = server.settings(SubscriptionSharing::Always);
    let subgraph = subgraph_of(&server.url, settings, Arc::new(Token));
    let of = |name: &str, first: i32| {
        let mut request = request("subscription($first: Int) { votes(first: $first) }");
        request.variables.insert(Name::new("first"), Value::from(first));
        request.caller = Caller::new(name.to_owned(), true);
        subscribe(&subgraph, request)
    };
    let mut clients = [of("ada", 1), of("ada", 1), of("ada", 2), of("ben", 1)];
    let [a, b, c, d] = &mut clients;
    let sending = async {
        server.send_when_subscribed(3).await;
        server.events.add_permits(2);
    };
    let (a, b, c, d, ()) = tokio::join!(next(a), next(b), next(c), next(d), sending);
    assert!(a == b && a != c && a != d && c != d, "{a} {b} {c} {d}");
    assert_eq!(server.opened(), 3);
}

#[tokio::test]
async fn no_subscription_is_shared_where_the_settings_forbid_it() {
    let server = EventServer::start().await;
    let subgraph = server.subgraph(SubscriptionSharing::Never);
    let [mut first, mut second] = [(); 2].map(|()| subscribe(&subgraph, request(DOCUMENT)));
    let sending = async {
        server.send_when_subscribed(2).await;
        server.events.add_permits(1);
    };
    let (first, second, ()) = tokio::join!(next(&mut first), next(&mut second), sending);
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_client_that_does_not_read_loses_its_place_and_the_others_receive_all_events() {
    let server = EventServer::start().await;
    let subgraph = server.subgraph(SubscriptionSharing::Start);
    let [mut reading, mut slow] = [(); 2].map(|()| subscribe(&subgraph, request(DOCUMENT)));
    tokio::join!(next(&mut reading), next(&mut slow), server.send_when_subscribed(1));
    for event in 1..8 {
        server.events.add_permits(1);
        assert_eq!(next(&mut reading).await, format!("{{votes: [0, {event}]}}"));
    }
    for event in 1..5 {
        assert_eq!(next(&mut slow).await, format!("{{votes: [0, {event}]}}"));
    }
    let last: Vec<_> = slow.collect().await;
    assert_eq!(last.len(), 1, "{last:?}");
    let expected = "the subgraph `reviews` sent more events than the client read in time";
    assert_eq!(failure(&last[0]), (expected.to_owned(), "TOO_SLOW".to_owned()));
}
