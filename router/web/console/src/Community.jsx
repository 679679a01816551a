// Posts with votes, and the messages of the signed-in person.

import { useState } from "preact/hooks";

import { Empty } from "./Market.jsx";
import { Invitation } from "./OrderForm.jsx";
import { community, loadPosts, markRead, merge } from "./community.js";
import { ago, number } from "./format.js";
import { ask, idempotencyKey } from "./graph.js";
import { announce } from "./notices.js";
import { person } from "./person.js";
import { useStore } from "./store.js";

const VOTED = "id score upvotes downvotes myVote";
const UPVOTE = `mutation Upvote($post: ID!) { vote: upvote(postId: $post) { ${VOTED} } }`;
const DOWNVOTE = `mutation Downvote($post: ID!) { vote: downvote(postId: $post) { ${VOTED} } }`;
const CLEAR = `mutation ClearVote($post: ID!) { vote: clearVote(postId: $post) { ${VOTED} } }`;
const CREATE = "mutation CreatePost($input: PostInput!, $key: String) { createPost(input: $input, idempotencyKey: $key) { id } }";
const SEND = "mutation SendMessage($to: String!, $contents: String!, $key: String) { sendMessage(to: $to, contents: $contents, idempotencyKey: $key) { id } }";

export function Community() {
  const { posts, names, inbox, problem } = useStore(community);
  const me = useStore(person);
  return (
    <div class="community">
      <section class="panel card" aria-labelledby="posts-title">
        <h2 id="posts-title">Newest posts</h2>
        <Empty of={posts} problem={problem} none="No post yet." />
        <ol class="posts">{posts?.map((post) => <Post key={post.id} post={post} me={me} />)}</ol>
      </section>
      <div class="stack">
        <section class="panel card" aria-labelledby="inbox-title">
          <h2 id="inbox-title">Messages{me?.unreadCount > 0 && <span class="badge">{me.unreadCount} unread</span>}</h2>
          {me === null && <Invitation text="Sign in to read your messages and to write some." />}
          {me && <Inbox inbox={inbox} me={me} />}
        </section>
        {me && <section class="panel card" aria-labelledby="post-title"><h2 id="post-title">Write a post</h2><NewPost names={names} /></section>}
      </div>
    </div>
  );
}

function Post({ post, me }) {
  const { id, title, text, at, username, author, score, myVote } = post;
  async function vote(direction) {
    try {
      const query = myVote === direction ? CLEAR : direction === "UP" ? UPVOTE : DOWNVOTE;
      merge((await ask(query, { post: id })).vote);
    } catch (error) {
      announce(error.message, "wrong");
    }
  }
  const button = (direction, sign, label) => (
    <button type="button" class="vote" disabled={!me} aria-pressed={myVote === direction} aria-label={`${label} “${title}”`} onClick={() => vote(direction)}>{sign}</button>
  );
  return (
    <li class="post">
      <div class="votes">
        {button("UP", "▲", "Vote for")}
        <b aria-label={`Score ${score}`} role="img">{number(score)}</b>
        {button("DOWN", "▼", "Vote against")}
      </div>
      <article>
        <h3>{title}</h3>
        <p class="post-text">{text}</p>
        <p class="caption">{post.community.name} · {username}{author && ` (karma ${number(author.karma)})`} · {ago(at)}</p>
      </article>
    </li>
  );
}

function Inbox({ inbox, me }) {
  return (
    <>
      <Empty of={inbox} none="No message yet." />
      {inbox?.length > 0 && (
        <ol class="messages" tabIndex={0} aria-label="Messages, newest first">
          {inbox.map(({ id, at, contents, read, from }) => (
            <li key={id} class={read ? "" : "unread"}>
              <p><b>{from.username}</b> <span class="soft">{ago(at)}</span>{!read && <span class="badge">new</span>}</p>
              <p>{contents}</p>
            </li>
          ))}
        </ol>
      )}
      {me.unreadCount > 0 && <button type="button" class="button" onClick={() => markRead().catch((error) => announce(error.message, "wrong"))}>Mark as read</button>}
      <NewMessage />
    </>
  );
}

/** A form that sends a mutation, and is emptied when it worked. */
function useSending(send, told) {
  const [problem, setProblem] = useState("");
  const [waits, setWaits] = useState(false);
  async function submit(event) {
    event.preventDefault();
    const form = event.currentTarget;
    setWaits(true);
    setProblem("");
    try {
      await send(Object.fromEntries(new FormData(form)));
      form.reset();
      announce(told);
    } catch (error) {
      setProblem(error.message);
    } finally {
      setWaits(false);
    }
  }
  return { submit, waits, problem };
}

function NewMessage() {
  const { submit, waits, problem } = useSending((entered) => ask(SEND, { ...entered, key: idempotencyKey() }), "Message sent.");
  return (
    <form class="stack" onSubmit={submit} aria-label="Write a message">
      <label class="field">To<input name="to" required autoCapitalize="none" spellcheck={false} maxLength={64} placeholder="dan" /></label>
      <label class="field">Message<textarea name="contents" required rows={2} maxLength={40000} /></label>
      {problem && <p class="notice wrong" role="alert">{problem}</p>}
      <button type="submit" class="button" disabled={waits}>Send</button>
    </form>
  );
}

function NewPost({ names }) {
  const create = async (input) => {
    await ask(CREATE, { input, key: idempotencyKey() });
    await loadPosts();
  };
  const { submit, waits, problem } = useSending(create, "Post created.");
  return (
    <form class="stack" onSubmit={submit}>
      <label class="field">Community<input name="community" required list="communities" maxLength={64} /></label>
      <datalist id="communities">{names.map((name) => <option key={name} value={name} />)}</datalist>
      <label class="field">Title<input name="title" required maxLength={300} /></label>
      <label class="field">Text<textarea name="text" required rows={3} maxLength={40000} /></label>
      {problem && <p class="notice wrong" role="alert">{problem}</p>}
      <button type="submit" class="button" disabled={waits}>Post</button>
    </form>
  );
}
