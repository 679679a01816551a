// Sends operations to the graph: queries and mutations over HTTP, subscriptions over WebSocket. Both use the page's own
// origin and the token of the signed-in person. An Authorization in the headers editor takes precedence.

import { getOperationAST, parse } from "graphql";
import { CloseCode, createClient } from "graphql-ws";

import { eventLog } from "./event_log.js";
import { authorization, renew, session } from "./session.js";

export async function fetcher(asked, { headers = {} } = {}) {
  const operation = operationOf(asked);
  const request = { ...asked, operationName: operation?.name?.value };
  const all = await signed(headers);
  return operation?.operation === "subscription" ? subscribe(request, all) : post(request, headers, all);
}

/**
 * Returns the operation to execute. For a moment after a change of tabs, GraphiQL still names the operation of the previous
 * tab: the function then takes the only operation of the document. Undefined for text that does not parse: the server reports
 * the syntax error.
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
    // The server no longer accepts the token (it was restarted, or the session ended): retry with a new token, or without one.
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

async function send(request, headers) {
  const answer = fetch("/graphql", {
    method: "POST",
    headers: {
      accept: "application/graphql-response+json, application/json;q=0.9",
      "content-type": "application/json",
      ...headers,
    },
    body: JSON.stringify(request),
  });
  return answer.catch(() => {
    throw new Error(UNREACHABLE);
  });
}

const UNREACHABLE = `The server at ${location.host} does not answer. Check that it runs, then try again.`;

/** Opens one connection per subscription, so that each has the token of the person that started it. */
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
      const unsubscribe = client.subscribe(request, { next: eventLog(next), error: end((cause) => error(readable(cause))), complete: end(complete) });
      return {
        unsubscribe() {
          unsubscribe();
          client.dispose();
        },
      };
    },
  };
}

const GOING_AWAY = 1001;
const ABNORMAL = 1006;

/** Returns GraphQL errors unchanged, and describes a closed socket in an `Error`. */
function readable(cause) {
  if (Array.isArray(cause) || cause instanceof Error) return cause;
  const { code, reason } = cause ?? {};
  if (code === undefined) return new Error(UNREACHABLE);
  if (code === CloseCode.Unauthorized || code === CloseCode.Forbidden) return new Error("The server does not accept this sign-in. Sign in again, then press Play.");
  if (code === GOING_AWAY) return new Error("The server is stopping. Press Play when it runs again.");
  if (code === ABNORMAL) return new Error("The connection to the server was lost. Press Play to listen again.");
  return new Error(`The server closed the connection: ${reason || "it gave no reason"} (code ${code}).`);
}
