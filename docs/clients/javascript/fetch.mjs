// Agora with nothing but `fetch`, for Node and browsers: queries, mutations, and a subscription as server-sent events.
//
//   agora demo
//   AGORA_URL=http://127.0.0.1:4000 node fetch.mjs

import { AGORA_URL, AgoraError, authorization, renew, signIn } from "./session.mjs";

const user = await signIn("ada", "agora-demo-2026");
console.log(`signed in as ${user.username}`);

// A list comes in pages. The cursor of one page is the argument of the next.
const BOOKS = `query Books($after: String) {
  books(first: 3, after: $after) { nodes { id title } pageInfo { hasNextPage endCursor } }
}`;
for (let after, more = true; more; ) {
  const { books } = await graphql(BOOKS, { after });
  console.log("books:", books.nodes.map(({ id }) => id).join(", "));
  ({ endCursor: after, hasNextPage: more } = books.pageInfo);
}

// Subscribe first and buy then: a subscription has no events from before it began.
const changes = subscribe(`subscription { stockChanged(names: ["FishCo"]) { name price quantity } }`);
const nextChange = changes.next();

// The key makes it safe to send the order again when no answer arrives: it is executed once.
const BUY = `mutation Buy($key: String!, $quantity: Int!) {
  placeOrder(idempotencyKey: $key, input: { stock: "stock_2", side: BUY, quantity: $quantity }) { id status }
}`;
const key = crypto.randomUUID();
const { placeOrder: order } = await graphql(BUY, { key, quantity: 1 });
console.log(`order ${order.id}: ${order.status}`);
const { placeOrder: again } = await graphql(BUY, { key, quantity: 1 });
console.log(`sent again: ${again.id}`);

const { stockChanged: stock } = (await nextChange).value;
console.log(`${stock.name}: ${stock.quantity} shares at ${stock.price.amount} ${stock.price.currency}`);
// Ends the request, and with it the subscription.
await changes.return();

// A program reacts to the code of an error, never to its message.
try {
  await graphql(BUY, { key: crypto.randomUUID(), quantity: 1_000_000 });
} catch (error) {
  if (error.code !== "INSUFFICIENT_STOCK") throw error;
  console.log("not that many shares are left");
}

await renew();
const { me } = await graphql("{ me { username } }");
console.log(`renewed the session of ${me.username}`);

/** Executes a query or a mutation, and returns its data. */
async function graphql(query, variables) {
  let answer = await (await post(query, variables)).json();
  if (answer.errors?.[0].extensions?.code === "UNAUTHENTICATED") {
    // The session was renewed elsewhere, or the server has other keys. Try once more with a new token.
    await renew();
    answer = await (await post(query, variables)).json();
  }
  if (answer.errors) throw new AgoraError(answer.errors[0]);
  return answer.data;
}

/** Yields the data of each event of a subscription. */
async function* subscribe(query, variables) {
  const response = await post(query, variables, "text/event-stream");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new Error("the connection was lost: subscribe again");
      text += value;
      const events = text.split("\n\n");
      text = events.pop();
      for (const event of events) {
        // A line that begins with a colon is a comment, which keeps the connection alive.
        if (event.startsWith("event: complete")) return;
        const [, answer] = event.match(/^event: next\ndata: (.*)$/) ?? [];
        if (!answer) continue;
        const { data, errors } = JSON.parse(answer);
        if (errors) throw new AgoraError(errors[0]);
        yield data;
      }
    }
  } finally {
    await reader.cancel();
  }
}

async function post(query, variables, accept = "application/graphql-response+json") {
  const token = await authorization();
  return fetch(`${AGORA_URL}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", accept, ...(token && { authorization: token }) },
    body: JSON.stringify({ query, variables }),
  });
}
