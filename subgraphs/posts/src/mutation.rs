//! The mutations of posts: create and delete.

use async_graphql::{Context, ID, InputObject, Object};
use contract::{
    ActingUser, ContextExt, DateTime, DbConnection, EntityType, Error, Event, IdempotencyKey, Result, Tx, Viewer,
    idempotent, optional_text, require_visible, required_segment, required_text, to_timestamp_us,
};
use entities::post::{self, NewPost};
use sea_orm::EntityTrait;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::post::{Post, invalidation};

/// The longest title, in characters.
const TITLE_CHARS_MAX: usize = 300;
/// The longest text of a post, in characters.
const TEXT_CHARS_MAX: usize = 40_000;
/// The longest name of a community or a person, in characters.
const NAME_CHARS_MAX: usize = 64;
/// The longest address, in characters.
const URL_CHARS_MAX: usize = 2_000;

/// A new post.
#[derive(InputObject)]
pub struct PostInput {
    /// The title, up to 300 characters.
    title: String,
    /// The text, up to 40,000 characters.
    text: String,
    /// The community's name, up to 64 characters on one line, in any case; the first post in a community creates it.
    community: String,
    /// A link to the subject of the post: an http or https address, or a host and a path without a scheme, of up to
    /// 2,000 characters.
    url: Option<String>,
    /// The post's date; the default is now. For operators.
    at: Option<DateTime>,
    /// The name under which it is posted, up to 64 characters on one line. Only operators may use a name other than
    /// their own, also one that no active account has. A program has to give a name.
    username: Option<String>,
}

impl PostInput {
    fn validate(self, viewer: &Viewer) -> Result<PostDraft> {
        let username = self
            .username
            .map(|name| validate_username("input.username", &name))
            .transpose()?;
        let at_us = self.at.map(|at| to_timestamp_us("input.at", at)).transpose()?;
        Ok(PostDraft {
            title: required_text("input.title", &self.title, TITLE_CHARS_MAX)?,
            text: required_text("input.text", &self.text, TEXT_CHARS_MAX)?,
            community: required_segment("input.community", &self.community, NAME_CHARS_MAX)?,
            url: validate_url("input.url", self.url.as_deref())?,
            at_us,
            by: ActingUser::new(viewer, COMMUNITY_MOUNT, "input.username", username)?,
        })
    }
}

/// Validates the name of an author. Names are compared without the code points that are not displayed, so a name that
/// contains them would be the name of another person, spelled differently.
fn validate_username(field: &'static str, name: &str) -> Result<String> {
    require_visible(field, required_segment(field, name, NAME_CHARS_MAX)?)
}

/// Validates an address: an http or https URL, or a host and a path without a scheme. Returns it as the client wrote
/// it.
fn validate_url(field: &'static str, url: Option<&str>) -> Result<Option<String>> {
    let Some(text) = optional_text(field, url, URL_CHARS_MAX)? else {
        return Ok(None);
    };
    // `Url::parse` repairs white space and a wrong number of slashes, as browsers do. Other readers of the post may
    // not.
    let strip_scheme = |scheme: &str| {
        let (start, rest) = text.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    let is_plain = |rest: &str| !rest.starts_with(['/', '\\']) && !rest.contains(char::is_whitespace);
    let absolute = strip_scheme("http://").or_else(|| strip_scheme("https://"));
    let valid = match absolute {
        Some(rest) => is_plain(rest) && Url::parse(&text).is_ok(),
        None => is_plain(&text) && is_host_and_path(&text),
    };
    if valid {
        Ok(Some(text))
    } else {
        Err(Error::invalid(
            field,
            "must be an http or https address, or a host and a path such as www.example.com/path",
        ))
    }
}

/// Returns whether a text without a scheme begins with a host name. A colon before the path is refused: it would end
/// another scheme, or begin a port, and the two look alike.
fn is_host_and_path(text: &str) -> bool {
    let end = text.find(['/', '?', '#']).unwrap_or(text.len());
    let host = &text[..end];
    let is_name =
        host.contains('.') && !host.contains([':', '@', '\\']) && host.split('.').all(|label| !label.is_empty());
    is_name && Url::parse(&format!("http://{text}")).is_ok()
}

/// A post that has not been created yet.
#[derive(Serialize)]
struct PostDraft {
    title: String,
    text: String,
    community: String,
    url: Option<String>,
    at_us: Option<i64>,
    by: ActingUser,
}

/// The open mount whose document has routes that create and delete posts.
const COMMUNITY_MOUNT: &str = "community";

/// Mutations that create and delete posts.
#[derive(Default)]
pub struct PostMutation;

#[Object]
impl PostMutation {
    /// Creates a post: under the viewer's own name, or under a name that an operator gives.
    async fn create_post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The post.")] input: PostInput,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<Post> {
        let viewer = ctx.viewer();
        viewer.require_signed_in_or(COMMUNITY_MOUNT)?;
        if input.at.is_some() && !viewer.is_operator_or(COMMUNITY_MOUNT) {
            return Err(Error::Forbidden("only an administrator may date a post"));
        }
        let draft = input.validate(viewer)?;
        let key = IdempotencyKey::for_mutation(viewer, "createPost", idempotency_key, &draft)?;
        let now_us = ctx.now_us();
        let created = ctx
            .services()
            .write(async move |tx| {
                let created = idempotent(tx, key.as_ref(), now_us, async || create(tx, &draft, now_us).await).await?;
                let username = draft.by.username(tx).await?;
                Ok(created.into_inner().into_post(&draft, username))
            })
            .await?;
        Ok(Post(created))
    }

    /// Deletes a post permanently; for its author and for operators.
    async fn delete_post(&self, ctx: &Context<'_>, #[graphql(desc = "The post's id.")] id: ID) -> Result<bool> {
        let viewer = ctx.viewer().clone();
        viewer.require_signed_in_or(COMMUNITY_MOUNT)?;
        let id = EntityType::Post.parse("id", &id)?.ok_or(Error::NotFound("post"))?;
        let now_us = ctx.now_us();
        ctx.services()
            .write(async move |tx| {
                let found = tx.row(post::Entity::find_by_id(id)).await?;
                let post = found.ok_or(Error::NotFound("post"))?;
                match post.author_id {
                    Some(author) => viewer.require_self_or_operator_or(author, COMMUNITY_MOUNT)?,
                    None => viewer.require_operator_or(COMMUNITY_MOUNT)?,
                }
                let version = post::remove(tx, id, now_us).await?.ok_or(Error::NotFound("post"))?;
                tx.publish(invalidation(id, version));
                Ok(())
            })
            .await?;
        Ok(true)
    }
}

/// The result of creating a post that an idempotency key stores. It leaves out the title, the text and the URL: a
/// retry sends them again, and the text of a deleted post must not remain. It leaves out the username, too, because
/// the name of an erased person must not remain.
#[derive(Serialize, Deserialize)]
struct CreatedPost {
    id: i64,
    community: String,
    community_key: String,
    author_id: Option<i64>,
    at_us: i64,
}

impl CreatedPost {
    fn into_post(self, draft: &PostDraft, username: String) -> post::Model {
        post::Model {
            id: self.id,
            title: draft.title.clone(),
            community: self.community,
            community_key: self.community_key,
            username,
            author_id: self.author_id,
            at_us: self.at_us,
            url: draft.url.clone(),
            text: draft.text.clone(),
        }
    }
}

async fn create(tx: &Tx, draft: &PostDraft, now_us: i64) -> Result<CreatedPost> {
    let (username, author_id) = draft.by.resolve(tx).await?;
    let new = NewPost {
        title: draft.title.clone(),
        text: draft.text.clone(),
        community: draft.community.clone(),
        url: draft.url.clone(),
        username,
        author_id,
        at_us: draft.at_us.unwrap_or(now_us),
    };
    let (post, version) = post::add(tx, new, now_us).await?;
    tx.publish(Event::PostCreated {
        id: post.id,
        community: post.community_key.clone(),
    });
    tx.publish(invalidation(post.id, version));
    Ok(CreatedPost {
        id: post.id,
        community: post.community,
        community_key: post.community_key,
        author_id: post.author_id,
        at_us: post.at_us,
    })
}
