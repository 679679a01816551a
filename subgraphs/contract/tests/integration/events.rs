//! Events are hints: they reach current subscribers, and a subscriber that was too slow is told so.

use contract::{Audience, Bus, Delivery, Event, InProcessBus, Role, Viewer};
use futures_util::StreamExt;

fn sent(id: i64) -> Event {
    Event::MessageSent { id, to: 1 }
}

fn next_of(stream: &mut contract::EventStream) -> Option<Option<Delivery>> {
    futures_util::FutureExt::now_or_never(stream.next())
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

#[tokio::test]
async fn a_lagging_subscriber_learns_how_many_events_it_lost() {
    let bus = InProcessBus::new(4);
    let mut slow = bus.subscribe();
    for id in 1..=10 {
        bus.publish(sent(id));
    }

    let Some(Some(Delivery::Lagged(lost))) = next_of(&mut slow) else {
        panic!("told first")
    };
    let Some(Some(Delivery::Event(event))) = next_of(&mut slow) else {
        panic!("then the oldest that is left")
    };

    assert_eq!(*event, sent(lost as i64 + 1));
}

#[tokio::test]
async fn the_stream_ends_with_the_bus() {
    let bus = InProcessBus::new(4);
    let mut stream = bus.subscribe();

    drop(bus);

    assert!(matches!(next_of(&mut stream), Some(None)));
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
