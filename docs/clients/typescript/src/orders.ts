// Agora with types that are generated from its schema: a wrong field, argument or variable does not compile.
//
//   npm run generate && npm run build
//   AGORA_URL=http://127.0.0.1:4000 npm start

import { AgoraError, graphql as send } from "./agora.js";
import { graphql } from "./generated/index.js";
import type { OrderStatus } from "./generated/graphql.js";

const SIGN_IN = graphql(`
  mutation SignIn($login: String!, $password: String!) {
    login(login: $login, password: $password) { token refreshToken expiresAt user { username } }
  }
`);
const RENEW = graphql(`mutation Renew($token: String!) { refresh(token: $token) { token expiresAt } }`);
const BOOKS = graphql(`
  query Books($after: String) { books(first: 3, after: $after) { nodes { id title price } pageInfo { hasNextPage endCursor } } }
`);
const ORDER = graphql(`
  mutation Order($key: String!, $input: PlaceOrderInput!) { placeOrder(idempotencyKey: $key, input: $input) { id status total } }
`);

// `Money` is an object in JSON, so its type is one too.
type Money = { amount: string; currency: string };
const shown = ({ amount, currency }: Money) =>
  new Intl.NumberFormat("en", { style: "currency", currency }).format(Number(amount));

const { login: session } = await send(SIGN_IN, { login: "ada", password: "agora-demo-2026" });
console.log(`signed in as ${session.user.username}`);

let after: string | null | undefined;
do {
  const { books } = await send(BOOKS, { after });
  for (const { title, price } of books.nodes) console.log(`${title}: ${shown(price)}`);
  after = books.pageInfo.hasNextPage ? books.pageInfo.endCursor : undefined;
} while (after);

// The same key again is the same order.
const key = crypto.randomUUID();
const input = { stock: "stock_4", side: "BUY", quantity: 2 } as const;
const { placeOrder: order } = await send(ORDER, { key, input }, session.token);
const { placeOrder: again } = await send(ORDER, { key, input }, session.token);
const done: OrderStatus = "COMPLETED";
console.log(order.status === done && order.id === again.id ? "bought two shares, once" : "the order waits");

// A program reacts to the code of an error, never to its message.
try {
  await send(ORDER, { key: crypto.randomUUID(), input: { ...input, quantity: 1_000_000 } }, session.token);
} catch (error) {
  if (!(error instanceof AgoraError) || error.code !== "INSUFFICIENT_STOCK") throw error;
  console.log("not that many shares are left");
}

const { refresh } = await send(RENEW, { token: session.refreshToken });
console.log(refresh.token ? "renewed the session" : "no token");
