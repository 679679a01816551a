//! The posting service: posts and the communities they are in.

use super::common::{BAD_N, N, PREFIXES};
use crate::rest::field::{AUTHOR, Field, FieldType, ID, ObjectModel, ValueBounds, acknowledgement, control};
use crate::rest::route::{
    BAD_MEMBER, ErrorRow, InvalidParam, Param, ParamLocation, RequestBody, ResponseSource, Route, Service, Verb,
    not_found_row, path_id,
};

/// Posts.
pub const SERVICE: Service = Service {
    name: "posts",
    about: "Posts and the communities they are in.",
    prefixes: PREFIXES,
    routes: &[CREATE, POST, DELETE, IN_COMMUNITY, RECENT],
};

/// The selected fields of a post.
macro_rules! post {
    () => {
        "id title text community { name } url username at"
    };
}

/// The selected fields of the posts in a list.
macro_rules! listed {
    () => {
        "nodes { id title community { name } username at }"
    };
}

const CREATE: Route = Route {
    verb: Verb::Post,
    path: "/posts",
    name: "createPost",
    summary: "Creates a post; the first post in a community creates the community too",
    operation: concat!(
        "mutation ($input: PostInput!, $idempotencyKey: String) {
            createPost(input: $input, idempotencyKey: $idempotencyKey) { ",
        post!(),
        " }
        }"
    ),
    source: ResponseSource::One("/createPost"),
    status: 201,
    location: Some("/posts/{id}"),
    body: Some(RequestBody::json(&NEW_POST)),
    response: FieldType::Object(&POST_MODEL),
    example: r#"{"id":7,"title":"Tea or coffee?","text":"For long chapters, I mean.","community":"Books","url":null,"username":"dan","date":"2026-01-02T03:04:05+00:00"}"#,
    errors: &[BAD_MEMBER],
    ..Route::BASE
};

const POST: Route = Route {
    path: "/posts/{id}",
    name: "getPost",
    summary: "One post",
    operation: concat!("query ($id: ID!) { post(id: $id) { ", post!(), " } }"),
    source: ResponseSource::One("/post"),
    params: &[POST_ID],
    response: FieldType::Object(&POST_MODEL),
    example: r#"{"id":3,"title":"Which trail for a first spring walk?","text":"The map shows five of them. Which one is dry in April?","community":"Outdoors","url":"https://example.com/pioneer-valley/trails","username":"cleo","date":"2025-12-30T03:24:05+00:00"}"#,
    errors: &[NO_POST],
    ..Route::BASE
};

const DELETE: Route = Route {
    verb: Verb::Delete,
    path: "/posts/{id}",
    name: "deletePost",
    summary: "Deletes a post and its votes",
    operation: "mutation ($id: ID!) { deletePost(id: $id) }",
    source: ResponseSource::One("/deletePost"),
    params: &[POST_ID],
    response: FieldType::Object(&DELETED),
    example: r#"{"message":"Post deleted"}"#,
    errors: &[NO_POST],
    ..Route::BASE
};

const RECENT: Route = Route {
    path: "/posts",
    name: "listRecentPosts",
    summary: "The newest posts of all communities, or of one",
    operation: concat!(
        "query ($community: String, $n: Int = 25) { recentPosts(community: $community, first: $n) { ",
        listed!(),
        " } }"
    ),
    source: ResponseSource::One("/recentPosts/nodes"),
    params: &[
        Param {
            location: ParamLocation::Query,
            field: COMMUNITY.optional(),
            on_invalid: InvalidParam::Named,
            example: "Outdoors",
        },
        N,
    ],
    response: FieldType::List(&FieldType::Object(&LISTED_POST)),
    example: OUTDOORS,
    errors: &[BAD_N],
    ..Route::BASE
};

const IN_COMMUNITY: Route = Route {
    path: "/communities/{community}/posts",
    name: "listRecentPostsOfCommunity",
    summary: "The newest posts of a community",
    operation: concat!(
        "query ($community: String!, $n: Int = 25) { recentPosts(community: $community, first: $n) { ",
        listed!(),
        " } }"
    ),
    params: &[
        Param {
            location: ParamLocation::Path,
            field: COMMUNITY,
            on_invalid: InvalidParam::Named,
            example: "Outdoors",
        },
        N,
    ],
    ..RECENT
};

const POST_ID: Param = path_id("id", "3");
const NO_POST: ErrorRow = not_found_row("post not found", "The post does not exist or has been deleted.");

const COMMUNITY: Field = Field::new("community", FieldType::Text)
    .about("The community's name, case-insensitive. An unknown community has no posts.");

const OUTDOORS: &str = r#"[{"id":6,"title":"Lost: one grey glove","community":"Outdoors","username":"dan","date":"2026-01-02T02:09:05+00:00"},{"id":3,"title":"Which trail for a first spring walk?","community":"Outdoors","username":"cleo","date":"2025-12-30T03:24:05+00:00"}]"#;

/// White space at the ends of a text, which is trimmed.
macro_rules! white {
    () => {
        r"[\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
    };
}

/// A part of a host name between two dots.
macro_rules! label {
    () => {
        concat!(r"[^\s.:@?#/\\<>\[\]^|", control!(), "]+")
    };
}

/// An address, or a host and a path, of printable characters; a blank one counts as absent. Which hosts are names is a
/// table of Unicode's (IDNA), which no pattern states.
const URL: ValueBounds = ValueBounds::Chars {
    min: 0,
    max: 2_000,
    pattern: concat!(
        "^",
        white!(),
        "*$|^",
        white!(),
        r"*([Hh][Tt][Tt][Pp][Ss]?://[^\s/\\",
        control!(),
        r"][^\s",
        control!(),
        "]*|",
        label!(),
        r"(\.",
        label!(),
        r")+([/?#][^\s",
        control!(),
        "]*)?)",
        white!(),
        "*$"
    ),
};

static NEW_POST: ObjectModel = ObjectModel {
    name: "NewPost",
    about: "A post to create.",
    fields: &[
        Field::new("title", FieldType::Text)
            .pointer("/input/title")
            .bounds(ValueBounds::text(300))
            .about("Up to 300 characters."),
        Field::new("text", FieldType::Text)
            .pointer("/input/text")
            .bounds(ValueBounds::text(40_000))
            .about("Up to 40,000 characters."),
        Field::new("community", FieldType::Text)
            .pointer("/input/community")
            .bounds(ValueBounds::line(64))
            .about("The community's name, case-insensitive, up to 64 characters on one line."),
        Field::new("username", FieldType::Text)
            .pointer("/input/username")
            .bounds(AUTHOR)
            .about("The author's name, up to 64 characters on one line; the author need not be a user."),
        Field::new("url", FieldType::Text)
            .pointer("/input/url")
            .bounds(URL)
            .nullable()
            .about("The address of the page that the post is about, up to 2,000 characters: an http or https URL, or a host and a path \
                 without a scheme (`www.example.com`)."),
        Field::new("date", FieldType::DateTime)
            .pointer("/input/at")
            .bounds(ValueBounds::Since1970)
            .optional()
            .about("The post's date, from 1970 on; the current time if omitted."),
    ],
    example: r#"{"title":"Tea or coffee?","text":"For long chapters, I mean.","community":"Books","username":"dan"}"#,
};

static POST_MODEL: ObjectModel = ObjectModel {
    name: "Post",
    about: "A post.",
    fields: &[
        Field::new("id", ID),
        Field::new("title", FieldType::Text),
        Field::new("text", FieldType::Text),
        IN,
        Field::new("url", FieldType::Text).nullable(),
        Field::new("username", FieldType::Text),
        DATE,
    ],
    example: "",
};

static LISTED_POST: ObjectModel = ObjectModel {
    name: "ListedPost",
    about: "A post in a list, without its text and URL.",
    fields: &[
        Field::new("id", ID),
        Field::new("title", FieldType::Text),
        IN,
        Field::new("username", FieldType::Text),
        DATE,
    ],
    example: "",
};

const IN: Field = Field::new("community", FieldType::Text)
    .pointer("/community/name")
    .about("The community's name as it was first spelled.");
const DATE: Field = Field::new("date", FieldType::DateTime).pointer("/at");

static DELETED: ObjectModel = acknowledgement(
    "PostDeleted",
    &[Field::new("message", FieldType::Const(r#""Post deleted""#))],
);
