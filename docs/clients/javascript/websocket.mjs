// One WebSocket for all subscriptions of a client. It survives lost connections, a restart of the server (close code 1001),
// and the end of access tokens.

import { createClient } from "graphql-ws";
import { AGORA_URL, authorization, renewalDueMs } from "./session.mjs";

/**
 * `onReconnected` is called after each lost connection: the client queries again, because events were lost meanwhile. A
 * connection keeps the person that it was opened for, so call `terminate()` on the result when another person signs in.
 */
export function connect(onReconnected) {
  let renewal;
  let connections = 0;
  const client = createClient({
    url: `${AGORA_URL.replace(/^http/, "ws")}/graphql`,
    // Called for each connection, so each has a token that is still valid.
    connectionParams: async () => ({ authorization: await authorization() }),
    // Waits longer after each attempt, with some chance in it.
    retryAttempts: Infinity,
    shouldRetry: () => true,
    on: {
      connected() {
        // When its token expires, the server ends the subscriptions with an error and closes with 4401, after which
        // graphql-ws does not retry. So connect again before that: the subscriptions go on.
        const due = renewalDueMs();
        if (due !== undefined) renewal = setTimeout(() => client.terminate(), due);
        connections += 1;
        if (connections > 1) onReconnected();
      },
      closed: () => clearTimeout(renewal),
    },
  });
  return client;
}
