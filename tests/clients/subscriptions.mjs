// The subscription clients people use, against a running `agora demo`: each receives a message sent meanwhile, with its
// sender from another subgraph, and each is told clearly why it may not without a token.
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

if (!process.env.AGORA_URL) {
  console.error("AGORA_URL is not set: it names a running `agora demo`, such as http://127.0.0.1:4000");
  process.exit(2);
}
const ORIGIN = new URL(process.env.AGORA_URL).origin;
const GRAPHQL = `${ORIGIN}/graphql`;

/** Every client under one form: `(token, { next, refused }) => stop`. */
const CLIENTS = {
  "graphql-ws": (token, { next, refused }) => {
    const client = createWsClient({
      url: GRAPHQL.replace(/^http/, "ws"),
      webSocketImpl: WebSocket,
      connectionParams: token && { Authorization: `Bearer ${token}` },
      retryAttempts: 0,
    });
    client.subscribe({ query: NEW_MESSAGE }, {
      next: resultTo(next, refused),
      error: (cause) => refused(cause?.code ? `${cause.code} ${cause.reason}` : JSON.stringify(cause)),
      complete() {},
    });
    return () => client.dispose();
  },
  "graphql-sse": (token, { next, refused }) => {
    const client = createSseClient({
      url: GRAPHQL,
      headers: token ? { authorization: `Bearer ${token}` } : {},
      retryAttempts: 0,
    });
    client.subscribe({ query: NEW_MESSAGE }, {
      next: resultTo(next, refused),
      error: async (cause) => refused(cause.response ? await cause.response.text() : String(cause)),
      complete() {},
    });
    return () => client.dispose();
  },
  "Apollo Client (multipart)": (token, { next, refused }) => {
    const client = new ApolloClient({
      link: new HttpLink({ uri: GRAPHQL, headers: token ? { authorization: `Bearer ${token}` } : {} }),
      cache: new InMemoryCache(),
    });
    const watched = client.subscribe({ query: gql(NEW_MESSAGE), fetchPolicy: "no-cache" }).subscribe({
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
      // A stream begins a moment after it was asked for, and a message sent before that is not in it.
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

/** An Apollo error with what the server said: GraphQL errors, or the body of a refused request. */
function inFull(cause) {
  return JSON.stringify({ message: cause.message, errors: cause.errors, body: cause.bodyText });
}

/** What `begin` resolves with; its own clean-up runs either way, and so does the clock. */
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
