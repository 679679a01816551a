// Clients that send the hash of a document in its place (automatic persisted queries): Apollo Client and urql. Each registers a
// document once, and sends only its hash from then on.
//
//   AGORA_URL=http://127.0.0.1:4000 node --test persisted.mjs

import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { test } from "node:test";

import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client/core";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { Client, fetchExchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";

if (!process.env.AGORA_URL) {
  console.error("AGORA_URL is not set: it names a running `agora demo`, such as http://127.0.0.1:4000");
  process.exit(2);
}
const GRAPHQL = `${new URL(process.env.AGORA_URL).origin}/graphql`;

/** A document that no other run has registered: the name of its operation is new. */
const newDocument = () => `query Q${randomUUID().replaceAll("-", "")} { stocks(first: 1) { nodes { name } } }`;

/** A `fetch` that notes the method of each request, and whether it has the document. */
function watchedFetch() {
  const sent = [];
  const watched = (url, options) => {
    const text = decodeURIComponent(`${url} ${options.body ?? ""}`);
    sent.push(`${options.method} ${text.includes("stocks") ? "document" : "hash"}`);
    return fetch(url, options);
  };
  return { sent, watched };
}

test("Apollo Client registers a document once and then sends its hash by GET", async () => {
  const { sent, watched } = watchedFetch();
  const persisted = new PersistedQueryLink({
    sha256: (text) => createHash("sha256").update(text).digest("hex"),
    useGETForHashedQueries: true,
  });
  const client = new ApolloClient({
    link: ApolloLink.from([persisted, new HttpLink({ uri: GRAPHQL, fetch: watched })]),
    cache: new InMemoryCache(),
  });
  const query = gql(newDocument());
  for (let time = 0; time < 2; time++) {
    const { data } = await client.query({ query, fetchPolicy: "network-only" });
    assert.equal(data.stocks.nodes.length, 1);
  }
  assert.deepEqual(sent, ["GET hash", "POST document", "GET hash"]);
});

test("urql registers a document once and then sends its hash by GET", async () => {
  const { sent, watched } = watchedFetch();
  const client = new Client({
    url: GRAPHQL,
    fetch: watched,
    preferGetMethod: false,
    exchanges: [persistedExchange({ preferGetForPersistedQueries: true }), fetchExchange],
  });
  const query = newDocument();
  for (let time = 0; time < 2; time++) {
    const { data, error } = await client.query(query, {}, { requestPolicy: "network-only" }).toPromise();
    assert.equal(error, undefined);
    assert.equal(data.stocks.nodes.length, 1);
  }
  // A short document is registered by GET too.
  assert.deepEqual(sent, ["GET hash", "GET document", "GET hash"]);
});
