// Agora with urql: Graphcache, an exchange that renews the session, and subscriptions over a WebSocket.
//
//   agora demo
//   AGORA_URL=http://127.0.0.1:4000 node urql.mjs
//
// In a React, Vue or Svelte app, the bindings of urql take the same client and the same documents.

import { Client, fetchExchange, gql, subscriptionExchange } from "@urql/core";
import { authExchange } from "@urql/exchange-auth";
import { cacheExchange } from "@urql/exchange-graphcache";
import { relayPagination } from "@urql/exchange-graphcache/extras";

import { AGORA_URL, authorization, renew, renewalDueMs, signIn } from "./session.mjs";
import { connect } from "./websocket.mjs";

const BOOKS = gql`
  query Books($after: String) {
    books(first: 3, after: $after) {
      edges { cursor node { id title quantity } }
      pageInfo { hasNextPage endCursor }
    }
  }
`;
const BOOK = gql`query Book($id: ID!) { node(id: $id) { id ... on Book { title quantity } } }`;
const BUY_BOOK = gql`mutation BuyBook($id: ID!, $key: String!) { purchaseBook(id: $id, idempotencyKey: $key) { id title } }`;
const STOCK_CHANGED = gql`subscription StockChanged { stockChanged { id name price } }`;
const INVALIDATED = gql`subscription Invalidated { cacheInvalidated(typenames: ["Book"]) { typename key } }`;

const user = await signIn("ada", "agora-demo-2026");
console.log(`signed in as ${user.username}`);

const socket = connect(queryAgain);
const client = new Client({
  url: `${AGORA_URL}/graphql`,
  preferGetMethod: false,
  exchanges: [
    cacheExchange({
      // A list that is paged through needs one line.
      resolvers: { Query: { books: relayPagination() } },
      // Types without an id are part of the object that contains them.
      keys: { Address: () => null, GrantedAuthorization: () => null, Invalidation: () => null, SignedIn: () => null },
    }),
    authExchange(async ({ appendHeaders }) => {
      let header = await authorization();
      return {
        addAuthToOperation: (operation) => (header ? appendHeaders(operation, { authorization: header }) : operation),
        willAuthError: () => renewalDueMs() <= 0,
        didAuthError: ({ graphQLErrors }) => header && graphQLErrors.some(({ extensions }) => extensions?.code === "UNAUTHENTICATED"),
        async refreshAuth() {
          await renew();
          header = await authorization();
        },
      };
    }),
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: ({ query, variables }) => ({
        subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query: query ?? "", variables }, sink) }),
      }),
    }),
  ],
});

// Each page is a query of its own. The cache puts them together, and the first query shows the longer list.
let render = () => {};
let shown;
const component = client.query(BOOKS, {}).subscribe(({ data }) => {
  shown = data?.books;
  render();
});
await until(() => shown);
while (shown.pageInfo.hasNextPage) {
  const count = shown.edges.length;
  await client.query(BOOKS, { after: shown.pageInfo.endCursor }).toPromise();
  await until(() => shown.edges.length > count);
}
console.log(`${shown.edges.length} books in the cache`);

// A changed object is read again by its id, and all queries that show it follow.
const invalidations = client.subscription(INVALIDATED, {}).subscribe(({ data, error }) => {
  if (error) return console.error(error);
  const { typename, key } = data.cacheInvalidated;
  // Events were lost: ask again for all that is shown.
  if (typename === "*") queryAgain();
  else client.query(BOOK, { id: key }, { requestPolicy: "network-only" }).toPromise();
});
const { stockChanged: stock } = await new Promise((resolve) => {
  const prices = client.subscription(STOCK_CHANGED, {}).subscribe(({ data }) => {
    prices?.unsubscribe();
    resolve(data);
  });
});
console.log(`${stock.name} costs ${stock.price.amount}`);

const { node: book } = shown.edges[4];
const { data } = await client.mutation(BUY_BOOK, { id: book.id, key: crypto.randomUUID() }).toPromise();
console.log(`bought ${data.purchaseBook.title}`);
await until(() => shown.edges[4].node.quantity < book.quantity);
console.log("the list shows one copy less");

// A program reacts to the code of an error, never to its message.
const { error } = await client.mutation(BUY_BOOK, { id: "book_999", key: crypto.randomUUID() }).toPromise();
if (error?.graphQLErrors[0]?.extensions.code !== "NOT_FOUND") throw error;
console.log("there is no such book");

component.unsubscribe();
invalidations.unsubscribe();
await socket.dispose();

function queryAgain() {
  client.query(BOOKS, {}, { requestPolicy: "network-only" }).toPromise();
}

/** Waits until a change of the query's result makes the condition true. */
function until(condition) {
  return new Promise((resolve) => {
    render = () => condition() && resolve();
    render();
  });
}
