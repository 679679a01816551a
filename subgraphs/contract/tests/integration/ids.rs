//! Ids, as all domains make and read them.

use contract::{EntityType, Error, unprefixed_id};

#[test]
fn an_id_has_the_prefix_of_its_type() {
    assert_eq!(*EntityType::Book.id(1), *"book_1");
    assert_eq!(*EntityType::BookPurchase.id(-7), *"book_purchase_-7");
    assert_eq!(*EntityType::Community.id("rust lang"), *"community_rust lang");
    let number = i64::MIN;
    assert_eq!(EntityType::User.number(&EntityType::User.id(number)), Some(number));
}

#[test]
fn an_id_is_read_with_and_without_its_prefix() {
    for (id, number) in [
        ("book_1", Some(1)),
        ("1", Some(1)),
        ("book_0", Some(0)),
        ("-5", Some(-5)),
        ("9223372036854775807", Some(i64::MAX)),
        ("9223372036854775808", None),
        ("book_01", None),
        ("01", None),
        ("-0", None),
        ("+1", None),
        ("book_+1", None),
        ("book_", None),
        ("book_book_1", None),
        ("Book_1", None),
        ("", None),
        ("x", None),
    ] {
        let parsed = EntityType::Book.parse("id", &id.into());
        assert_eq!(parsed.ok().flatten(), number, "{id}");
        assert_eq!(EntityType::Book.number(id), number, "{id}");
    }
}

#[test]
fn an_id_of_another_type_is_an_error_that_names_the_argument() {
    for id in ["stock_1", "book_purchase_1", "community_x"] {
        let refused = EntityType::Book.parse("input.book", &id.into());
        let Err(Error::InvalidInput { field, reason }) = refused else {
            panic!("{id}: {refused:?}")
        };
        assert_eq!(field, "input.book");
        assert_eq!(reason, "must be an id of the type Book, such as book_1");
    }
}

#[test]
fn the_types_of_all_ids_are_found_by_their_prefixes() {
    for entity in EntityType::ALL {
        let id = entity.id(12);
        assert_eq!(EntityType::of_id(&id), Some((*entity, "12")), "{id:?}");
        assert_eq!(unprefixed_id(&id), Some("12"));
    }
    for id in ["12", "robot_1", "book_x", "book_", "_1", ""] {
        assert_eq!(EntityType::of_id(id), None, "{id}");
    }
    assert_eq!(unprefixed_id("-1"), Some("-1"));
    assert_eq!(unprefixed_id("community_x"), None);
}
