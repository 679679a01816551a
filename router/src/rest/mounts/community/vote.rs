//! The voting service: votes for and against posts, whether or not there are such posts.

use contract::ErrorCode;

use super::common::{BAD_N, COUNT, N, POINTS, PREFIXES};
use crate::rest::field::{Field, FieldType, ObjectModel, ValueBounds};
use crate::rest::route::{
    AccessRule, ErrorRow, InvalidParam, Param, ParamLocation, ResponseSource, Route, Service, Verb, not_found_row,
};

/// Votes.
pub const SERVICE: Service = Service {
    name: "votes",
    about: "Votes for and against posts; an id can have votes even if no post has it.",
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
    name: "upvotePost",
    summary: "Votes for a post: each call without a token adds a vote; a user with a token has one vote",
    operation: concat!(
        "mutation ($postId: ID!, $idempotencyKey: String) {
            upvote(postId: $postId, idempotencyKey: $idempotencyKey) ",
        votes!(),
        "
        }"
    ),
    source: ResponseSource::One("/upvote"),
    status: 201,
    location: Some("/votes/{postId}"),
    params: &[Param {
        on_invalid: InvalidParam::Named,
        ..POST_ID
    }],
    response: FieldType::Object(&VOTES_MODEL),
    example: r#"{"postId":3,"upvotes":5,"downvotes":0,"score":5}"#,
    errors: &[
        ErrorRow::new(ErrorCode::InvalidInput, "", "The id is not a 64-bit integer."),
        ErrorRow::new(ErrorCode::Conflict, "", "The number of the id's votes is at its limit."),
    ],
    access: AccessRule::Attributed,
    ..Route::BASE
};

const DOWNVOTE: Route = Route {
    path: "/votes/{postId}/downvotes",
    name: "downvotePost",
    summary: "Votes against a post, under the same rules as a vote for one",
    operation: concat!(
        "mutation ($postId: ID!, $idempotencyKey: String) {
            downvote(postId: $postId, idempotencyKey: $idempotencyKey) ",
        votes!(),
        "
        }"
    ),
    source: ResponseSource::One("/downvote"),
    example: r#"{"postId":3,"upvotes":4,"downvotes":1,"score":3}"#,
    ..UPVOTE
};

const VOTES: Route = Route {
    path: "/votes/{postId}",
    name: "getVotes",
    summary: "The votes on a post",
    operation: concat!("query ($postId: ID!) { postVotes(postId: $postId) ", votes!(), " }"),
    source: ResponseSource::One("/postVotes"),
    params: &[POST_ID],
    response: FieldType::Object(&VOTES_MODEL),
    example: POST_3,
    errors: &[not_found_row(
        "neither votes nor a post with this id",
        "No votes and no post have this id.",
    )],
    ..Route::BASE
};

const TOP: Route = Route {
    path: "/votes/top",
    name: "listTopVotes",
    summary: "The votes on the ids with the highest scores, in descending order of score, then of id; only ids that have votes",
    operation: concat!("query ($n: Int = 25) { topVoted(first: $n) { nodes ", votes!(), " } }"),
    source: ResponseSource::One("/topVoted/nodes"),
    params: &[N],
    response: FieldType::List(&FieldType::Object(&VOTES_MODEL)),
    example: BEST,
    errors: &[BAD_N],
    ..Route::BASE
};

const SORTED: Route = Route {
    path: "/votes",
    name: "listVotes",
    summary: "The votes on the given ids, in the order of `/votes/top`, each id once; an id without votes has zeros",
    operation: concat!("query ($ids: [ID!]!) { postsByScore(ids: $ids) ", votes!(), " }"),
    source: ResponseSource::One("/postsByScore"),
    params: &[Param {
        location: ParamLocation::Query,
        field: Field::new("ids", FieldType::List(&POSTS_ID))
            .bounds(ValueBounds::Items { min: 1, max: 100 })
            .about("1 to 100 integers, separated by commas."),
        on_invalid: InvalidParam::Named,
        example: "[3,1]",
    }],
    response: FieldType::List(&FieldType::Object(&VOTES_MODEL)),
    example: BEST,
    errors: &[ErrorRow::new(
        ErrorCode::InvalidInput,
        "",
        "`ids` is missing, contains a value that is not an integer, or has more than 100 values.",
    )],
    ..Route::BASE
};

/// A vote may have any integer as its post id.
const POSTS_ID: FieldType = FieldType::Id { min: i64::MIN };

const POST_ID: Param = Param {
    location: ParamLocation::Path,
    field: Field::new("postId", POSTS_ID),
    on_invalid: InvalidParam::NotFound,
    example: "3",
};

const POST_3: &str = r#"{"postId":3,"upvotes":4,"downvotes":0,"score":4}"#;
const BEST: &str =
    r#"[{"postId":3,"upvotes":4,"downvotes":0,"score":4},{"postId":1,"upvotes":3,"downvotes":0,"score":3}]"#;

static VOTES_MODEL: ObjectModel = ObjectModel {
    name: "Votes",
    about: "The votes on a post, or on an id that no post has yet.",
    fields: &[
        Field::new("postId", POSTS_ID).pointer("/id"),
        Field::new("upvotes", COUNT),
        Field::new("downvotes", COUNT),
        Field::new("score", POINTS).about("`upvotes` minus `downvotes`."),
    ],
    example: "",
};
