//! The voting service: votes for and against posts, whether or not there are such posts.

use super::super::kind::{Bounds, Field, Kind, Model};
use super::super::route::{Access, Answer, ErrorRow, Invalid, Param, Place, Route, Service, Verb, missing};
use super::{BAD_N, COUNT, N, POINTS, PREFIXES};

/// Votes.
pub const SERVICE: Service = Service {
    name: "votes",
    about: "Votes for and against posts, whether or not there are such posts.",
    prefixes: PREFIXES,
    routes: &[UPVOTE, DOWNVOTE, TOP, VOTES, SORTED],
};

/// The selected fields of votes.
macro_rules! votes {
    () => {
        "{ id upvotes downvotes score }"
    };
}

const UPVOTE: Route = Route {
    verb: Verb::Post,
    path: "/votes/{postId}/upvotes",
    name: "upvote",
    summary: "Votes for a post: without a token once more at each call, with a user's token as that user, who has one vote",
    operation: concat!(
        "mutation ($postId: ID!, $idempotencyKey: String) {
            upvote(postId: $postId, idempotencyKey: $idempotencyKey) ",
        votes!(),
        "
        }"
    ),
    answer: Answer::One("/upvote"),
    status: 201,
    location: Some("/votes/{postId}"),
    params: &[Param {
        invalid: Invalid::Named,
        ..POST_ID
    }],
    response: Kind::Object(&VOTES_MODEL),
    example: r#"{"postId":3,"upvotes":5,"downvotes":0,"score":5}"#,
    errors: &[
        ErrorRow::new("INVALID_INPUT", "", "The id is no integer of 64 bits."),
        ErrorRow::new("CONFLICT", "", "The id has as many votes as can be counted."),
    ],
    access: Access::Attributed,
    ..Route::BASE
};

const DOWNVOTE: Route = Route {
    path: "/votes/{postId}/downvotes",
    name: "downvote",
    summary: "Votes against a post, as `upvotes` does for one",
    operation: concat!(
        "mutation ($postId: ID!, $idempotencyKey: String) {
            downvote(postId: $postId, idempotencyKey: $idempotencyKey) ",
        votes!(),
        "
        }"
    ),
    answer: Answer::One("/downvote"),
    example: r#"{"postId":3,"upvotes":4,"downvotes":1,"score":3}"#,
    ..UPVOTE
};

const VOTES: Route = Route {
    path: "/votes/{postId}",
    name: "votes",
    summary: "The votes on a post",
    operation: concat!("query ($postId: ID!) { postVotes(postId: $postId) ", votes!(), " }"),
    answer: Answer::One("/postVotes"),
    params: &[POST_ID],
    response: Kind::Object(&VOTES_MODEL),
    example: POST_3,
    errors: &[missing(
        "neither votes nor a post with this id",
        "There are neither votes on this id nor such a post.",
    )],
    ..Route::BASE
};

const TOP: Route = Route {
    path: "/votes/top",
    name: "topVotes",
    summary: "The ids with the highest scores among those that have votes, the highest first, those of one score by id, the highest first",
    operation: concat!("query ($n: Int = 25) { topVoted(first: $n) { nodes ", votes!(), " } }"),
    answer: Answer::One("/topVoted/nodes"),
    params: &[N],
    response: Kind::List(&Kind::Object(&VOTES_MODEL)),
    example: BEST,
    errors: &[BAD_N],
    ..Route::BASE
};

const SORTED: Route = Route {
    path: "/votes",
    name: "sortedVotes",
    summary: "The votes on these ids in the same order, each once; an id without votes counts 0",
    operation: concat!("query ($ids: [ID!]!) { postsByScore(ids: $ids) ", votes!(), " }"),
    answer: Answer::One("/postsByScore"),
    params: &[Param {
        place: Place::Query,
        field: Field::new("ids", Kind::List(&POSTS_ID))
            .bounds(Bounds::Items { min: 1, max: 100 })
            .about("1 to 100 integers with commas between them."),
        invalid: Invalid::Named,
        example: "[3,1]",
    }],
    response: Kind::List(&Kind::Object(&VOTES_MODEL)),
    example: BEST,
    errors: &[ErrorRow::new(
        "INVALID_INPUT",
        "",
        "`ids` is missing, one of them is no integer, or they are more than 100.",
    )],
    ..Route::BASE
};

/// A vote may have any integer as its post id.
const POSTS_ID: Kind = Kind::Id { min: i64::MIN };

const POST_ID: Param = Param {
    place: Place::Path,
    field: Field::new("postId", POSTS_ID),
    invalid: Invalid::NotFound,
    example: "3",
};

const POST_3: &str = r#"{"postId":3,"upvotes":4,"downvotes":0,"score":4}"#;
const BEST: &str =
    r#"[{"postId":3,"upvotes":4,"downvotes":0,"score":4},{"postId":1,"upvotes":3,"downvotes":0,"score":3}]"#;

static VOTES_MODEL: Model = Model {
    name: "Votes",
    about: "The votes on a post, or on an id that may get one.",
    fields: &[
        Field::new("postId", POSTS_ID).at("/id"),
        Field::new("upvotes", COUNT),
        Field::new("downvotes", COUNT),
        Field::new("score", POINTS).about("`upvotes` less `downvotes`."),
    ],
    example: "",
};
