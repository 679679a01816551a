//! The rows of votes (docs/rest-contract/community.md#votes-on-posts). The investor wrote `$post` and voted on it.

use super::Row;

pub(super) const READS: &[Row] = &[
    (
        "query($post: ID!) { on: post(id: $post) { it: score upvotes downvotes } }",
        ["ok"; 7],
    ),
    (
        "query($post: ID!) { it: postVotes(postId: $post) { score } }",
        ["ok"; 7],
    ),
    ("{ it: topPosts { nodes { title score } } }", ["ok"; 7]),
    ("{ it: topVoted { nodes { score } } }", ["ok"; 7]),
    (
        "query($post: ID!) { it: postsByScore(ids: [$post]) { title score } }",
        ["ok"; 7],
    ),
    // A caller sees only their own vote.
    (
        "query($post: ID!) { on: post(id: $post) { it: myVote } }",
        ["-", "-", "-", "-", "-", "-", "ok"],
    ),
];

pub(super) const WRITES: &[Row] = &[
    (
        "mutation($post: ID!) { it: upvote(postId: $post) { score } }",
        ["401", "ok", "ok", "ok", "ok", "ok", "ok"],
    ),
    (
        "mutation($post: ID!) { it: downvote(postId: $post) { score } }",
        ["401", "ok", "ok", "ok", "ok", "ok", "ok"],
    ),
    (
        "mutation($post: ID!) { it: clearVote(postId: $post) { score } }",
        ["401", "ok", "ok", "ok", "401", "ok", "ok"],
    ),
];
