//! Lookalike names: no two people have names that a reader cannot tell apart.

use serde_json::json;

use crate::support::{AccountsDomain, CallerSession, PASSWORD, SignedIn};

#[tokio::test]
async fn a_username_that_looks_like_another_one_is_taken() {
    let domain = AccountsDomain::new().await;
    for first in ["scope", "José", "Ivan", "straße", "ΑΒΓ"] {
        domain
            .register(json!({"username": first, "password": PASSWORD}))
            .await
            .person(&domain, "register");
    }
    let alike = [
        ("ѕсоре", "Cyrillic letters"),
        ("ｓｃｏｐｅ", "full-width letters"),
        ("SCOPE", "capital letters"),
        ("𝐬𝐜𝐨𝐩𝐞", "mathematical letters"),
        ("Jose\u{301}", "a letter and its accent"),
        ("JOSE\u{301}", "the same in capital letters"),
        ("lvan", "a small L for a capital I"),
        ("1van", "a one for a capital I"),
        ("STRASSE", "another case of one letter"),
        ("STRAẞE", "the capital of that letter"),
        ("αβγ", "small letters"),
        ("ABΓ", "Latin capitals among Greek ones"),
    ];
    for (name, how) in alike {
        let answer = domain.register(json!({"username": name, "password": PASSWORD})).await;
        let refused = ["CONFLICT", "INVALID_INPUT"].contains(&answer.code());
        assert!(refused, "{name} ({how}): {answer:?}");
    }
    for other in ["scopes", "jose", "ivan2", "aby"] {
        domain
            .register(json!({"username": other, "password": PASSWORD}))
            .await
            .person(&domain, "register");
    }
}

#[tokio::test]
async fn a_username_mixes_only_compatible_scripts() {
    let domain = AccountsDomain::new().await;
    for mixed in ["pаypal", "Αda", "adaא"] {
        let answer = domain.register(json!({"username": mixed, "password": PASSWORD})).await;
        assert_eq!(
            (answer.code(), answer.field()),
            ("INVALID_INPUT", "input.username"),
            "{mixed}"
        );
    }
    for plain in [
        "Анна",
        "東京タワー",
        "tokyo東京",
        "서울 seoul",
        "عمر",
        "user_1@example.com",
        "😀",
    ] {
        domain
            .register(json!({"username": plain, "password": PASSWORD}))
            .await
            .person(&domain, "register");
    }
}

#[tokio::test]
async fn every_spelling_of_a_username_finds_its_user() {
    let domain = AccountsDomain::new().await;
    let made = domain.register(json!({"username": "José", "password": PASSWORD})).await;
    let id = made.person(&domain, "register").id;
    for spelling in ["jose\u{301}", "JOSÉ", "ｊｏｓé", "jo\u{ad}sé"] {
        assert_eq!(
            domain.login(spelling, PASSWORD).await.person(&domain, "login").id,
            id,
            "{spelling}"
        );
        let user = "query($u: String!) { user(username: $u) { id } }";
        let found = domain
            .query(&CallerSession::anonymous(), user, json!({"u": spelling}))
            .await;
        assert_eq!(found.at("user.id"), &json!(format!("user_{id}")), "{spelling}");
    }
}

#[tokio::test]
async fn invisible_characters_are_ignored_in_names() {
    let domain = AccountsDomain::new().await;
    for code_point in [
        '\u{34f}',
        '\u{17b4}',
        '\u{180b}',
        '\u{fe0f}',
        '\u{1d173}',
        '\u{e0100}',
        '\u{2065}',
        '\u{1bca0}',
        '\u{115f}',
        '\u{3164}',
        '\u{ffa0}',
        '\u{2800}',
        '\u{2028}',
        '\u{2029}',
        '\u{fffa}',
        '\u{202e}',
        '\u{2066}',
        '\u{feff}',
    ] {
        let name = format!("ad{code_point}a");
        let answer = domain.register(json!({"username": name, "password": PASSWORD})).await;
        assert_eq!(
            (answer.code(), answer.field()),
            ("INVALID_INPUT", "input.username"),
            "{name:?}"
        );
    }
}

#[tokio::test]
async fn an_administrators_name_follows_the_rules_of_all_names() {
    let domain = AccountsDomain::new().await;
    domain.sign_up("scope").await;
    for name in [
        "ѕсоре",
        "SCOPE",
        "sc\u{200b}ope",
        "pаypal",
        "deactivated-7",
        "Member-1",
        ".",
    ] {
        let password = PASSWORD.to_owned();
        let made = accounts::create_admin(&domain.services, name, Some("root@example.com"), password).await;
        assert!(made.is_err(), "{name}");
    }
    let made = accounts::create_admin(&domain.services, "root", Some("root@example.com"), PASSWORD.to_owned()).await;
    assert!(made.is_ok());
    let answer = domain.register(json!({"username": "rооt", "password": PASSWORD})).await;
    assert_eq!(answer.code(), "INVALID_INPUT");
}
