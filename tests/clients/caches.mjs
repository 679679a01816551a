// Clients with a normalized cache: Relay, Apollo Client and urql. Each keeps the first book, product and stock apart, although they
// have the same number, and puts the pages of a list together.
//
//   AGORA_URL=http://127.0.0.1:4000 node --test caches.mjs

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client/core";
import { relayStylePagination } from "@apollo/client/utilities";
import { Client, fetchExchange } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { relayPagination } from "@urql/exchange-graphcache/extras";
import relay from "relay-runtime";

if (!process.env.AGORA_URL) {
  console.error("AGORA_URL is not set: it names a running `agora demo`, such as http://127.0.0.1:4000");
  process.exit(2);
}
const GRAPHQL = `${new URL(process.env.AGORA_URL).origin}/graphql`;
const HERE = dirname(fileURLToPath(import.meta.url));

const FIRSTS = `{ book(id: "book_1") { __typename id price } product(id: "product_1") { __typename id price } stock(id: "stock_1") { __typename id name price } }`;
const BOOKS = `query Books($first: Int!, $after: String) {
  books(first: $first, after: $after) {
    edges { cursor node { __typename id title } }
    pageInfo { endCursor hasNextPage hasPreviousPage startCursor }
  }
}`;

/** Sends an operation, without any cache. */
async function graphql(query, variables) {
  const response = await fetch(GRAPHQL, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/graphql-response+json" },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}

/** The server's own answer: facts about the first objects, and the titles of the first four books. The price of a stock changes. */
async function expected() {
  const [firsts, books] = await Promise.all([graphql(FIRSTS), graphql(BOOKS, { first: 4 })]);
  assert.notDeepEqual(firsts.data.book.price, firsts.data.product.price);
  return { facts: factsOf(firsts.data), titles: titlesOf(books.data.books) };
}

const factsOf = ({ book, product, stock }) => [book.price, product.price, stock.name];
const titlesOf = ({ edges }) => edges.map(({ node }) => node.title);

/** Compiles the operations of `relay/` against the public schema, and returns the artifacts by name. */
function compiled() {
  const folder = mkdtempSync(join(tmpdir(), "agora-relay-"));
  after(() => rmSync(folder, { recursive: true }));
  cpSync(join(HERE, "relay"), join(folder, "src"), { recursive: true });
  cpSync(join(HERE, "../../schema.graphql"), join(folder, "schema.graphql"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  const config = { src: "./src", schema: "./schema.graphql", language: "javascript", eagerEsModules: true };
  writeFileSync(join(folder, "relay.config.json"), JSON.stringify(config));
  execFileSync(process.execPath, [join(HERE, "node_modules/relay-compiler/cli.js")], { cwd: folder, stdio: "pipe" });
  return async (name) => {
    const artifact = pathToFileURL(join(folder, "src/__generated__", `${name}.graphql.js`));
    return (await import(artifact)).default;
  };
}

test("Relay keeps objects of different types apart, joins pages and refetches by id", async () => {
  const { Environment, Network, RecordSource, Store, createOperationDescriptor, fetchQuery } = relay;
  const { facts, titles } = await expected();
  const artifact = compiled();
  const store = new Store(new RecordSource());
  const environment = new Environment({ network: Network.create(({ text }, variables) => graphql(text, variables)), store });
  const read = async (name, variables) => {
    const query = await artifact(name);
    const operation = createOperationDescriptor(query, variables);
    environment.retain(operation);
    await fetchQuery(environment, query, variables).toPromise();
    return environment.lookup(operation.fragment).data;
  };

  const firsts = await read("queriesFirstsQuery", {});
  assert.deepEqual(factsOf(firsts), facts);
  const typenames = ["book_1", "product_1", "stock_1"].map((id) => store.getSource().get(id).__typename);
  assert.deepEqual(typenames, ["Book", "Product", "Stock"]);

  const { books } = await read("queriesBooksQuery", { first: 2 });
  assert.equal(books.edges.length, 2);
  await read("queriesBooksQuery", { first: 2, after: books.pageInfo.endCursor });
  const joined = await environment.lookup(
    createOperationDescriptor(await artifact("queriesBooksQuery"), { first: 2 }).fragment,
  );
  assert.deepEqual(titlesOf(joined.data.books), titles);

  await read("queriesBookRefetchQuery", { id: "book_1" });
  assert.equal(store.getSource().get("book_1").title, titles[0]);
});

test("Apollo Client keeps objects of different types apart and joins pages", async () => {
  const { facts, titles } = await expected();
  const typePolicies = { Query: { fields: { books: relayStylePagination(["topic", "text"]) } } };
  const cache = new InMemoryCache({ typePolicies });
  const client = new ApolloClient({ link: new HttpLink({ uri: GRAPHQL }), cache });

  const { data } = await client.query({ query: gql(FIRSTS) });
  assert.deepEqual(factsOf(data), facts);
  const kept = cache.extract();
  assert.deepEqual(factsOf({ book: kept["Book:book_1"], product: kept["Product:product_1"], stock: kept["Stock:stock_1"] }), facts);

  const query = gql(BOOKS);
  const first = await client.query({ query, variables: { first: 2 } });
  const { endCursor } = first.data.books.pageInfo;
  await client.query({ query, variables: { first: 2, after: endCursor }, fetchPolicy: "network-only" });
  assert.deepEqual(titlesOf(cache.readQuery({ query, variables: { first: 2 } }).books), titles);
  client.stop();
});

test("urql Graphcache keeps objects of different types apart and joins pages", async () => {
  const { facts, titles } = await expected();
  const cache = cacheExchange({ resolvers: { Query: { books: relayPagination() } } });
  const client = new Client({ url: GRAPHQL, exchanges: [cache, fetchExchange], preferGetMethod: false });

  await client.query(FIRSTS, {}).toPromise();
  const { data } = await client.query(FIRSTS, {}, { requestPolicy: "cache-only" }).toPromise();
  assert.deepEqual(factsOf(data), facts);

  const first = await client.query(BOOKS, { first: 2 }).toPromise();
  const { endCursor } = first.data.books.pageInfo;
  await client.query(BOOKS, { first: 2, after: endCursor }).toPromise();
  const joined = await client.query(BOOKS, { first: 2 }, { requestPolicy: "cache-only" }).toPromise();
  assert.deepEqual(titlesOf(joined.data.books), titles);
});
