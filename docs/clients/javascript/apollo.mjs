// Agora with Apollo Client: a normalized cache with pages, subscriptions over a WebSocket, and a link that renews the session.
//
//   agora demo
//   AGORA_URL=http://127.0.0.1:4000 node apollo.mjs
//
// In a React app, `useQuery`, `useMutation` and `useSubscription` take the same documents.

import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from "@apollo/client/core";
import { SetContextLink } from "@apollo/client/link/context";
import { ErrorLink } from "@apollo/client/link/error";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { relayStylePagination } from "@apollo/client/utilities";
import { OperationTypeNode } from "graphql";
import { firstValueFrom, from, mergeMap } from "rxjs";

import { AGORA_URL, authorization, renew, signIn } from "./session.mjs";
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

const authorized = new SetContextLink(async ({ headers }) => ({ headers: { ...headers, authorization: await authorization() } }));

/** Renews the session when the server does not accept the token, and sends the operation once more. */
const renewing = new ErrorLink(({ error, operation, forward }) => {
  const { headers, isRepeated } = operation.getContext();
  if (codeOf(error) !== "UNAUTHENTICATED" || !headers?.authorization || isRepeated) return;
  operation.setContext({ isRepeated: true });
  return from(renew()).pipe(mergeMap(() => forward(operation)));
});

const socket = connect(() => client.refetchQueries({ include: "active" }));
const client = new ApolloClient({
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(socket),
    ApolloLink.from([renewing, authorized, new HttpLink({ uri: `${AGORA_URL}/graphql` })]),
  ),
  // Objects need no settings: their key is `__typename` and `id`. A list that is paged through needs one line, with the
  // arguments that make it another list.
  cache: new InMemoryCache({
    typePolicies: { Query: { fields: { books: relayStylePagination(["topic", "text"]) } } },
  }),
});

// The cache puts the pages together, and every component that watches the query shows the longer list.
const books = client.watchQuery({ query: BOOKS });
let render = () => {};
const component = books.subscribe(() => render());
await until(() => shown());
for (let page = shown(); page.pageInfo.hasNextPage; ) {
  ({ data: { books: page } } = await books.fetchMore({ variables: { after: page.pageInfo.endCursor } }));
}
await until(() => !shown().pageInfo.hasNextPage);
console.log(`${shown().edges.length} books in the cache`);

// A changed object is read again by its id, and all queries that show it follow. (An object that is only evicted would vanish
// from the lists.)
const invalidations = client.subscribe({ query: INVALIDATED }).subscribe(({ data, error }) => {
  if (error) return console.error(error);
  const { typename, key } = data.cacheInvalidated;
  // `*` means that events were lost: ask again for all that is shown.
  const again =
    typename === "*" ? client.resetStore() : client.query({ query: BOOK, variables: { id: key }, fetchPolicy: "network-only" });
  again.catch(console.error);
});

const { data } = await firstValueFrom(client.subscribe({ query: STOCK_CHANGED }));
console.log(`${data.stockChanged.name} costs ${data.stockChanged.price.amount}`);

const { node: book } = shown().edges[3];
const { data: { purchaseBook: purchase } } = await client.mutate({
  mutation: BUY_BOOK,
  variables: { id: book.id, key: crypto.randomUUID() },
});
console.log(`bought ${purchase.title}`);
await until(() => shown().edges[3].node.quantity < book.quantity);
console.log("the list shows one copy less");

// A program reacts to the code of an error, never to its message.
try {
  await client.mutate({ mutation: BUY_BOOK, variables: { id: "book_999", key: crypto.randomUUID() } });
} catch (error) {
  if (codeOf(error) !== "NOT_FOUND") throw error;
  console.log("there is no such book");
}

component.unsubscribe();
invalidations.unsubscribe();
client.stop();
await socket.dispose();

function shown() {
  return books.getCurrentResult().data?.books;
}

/** Waits until a change of the query's result makes the condition true. */
function until(condition) {
  return new Promise((resolve) => {
    render = () => condition() && resolve();
    render();
  });
}

function codeOf(error) {
  return CombinedGraphQLErrors.is(error) ? error.errors[0].extensions?.code : undefined;
}
