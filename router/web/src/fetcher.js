// How the page reaches the graph: queries and mutations over HTTP, subscriptions over WebSocket, both on our own
// origin and both as whoever is signed in. An Authorization in the headers editor goes before the sign-in.

import { getOperationAST, parse } from "graphql";
import { CloseCode, createClient } from "graphql-ws";

import { authorization, renew, session } from "./session.js";

export async function fetcher(asked, { headers = {} } = {}) {
  const operation = operationOf(asked);
  const request = { ...asked, operationName: operation?.name?.value };
  const all = await signed(headers);
  return operation?.operation === "subscription" ? subscribe(request, all) : post(request, headers, all);
}

/**
 * The operation that is meant. For a moment after a change of tabs GraphiQL still names the operation of the tab before:
 * where there is only one it must be that. Undefined for text that does not parse, which the server will explain.
 */
function operationOf({ query, operationName }) {
  try {
    const document = parse(query);
    return getOperationAST(document, operationName) ?? getOperationAST(document) ?? undefined;
  } catch {
    return undefined;
  }
}

async function signed(headers) {
  const own = Object.keys(headers).some((name) => name.toLowerCase() === "authorization");
  const value = own ? undefined : await authorization();
  return value ? { ...headers, Authorization: value } : headers;
}

async function post(request, headers, all) {
  let response = await send(request, all);
  if (response.status === 401 && all !== headers && session()) {
    // The server no longer takes the token (it was restarted, or the session ended): a new one, or none.
    await renew();
    response = await send(request, await signed(headers));
  }
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`HTTP ${response.status} ${response.statusText}: ${text.slice(0, 2000) || "(no body)"}`);
  }
}

function send(request, headers) {
  return fetch("/graphql", {
    method: "POST",
    headers: {
      accept: "application/graphql-response+json, application/json;q=0.9",
      "content-type": "application/json",
      ...headers,
    },
    body: JSON.stringify(request),
  });
}

/** One connection per subscription, so that each carries the person it was started by. */
function subscribe(request, headers) {
  return {
    subscribe({ next, error, complete }) {
      const client = createClient({
        url: new URL("/graphql", location.href.replace(/^http/, "ws")).href,
        connectionParams: headers,
        retryAttempts: 0,
      });
      const end = (tell) => (value) => {
        tell(value);
        client.dispose();
      };
      const unsubscribe = client.subscribe(request, { next, error: end((cause) => error(readable(cause))), complete: end(complete) });
      return {
        unsubscribe() {
          unsubscribe();
          client.dispose();
        },
      };
    },
  };
}

/** GraphQL errors as they are; a closed socket in words. */
function readable(cause) {
  if (Array.isArray(cause) || cause instanceof Error) return cause;
  const { code, reason } = cause ?? {};
  if (code === undefined) return new Error("The WebSocket connection to /graphql failed.");
  return new Error(`The WebSocket was closed: ${reason || CloseCode[code] || "no reason given"} (${code}).`);
}
