//! The rows of votes (docs/rest-contract/community.md#votes-on-posts). The investor wrote `<POST>` and voted on it.

use super::Row;

pub(super) const READS: &[Row] = &[
    (
        r#"{ on: post(id: "<POST>") { it: score upvotes downvotes } }"#,
        ["ok"; 7],
    ),
    (r#"{ it: postVotes(postId: "<POST>") { score } }"#, ["ok"; 7]),
    (r#"{ it: topPosts { nodes { title score } } }"#, ["ok"; 7]),
    (r#"{ it: topVoted { nodes { score } } }"#, ["ok"; 7]),
    (r#"{ it: postsByScore(ids: ["<POST>"]) { title score } }"#, ["ok"; 7]),
    // A caller sees only their own vote.
    (
        r#"{ on: post(id: "<POST>") { it: myVote } }"#,
        ["-", "-", "-", "-", "-", "-", "ok"],
    ),
];

pub(super) const WRITES: &[Row] = &[
    (
        r#"mutation { it: upvote(postId: "<POST>") { score } }"#,
        ["401", "ok", "ok", "ok", "ok", "ok", "ok"],
    ),
    (
        r#"mutation { it: downvote(postId: "<POST>") { score } }"#,
        ["401", "ok", "ok", "ok", "ok", "ok", "ok"],
    ),
    (
        r#"mutation { it: clearVote(postId: "<POST>") { score } }"#,
        ["401", "ok", "ok", "ok", "401", "ok", "ok"],
    ),
];
