//! The community: posts and votes.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use hyper::Method;
use rand::Rng;
use serde_json::{Value, json};

use super::Player;
use crate::caller::{Abandoned, Allowed, NEVER};
use crate::person::Post;
use crate::values::{id_number, path_segment};
use crate::world::{Tally, done};

/// The communities of a run.
const COMMUNITIES: usize = 3;

impl Player {
    /// Writes a post, reads it, votes on it, and now and then deletes one.
    pub(super) async fn write_posts(&mut self) -> Result<(), Abandoned> {
        let id = self.create_post().await?;
        self.read_post(id).await?;
        self.vote_on_own_post(id).await?;
        self.list_recent_posts(id).await?;
        if self.random.random_bool(0.25) {
            self.delete_post(id).await?;
        }
        Ok(())
    }

    async fn create_post(&mut self) -> Result<i64, Abandoned> {
        let key = self.key();
        let community = format!("Load {} {}", self.world.run, self.random.random_range(0..COMMUNITIES));
        let title = format!("Post {key}");
        // Characters of one to four bytes, and a line break.
        let text = format!(
            "Written by {}.\nÄpfel, 苹果, 🍏 and \"quotes\" {}",
            self.name,
            "x".repeat(200)
        );
        let over_rest = self.over_rest();
        let step = ["write a post", "write a post (REST)"][usize::from(over_rest)];
        let id = if over_rest {
            let body = json!({ "title": title, "text": text, "community": community, "username": self.name });
            let request = (Method::POST, "/community/posts".to_owned());
            let data = done(self.caller.rest(step, request, Some(body), Some(key), NEVER).await?)?;
            self.caller
                .same(step, "the text", Some(&*text), data["text"].as_str())?;
            data["id"].as_i64()
        } else {
            let document = "mutation($input: PostInput!, $key: String!) {
                createPost(input: $input, idempotencyKey: $key) { id title text username score } }";
            let variables = json!({ "input": { "title": title, "text": text, "community": community }, "key": key });
            let data = done(self.caller.graphql(step, document, variables, NEVER).await?)?;
            let post = &data["createPost"];
            self.caller
                .same(step, "the text", Some(&*text), post["text"].as_str())?;
            self.caller
                .same(step, "the author", Some(&*self.name), post["username"].as_str())?;
            id_number(&post["id"])
        };
        let id = self.caller.needed(step, "id", id)?;
        let tally = Arc::new(Tally::default());
        let post = Post {
            title,
            text,
            community,
            tally: tally.clone(),
        };
        self.person.posts.insert(id, post);
        self.neighbour.posts().push((id, tally));
        Ok(id)
    }

    async fn read_post(&mut self, id: i64) -> Result<(), Abandoned> {
        let post = self.person.posts.get(&id).cloned().ok_or(Abandoned)?;
        let over_rest = self.over_rest();
        let step = ["read a post", "read a post (REST)"][usize::from(over_rest)];
        let found = if over_rest {
            let request = (Method::GET, format!("/community/posts/{id}"));
            done(self.caller.rest(step, request, None, None, NEVER).await?)?
        } else {
            let document =
                "query($id: ID!) { post(id: $id) { title text username author { username } community { name } } }";
            let variables = json!({ "id": format!("post_{id}") });
            let mut data = done(self.caller.graphql(step, document, variables, NEVER).await?)?;
            let post = data["post"].take();
            let author = post["author"]["username"].as_str();
            self.caller.same(step, "the author", Some(&*self.name), author)?;
            post
        };
        let community = found["community"]["name"]
            .as_str()
            .or_else(|| found["community"].as_str());
        self.caller
            .same(step, "the title", Some(&*post.title), found["title"].as_str())?;
        self.caller
            .same(step, "the text", Some(&*post.text), found["text"].as_str())?;
        self.caller
            .same(step, "the username", Some(&*self.name), found["username"].as_str())?;
        self.caller
            .same(step, "the community", Some(&*post.community), community)
    }

    /// Lists the newest posts of the community. Others write at the same time, so the post may have left the page.
    async fn list_recent_posts(&mut self, id: i64) -> Result<(), Abandoned> {
        const STEP: &str = "list recent posts (REST)";
        let post = self.person.posts.get(&id).cloned().ok_or(Abandoned)?;
        let path = format!("/community/communities/{}/posts?n=100", path_segment(&post.community));
        let data = done(self.caller.rest(STEP, (Method::GET, path), None, None, NEVER).await?)?;
        let rows = data.as_array().map(Vec::as_slice).unwrap_or_default();
        let foreign = rows.iter().find(|row| row["community"] != *post.community);
        self.caller.same(STEP, "a post of another community", None, foreign)?;
        let ids: Vec<i64> = rows.iter().filter_map(|row| row["id"].as_i64()).collect();
        let is_there = ids.contains(&id) || (rows.len() == 100 && ids.iter().all(|other| *other > id));
        self.caller.same(STEP, "whether the own post is listed", true, is_there)
    }

    async fn vote_on_own_post(&mut self, id: i64) -> Result<(), Abandoned> {
        const STEP: &str = "vote on the own post";
        let direction = self.random.random_range(-1..=1);
        let variables = json!({ "id": format!("post_{id}") });
        let field = match direction {
            1 => "upvote",
            -1 => "downvote",
            _ => "clearVote",
        };
        let document = format!("mutation($id: ID!) {{ vote: {field}(postId: $id) {{ id myVote downvotes }} }}");
        let data = done(self.caller.graphql(STEP, &document, variables, NEVER).await?)?;
        let expected = match direction {
            1 => json!("UP"),
            -1 => json!("DOWN"),
            _ => Value::Null,
        };
        self.caller
            .same(STEP, "the own vote", &expected, &data["vote"]["myVote"])?;
        let downvotes = i64::from(direction == -1);
        self.caller.same(
            STEP,
            "the downvotes",
            Some(downvotes),
            data["vote"]["downvotes"].as_i64(),
        )?;
        if let Some(post) = self.person.posts.get(&id) {
            post.tally.own.store(direction, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn delete_post(&mut self, id: i64) -> Result<(), Abandoned> {
        // First, so that no one begins to vote on a post that goes.
        self.neighbour.posts().retain(|(other, _)| *other != id);
        self.person.posts.remove(&id);
        let over_rest = self.over_rest();
        let step = ["delete a post", "delete a post (REST)"][usize::from(over_rest)];
        let allowed = Allowed {
            codes: &[],
            done_before: Some("NOT_FOUND"),
        };
        if over_rest {
            let request = (Method::DELETE, format!("/community/posts/{id}"));
            self.caller.rest(step, request, None, None, allowed).await?;
        } else {
            let document = "mutation($id: ID!) { deletePost(id: $id) }";
            let variables = json!({ "id": format!("post_{id}") });
            self.caller.graphql(step, document, variables, allowed).await?;
        }
        const GONE: &str = "read a deleted post";
        let document = "query($id: ID!) { post(id: $id) { id } }";
        let variables = json!({ "id": format!("post_{id}") });
        let data = done(self.caller.graphql(GONE, document, variables, NEVER).await?)?;
        self.caller.same(GONE, "the post", &Value::Null, &data["post"])
    }

    /// Votes for a post of another person.
    pub(super) async fn vote(&mut self) -> Result<(), Abandoned> {
        let Some((id, tally)) = self.post_of_another() else {
            return Ok(());
        };
        if self.person.upvoted.insert(id) {
            tally.sent.fetch_add(1, Ordering::SeqCst);
        }
        let over_rest = self.over_rest();
        let step = ["vote for a post", "vote for a post (REST)"][usize::from(over_rest)];
        let counted = if over_rest {
            let request = (Method::POST, format!("/community/votes/{id}/upvotes"));
            done(self.caller.rest(step, request, None, None, NEVER).await?)?["upvotes"].as_i64()
        } else {
            let document = "mutation($id: ID!) { upvote(postId: $id) { id upvotes } }";
            let variables = json!({ "id": format!("post_{id}") });
            let data = done(self.caller.graphql(step, document, variables, NEVER).await?)?;
            data["upvote"]["upvotes"].as_i64()
        };
        // A vote that is sent twice counts once, and so does its acknowledgement.
        if self.person.acknowledged_votes.insert(id) {
            tally.acknowledged.fetch_add(1, Ordering::SeqCst);
        }
        let counted = self.caller.needed(step, "number of upvotes", counted)?;
        let sent = i64::from(tally.sent.load(Ordering::SeqCst)) + 1;
        if counted > sent {
            return Err(self.caller.wrong(
                step,
                format!("there are {counted} upvotes, and at most {sent} were sent"),
            ));
        }
        Ok(())
    }

    fn post_of_another(&mut self) -> Option<(i64, Arc<Tally>)> {
        let place = self.random.random_range(0..self.world.places());
        let neighbour = self.world.neighbour(place).filter(|_| place != self.place)?;
        let posts = neighbour.posts();
        let index = self.random.random_range(0..posts.len().max(1));
        posts.get(index).cloned()
    }
}

/// The bounds within which the upvotes of a post have to be: votes that were acknowledged before a request, and votes that
/// were sent until its answer.
pub(crate) struct VoteBounds {
    least: i64,
    own: i64,
}

impl VoteBounds {
    /// Notes the lower bound, before the request.
    pub(crate) fn before(tally: &Tally) -> Self {
        let own = own_vote(&tally.own);
        Self {
            least: i64::from(tally.acknowledged.load(Ordering::SeqCst)) + own.max(0),
            own,
        }
    }

    /// Returns the contradiction, if there is one.
    pub(crate) fn contradiction(&self, tally: &Tally, upvotes: i64, downvotes: i64, score: i64) -> Option<String> {
        let most = i64::from(tally.sent.load(Ordering::SeqCst)) + self.own.max(0);
        let is_right =
            (self.least..=most).contains(&upvotes) && downvotes == (-self.own).max(0) && score == upvotes - downvotes;
        let (least, own) = (self.least, self.own);
        (!is_right).then(|| {
            format!(
                "{upvotes} upvotes, {downvotes} downvotes and the score {score}; \
                 expected {least} to {most} upvotes, with {own} by the author"
            )
        })
    }
}

fn own_vote(own: &AtomicI32) -> i64 {
    i64::from(own.load(Ordering::Relaxed))
}
