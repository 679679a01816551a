// The graph, as this page uses it: queries and mutations over HTTP, subscriptions over one WebSocket. Nothing here is
// private to the console; any client can do the same.

import { createClient } from "graphql-ws";

import { authorization, onSessionChange, renew, session } from "../../src/session.js";
import { measure, noteEvent } from "./measurements.js";
import { store } from "./store.js";

/** The state of the WebSocket: `connecting`, `open` or `closed`. */
export const connection = store("connecting");

const WAIT_MS_MIN = 500;
const WAIT_MS_MAX = 15_000;
const TIMEOUT_MS = 20_000;
/** The time that a subscription takes to begin on the server, generously. */
const SUBSCRIBED_MS = 400;

/** An error that the server reported; `code` is its stable code. */
export class GraphError extends Error {
  constructor({ message, extensions }) {
    super(sentence(message));
    this.code = extensions?.code;
  }
}

/** Executes a query or a mutation and returns its data. Throws a `GraphError`, or an `Error` when no answer came. */
export async function ask(query, variables = {}) {
  let answer = await post(query, variables);
  if (answer.errors?.[0]?.extensions?.code === "UNAUTHENTICATED" && session()) {
    // The server no longer accepts the token: it was restarted, or the session ended.
    await renew();
    answer = await post(query, variables);
  }
  if (answer.errors?.length) throw new GraphError(answer.errors[0]);
  return answer.data;
}

async function post(query, variables) {
  const token = await authorization();
  const began = performance.now();
  let response;
  try {
    response = await fetch("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/graphql-response+json, application/json", ...(token && { authorization: token }) },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    throw new Error("The server does not answer.");
  }
  const answer = await response.json().catch(() => ({}));
  measure(performance.now() - began);
  if (!answer.data && !answer.errors) throw new Error(`The server answered ${response.status}.`);
  return answer;
}

/** Server messages begin with a small letter and have no full stop: they are parts of sentences. */
function sentence(message) {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

let client = connect();
let token = session()?.token;
const subscribed = new Set();
const waiting = new Set();

// A WebSocket has the identity that it was opened with, so another person needs another one.
onSessionChange(() => {
  if (session()?.token === token) return;
  token = session()?.token;
  const old = client;
  client = connect();
  old.dispose();
});

function connect() {
  const current = () => client === created;
  const created = createClient({
    url: new URL("/graphql", location.href.replace(/^http/, "ws")).href,
    connectionParams: async () => {
      const value = await authorization();
      return value ? { Authorization: value } : {};
    },
    retryAttempts: 0,
    lazyCloseTimeout: 1000,
    on: {
      connected() {
        if (!current()) return;
        connection.set("open");
        for (const wake of waiting) wake();
        setTimeout(() => current() && subscribed.forEach((listener) => listener()), SUBSCRIBED_MS);
      },
      closed() {
        if (current()) connection.set("closed");
      },
    },
  });
  return created;
}

/**
 * Calls `listener` a moment after now, when the subscriptions of now have begun: it reads what they follow, because a change between
 * the first read and their beginning sent no event.
 */
export function afterSubscribing(listener) {
  setTimeout(listener, SUBSCRIBED_MS);
}

/**
 * Calls `listener` a moment after each opening of the connection, when all subscriptions have begun: events of the time
 * before are lost, so the listener reads what it shows.
 */
export function onSubscribed(listener) {
  subscribed.add(listener);
}

/**
 * Follows a subscription until the returned function is called: it subscribes again whenever the connection ends, after a
 * wait that doubles.
 */
export function follow(query, variables, next) {
  let ended = false;
  let stop = () => {};
  let wait = WAIT_MS_MIN;
  const once = (used) =>
    new Promise((resolve) => {
      stop = used.subscribe(
        { query, variables },
        {
          next({ data, errors }) {
            wait = WAIT_MS_MIN;
            noteEvent();
            if (data && !errors) next(data);
          },
          error: resolve,
          complete: resolve,
        },
      );
    });
  (async () => {
    while (!ended) {
      const used = client;
      await once(used);
      // Another person signed in: there is another connection.
      if (ended || used !== client) continue;
      await pause(wait);
      wait = Math.min(2 * wait, WAIT_MS_MAX);
    }
  })();
  return () => {
    ended = true;
    stop();
  };
}

/** Waits that long, or until the connection is open again. */
function pause(milliseconds) {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      waiting.delete(wake);
      resolve();
    };
    const timer = setTimeout(wake, milliseconds);
    waiting.add(wake);
  });
}

/** A key that makes it safe to send a mutation again. */
export function idempotencyKey() {
  // Pages on plain http:// addresses other than loopback have no `randomUUID`.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
