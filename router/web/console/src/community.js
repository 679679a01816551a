// The community: the newest posts with their votes, and the messages of the signed-in person.

import { onSessionChange, session } from "../../src/session.js";
import { afterSubscribing, ask, follow, onSubscribed } from "./graph.js";
import { loadPerson, onMessage } from "./person.js";
import { store } from "./store.js";

const POST = "id title text at username community { name } author { username karma } score upvotes downvotes myVote";
const POSTS = `query Posts {
  recentPosts(first: 10) { nodes { ${POST} } }
  communities(first: 100) { nodes { name } }
}`;
const POST_CREATED = "subscription PostCreated { postCreated { id } }";
const VOTE_CHANGED = "subscription VoteChanged($post: ID!) { voteChanged(postId: $post) { id score upvotes downvotes } }";
const INBOX = `query Inbox { me { inbox(first: 20) { nodes { id at contents read flag from { username } } } } }`;
const MARK_READ = "mutation MarkRead($ids: [ID!]!) { markRead(ids: $ids) }";

/** `posts` and `inbox` are null until they have arrived. */
export const community = store({ posts: null, names: [], inbox: null, problem: "" });

export function startCommunity() {
  loadPosts();
  loadInbox();
  onSubscribed(() => {
    loadPosts();
    loadInbox();
  });
  onSessionChange(() => {
    loadPosts();
    loadInbox();
  });
  follow(POST_CREATED, {}, loadPosts);
  onMessage(loadInbox);
}

export async function loadPosts() {
  try {
    const { recentPosts, communities } = await ask(POSTS);
    community.update({ posts: recentPosts.nodes, names: communities.nodes.map(({ name }) => name), problem: "" });
    followVotes();
  } catch (error) {
    community.update({ problem: error.message });
    setTimeout(loadPosts, 3000);
  }
}

const voteFollows = new Map();

/** Follows the votes on the shown posts only. */
function followVotes() {
  const shown = new Set(community.get().posts.map(({ id }) => id));
  for (const [id, stop] of voteFollows) {
    if (shown.has(id)) continue;
    stop();
    voteFollows.delete(id);
  }
  const fresh = [...shown].filter((id) => !voteFollows.has(id));
  for (const id of fresh) voteFollows.set(id, follow(VOTE_CHANGED, { post: id }, ({ voteChanged }) => merge(voteChanged)));
  if (fresh.length > 0) afterSubscribing(loadPosts);
}

export function merge(post) {
  community.update((now) => ({ ...now, posts: now.posts?.map((known) => (known.id === post.id ? { ...known, ...post } : known)) ?? null }));
}

export async function loadInbox() {
  const asked = session()?.username;
  if (!asked) return community.update({ inbox: null });
  try {
    const { me } = await ask(INBOX);
    if (session()?.username === asked) community.update({ inbox: me?.inbox?.nodes ?? [] });
  } catch {
    // The next message, or the next connection, loads it.
  }
}

/** Marks the shown messages as read. */
export async function markRead() {
  const ids = community.get().inbox?.filter(({ read }) => !read).map(({ id }) => id) ?? [];
  if (ids.length === 0) return;
  await ask(MARK_READ, { ids });
  await Promise.all([loadInbox(), loadPerson()]);
}
