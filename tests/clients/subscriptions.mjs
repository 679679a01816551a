// Common subscription clients, against a running `agora demo`. Each receives new messages with their senders from another
// subgraph, changes of a book, and cache invalidations, but only those that it may see. A client without a token gets a
// clear error.
//
//   AGORA_URL=http://127.0.0.1:4000 node subscriptions.mjs

import assert from "node:assert/strict";
import { test } from "node:test";

import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client/core";
import { createClient as createSseClient } from "graphql-sse";
import { createClient as createWsClient } from "graphql-ws";
import WebSocket from "ws";

const WAIT_MS = 30_000;
const SEND_AGAIN_MS = 500;
const NEW_MESSAGE = "subscription NewMessage { newMessage { id contents from { username karma } } }";
const BOOK_CHANGED = "subscription BookChanged($ids: [ID!]) { bookChanged(ids: $ids) { id title quantity } }";
const INVALIDATED = "subscription Invalidated($of: [String!]) { cacheInvalidated(typenames: $of) { typename key version } }";
const NOTICE = "subscription Notice { newMessage { contents } }";

if (!process.env.AGORA_URL) {
  console.error("AGORA_URL is not set: it names a running `agora demo`, such as http://127.0.0.1:4000");
  process.exit(2);
}
const ORIGIN = new URL(process.env.AGORA_URL).origin;
const GRAPHQL = `${ORIGIN}/graphql`;

/** The clients, all with the same signature: `(token, { query, variables, next, refused }) => stop`. */
const CLIENTS = {
  "graphql-ws": (token, { query = NEW_MESSAGE, variables, next, refused }) => {
    const client = createWsClient({
      url: GRAPHQL.replace(/^http/, "ws"),
      webSocketImpl: WebSocket,
      connectionParams: token && { Authorization: `Bearer ${token}` },
      retryAttempts: 0,
    });
    client.subscribe({ query, variables }, {
      next: resultTo(next, refused),
      error: (cause) => refused(cause?.code ? `${cause.code} ${cause.reason}` : JSON.stringify(cause)),
      complete() {},
    });
    return () => client.dispose();
  },
  "graphql-sse": (token, { query = NEW_MESSAGE, variables, next, refused }) => {
    const client = createSseClient({
      url: GRAPHQL,
      headers: token ? { authorization: `Bearer ${token}` } : {},
      retryAttempts: 0,
    });
    client.subscribe({ query, variables }, {
      next: resultTo(next, refused),
      error: async (cause) => refused(cause.response ? await cause.response.text() : String(cause)),
      complete() {},
    });
    return () => client.dispose();
  },
  "Apollo Client (multipart)": (token, { query = NEW_MESSAGE, variables, next, refused }) => {
    const client = new ApolloClient({
      link: new HttpLink({ uri: GRAPHQL, headers: token ? { authorization: `Bearer ${token}` } : {} }),
      cache: new InMemoryCache(),
    });
    const watched = client.subscribe({ query: gql(query), variables, fetchPolicy: "no-cache" }).subscribe({
      next: ({ data, error }) => (error ? refused(inFull(error)) : next(data)),
      error: (cause) => refused(inFull(cause)),
    });
    return () => {
      watched.unsubscribe();
      client.stop();
    };
  },
};

for (const [name, subscribe] of Object.entries(CLIENTS)) {
  test(`${name} receives a message that is sent meanwhile, until its session ends`, async () => {
    const [cleo, dan] = await Promise.all([tokenOf("cleo"), tokenOf("dan")]);
    const contents = `For ${name}, ${process.hrtime.bigint()}`;
    let received;
    const why = await within(async (resolve, reject) => {
      const stop = subscribe(cleo, {
        next: async ({ newMessage }) => {
          if (newMessage.contents !== contents || received) return;
          received = newMessage;
          await graphql("mutation { logout }", {}, cleo).catch(reject);
        },
        refused: (why) => (received ? resolve(why) : reject(new Error(`refused: ${why}`))),
      });
      // A stream begins a moment after its request, and lacks messages that were sent before.
      const send = () => graphql("mutation ($contents: String!) { sendMessage(to: \"cleo\", contents: $contents) { id } }", { contents }, dan).catch(reject);
      const again = setInterval(send, SEND_AGAIN_MS);
      await send();
      return () => {
        clearInterval(again);
        stop();
      };
    });
    assert.equal(received.from.username, "dan");
    assert.equal(typeof received.from.karma, "number");
    assert.match(why, /UNAUTHENTICATED/);
  });

  test(`${name} receives a book that changes, and no other, without a token`, async () => {
    const admin = await tokenOf("admin");
    const [watched, other] = await Promise.all([addBook(admin, `Watched by ${name}`), addBook(admin, "Not watched")]);
    let quantity = 10;
    const received = await until(subscribe, undefined, { query: BOOK_CHANGED, variables: { ids: [watched] } }, {
      next: ({ bookChanged }, done) => done(bookChanged),
      again: async () => {
        await setQuantity(admin, other, (quantity += 1));
        await setQuantity(admin, watched, quantity);
      },
    });
    assert.equal(received.id, watched);
    assert.equal(received.title, `Watched by ${name}`);
    assert.ok(received.quantity > 10 && received.quantity <= quantity);
  });

  test(`${name} receives invalidations: of a book for any caller, of a message for its two people only`, async () => {
    const [ada, cleo, dan, admin] = await Promise.all(["ada", "cleo", "dan", "admin"].map(tokenOf));
    const book = await addBook(admin, `Forgotten by ${name}`);
    let quantity = 10;
    const change = async () => {
      await send(dan, "cleo", "forget me");
      await setQuantity(admin, book, (quantity += 1));
    };
    const forgotten = async (token, of) => {
      const typenames = new Set();
      let seen = 0;
      await until(subscribe, token, { query: INVALIDATED, variables: { of: ["Message", "Book"] } }, {
        next: ({ cacheInvalidated: { typename, key, version } }, done) => {
          assert.equal(typeof version, "number");
          typenames.add(typename);
          // When the second event arrives, a message has certainly been sent since the subscription began.
          if (typename === of && (of === "Message" || key === book) && (seen += 1) === 2) done();
        },
        again: change,
      });
      return typenames;
    };
    assert.deepEqual(await forgotten(undefined, "Book"), new Set(["Book"]));
    assert.deepEqual(await forgotten(ada, "Book"), new Set(["Book"]));
    for (const person of [cleo, dan]) assert.ok((await forgotten(person, "Message")).has("Message"));
  });

  test(`${name} receives no message that was sent to another person`, async () => {
    const [ada, cleo, dan] = await Promise.all(["ada", "cleo", "dan"].map(tokenOf));
    const mine = `For ada, ${process.hrtime.bigint()}`;
    const received = [];
    await until(subscribe, ada, { query: NOTICE }, {
      next: ({ newMessage }, done) => {
        received.push(newMessage.contents);
        // When the second message arrives, the other one has certainly been sent since the subscription began.
        if (received.filter((contents) => contents === mine).length === 2) done();
      },
      again: async () => {
        await send(dan, "cleo", "for cleo alone");
        await send(cleo, "ada", mine);
      },
    });
    assert.deepEqual(new Set(received), new Set([mine]));
  });

  test(`${name} is told why it may not watch without a token`, async () => {
    const why = await within(async (resolve, reject) =>
      subscribe(undefined, { next: (data) => reject(new Error(`received ${JSON.stringify(data)}`)), refused: resolve }),
    );
    assert.match(why, /UNAUTHENTICATED/);
  });

  test(`${name} is told that a token is none of ours`, async () => {
    const why = await within(async (resolve, reject) =>
      subscribe("nonsense", { next: (data) => reject(new Error(`received ${JSON.stringify(data)}`)), refused: resolve }),
    );
    assert.match(why, /the token is not valid/);
  });
}

function resultTo(next, refused) {
  return (result) => (result.errors ? refused(JSON.stringify(result.errors)) : next(result.data));
}

/** Returns an Apollo error as text, with the GraphQL errors or the body of the refused request. */
function inFull(cause) {
  return JSON.stringify({ message: cause.message, errors: cause.errors, body: cause.bodyText });
}

/** Returns the value that `begin` resolves with, or fails after WAIT_MS. The clean-up that `begin` returns runs in both cases. */
async function within(begin) {
  let stop;
  let timer;
  try {
    return await new Promise((resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`nothing within ${WAIT_MS} ms`)), WAIT_MS);
      stop = begin(resolve, reject);
    });
  } finally {
    clearTimeout(timer);
    (await stop)?.();
  }
}

/**
 * Returns the value that `next` passes to its `done`. Repeats `again`, which causes the events, until then: a stream begins a
 * moment after its request, and lacks events from before.
 */
async function until(subscribe, token, operation, { next, again }) {
  return within(async (resolve, reject) => {
    const stop = subscribe(token, {
      ...operation,
      next: (data) => {
        try {
          next(data, resolve);
        } catch (cause) {
          reject(cause);
        }
      },
      refused: (why) => reject(new Error(`refused: ${why}`)),
    });
    let stopped = false;
    const repeat = async () => {
      while (!stopped) {
        await again();
        await new Promise((later) => setTimeout(later, SEND_AGAIN_MS));
      }
    };
    repeat().catch(reject);
    return () => {
      stopped = true;
      stop();
    };
  });
}

async function send(token, to, contents) {
  const query = "mutation ($to: String!, $contents: String!) { sendMessage(to: $to, contents: $contents) { id } }";
  return (await graphql(query, { to, contents }, token)).sendMessage;
}

async function addBook(token, title) {
  const query = "mutation ($input: BookInput!) { addBook(input: $input) { id } }";
  const input = { title, topic: "clients", quantity: 10, price: { amount: "1.00", currency: "USD" } };
  return (await graphql(query, { input }, token)).addBook.id;
}

async function setQuantity(token, id, quantity) {
  await graphql("mutation ($id: ID!, $quantity: Int) { updateBook(id: $id, input: { quantity: $quantity }) { id } }", { id, quantity }, token);
}

async function graphql(query, variables, token) {
  const response = await fetch(GRAPHQL, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined, `the server refused: ${JSON.stringify(errors)}`);
  return data;
}

async function tokenOf(login) {
  const query = "mutation ($login: String!, $password: String!) { login(login: $login, password: $password) { token } }";
  return (await graphql(query, { login, password: "agora-demo-2026" })).login.token;
}
