//! Events are hints: they reach current subscribers, and a subscriber that was too slow is told so.

use contract::{Audience, Bus, Delivery, Event, InProcessBus, Role, Topic, Viewer};
use futures_util::StreamExt;

fn sent(id: i64) -> Event {
    Event::MessageSent { id, to: 1 }
}

fn next_of(stream: &mut contract::EventStream) -> Option<Option<Delivery>> {
    futures_util::FutureExt::now_or_never(tokio::task::unconstrained(stream.next()))
}

#[tokio::test]
async fn every_subscriber_receives_every_later_event() {
    let bus = InProcessBus::new(8);
    bus.publish(sent(1));
    let (mut first, mut second) = (bus.subscribe(), bus.subscribe());
    bus.publish(sent(2));
    bus.publish(sent(3));

    for stream in [&mut first, &mut second] {
        for id in [2, 3] {
            let Some(Some(Delivery::Event(event))) = next_of(stream) else {
                panic!("an event")
            };
            assert_eq!(*event, sent(id));
        }
        assert!(next_of(stream).is_none(), "nothing else happened");
    }
}

fn invalidated(typename: &'static str, audience: Audience) -> Event {
    Event::Invalidated {
        typename,
        key: "1".to_owned(),
        version: 1,
        audience,
    }
}

#[tokio::test]
async fn a_subscriber_receives_the_events_of_its_topic_only() {
    let bus = InProcessBus::new(8);
    let post = Event::PostCreated {
        id: 1,
        community: "books".to_owned(),
    };
    let book = invalidated("Book", Audience::Everyone);
    let wallet = invalidated("Wallet", Audience::Users(vec![1, 2, 1]));
    let all = [sent(1), book.clone(), wallet.clone(), post.clone()];
    let expected = [
        (Topic::Everything, all.to_vec()),
        (Topic::Invalidations, vec![book.clone(), wallet.clone()]),
        (Topic::InvalidationsOf("Wallet"), vec![wallet.clone()]),
        (Topic::InvalidationsOf("Stock"), Vec::new()),
        (Topic::PublicInvalidations, vec![book.clone()]),
        (Topic::PublicInvalidationsOf("Book"), vec![book]),
        (Topic::PublicInvalidationsOf("Wallet"), Vec::new()),
        (Topic::InvalidationsFor(1), vec![wallet]),
        (Topic::InvalidationsFor(3), Vec::new()),
        (Topic::MessagesTo(1), vec![sent(1)]),
        (Topic::MessagesTo(2), Vec::new()),
        (Topic::Posts, vec![post]),
    ];
    let mut streams = expected.each_ref().map(|(topic, _)| bus.subscribe_to(*topic));
    all.into_iter().for_each(|event| bus.publish(event));
    for ((topic, events), stream) in expected.iter().zip(&mut streams) {
        assert_eq!(testing::received_events(stream), *events, "{topic:?}");
    }
}

#[tokio::test]
async fn a_lagging_subscriber_learns_how_many_events_it_lost() {
    let bus = InProcessBus::new(4);
    let slow = [bus.subscribe(), bus.subscribe_to(Topic::MessagesTo(1))];
    for id in 1..=10 {
        bus.publish(sent(id));
    }

    for mut slow in slow {
        let Some(Some(Delivery::Lagged(lost))) = next_of(&mut slow) else {
            panic!("told first")
        };
        let Some(Some(Delivery::Event(event))) = next_of(&mut slow) else {
            panic!("then the oldest that is left")
        };

        assert_eq!(*event, sent(lost as i64 + 1));
    }
}

#[tokio::test]
async fn the_stream_ends_with_the_bus() {
    let bus = InProcessBus::new(4);
    let streams = [bus.subscribe(), bus.subscribe_to(Topic::MessagesTo(1))];

    drop(bus);

    for mut stream in streams {
        assert!(matches!(next_of(&mut stream), Some(None)));
    }
}

#[test]
fn an_audience_is_its_people_and_operators() {
    let person = |id, admin| Viewer::User {
        id,
        role: Role::Member,
        admin,
    };
    let some = Audience::Users(vec![1, 2]);

    assert!(some.includes(&person(2, false)));
    assert!(some.includes(&person(3, true)));
    assert!(some.includes(&Viewer::service("shop")));
    assert!(!some.includes(&person(3, false)));
    assert!(!some.includes(&Viewer::Anonymous));
    assert!(Audience::Everyone.includes(&Viewer::Anonymous));
}
