// Two old major versions of a popular client. They send `Accept: */*` or no Accept header, and parse a response only when
// its type is application/json. Tests a query, a mutation and an error with each, and the response to every Accept header.
//
//   AGORA_URL=http://127.0.0.1:4000 node --test requests.mjs

import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { createRequire } from "node:module";
import { test } from "node:test";

// Their `import` modules lack names that their `require` modules export.
const require = createRequire(import.meta.url);

if (!process.env.AGORA_URL) {
  console.error("AGORA_URL is not set: it names a running `agora demo`, such as http://127.0.0.1:4000");
  process.exit(2);
}
const GRAPHQL = `${new URL(process.env.AGORA_URL).origin}/graphql`;
const PASSWORD = "agora-demo-2026";
const LOGIN = "mutation ($login: String!, $password: String!) { login(login: $login, password: $password) { token user { username } } }";
const JSON_TYPE = "application/json";
const RESPONSE_TYPE = "application/graphql-response+json";

for (const version of ["3", "4"]) {
  const { GraphQLClient, request, rawRequest, gql } = require(`graphql-request-${version}`);

  test(`graphql-request ${version} asks a query`, async () => {
    const { stock } = await request(GRAPHQL, gql`query ($name: String!) { stock(name: $name) { name price } }`, { name: "GameStart" });
    assert.equal(stock.name, "GameStart");
    assert.equal(stock.price.currency, "USD");
  });

  test(`graphql-request ${version} signs in by a mutation and asks as that person`, async () => {
    const { login } = await new GraphQLClient(GRAPHQL).request(LOGIN, { login: "cleo", password: PASSWORD });
    assert.equal(login.user.username, "cleo");
    const client = new GraphQLClient(GRAPHQL, { headers: { authorization: `Bearer ${login.token}` } });
    assert.deepEqual(await client.request("{ me { username } }"), { me: { username: "cleo" } });
    const { status, data } = await client.rawRequest("{ me { username } }");
    assert.deepEqual([status, data], [200, { me: { username: "cleo" } }]);
  });

  test(`graphql-request ${version} sees every kind of error with its code`, async () => {
    const code = async (query, variables) => {
      const cause = await request(GRAPHQL, query, variables).then(assert.fail, (cause) => cause);
      return cause.response.errors[0].extensions.code;
    };
    assert.equal(await code("{ nothingLikeThis }"), "GRAPHQL_VALIDATION_FAILED");
    assert.equal(await code("{ me { "), "GRAPHQL_PARSE_FAILED");
    assert.equal(await code("mutation { deposit(amount: { amount: \"1\", currency: \"USD\" }) { id } }"), "UNAUTHENTICATED");
    assert.equal(await code("query ($name: String!) { stock(name: $name) { id } }", {}), "INVALID_INPUT");
    const raw = await rawRequest(GRAPHQL, "{ nothingLikeThis }").then(assert.fail, (cause) => cause);
    assert.match(raw.response.errors[0].message, /nothingLikeThis/);
  });

  test(`graphql-request ${version} asks by GET`, async () => {
    const client = new GraphQLClient(GRAPHQL, { method: "GET" });
    assert.equal((await client.request("{ stock(name: \"GameStart\") { name } }")).stock.name, "GameStart");
  });
}

/** Sends a query with exactly these headers, without those that a library adds. */
function ask(headers, query = "{ __typename }") {
  const body = JSON.stringify({ query });
  return new Promise((resolve, reject) => {
    const request = httpRequest(GRAPHQL, { method: "POST", headers: { "content-length": Buffer.byteLength(body), ...headers } }, (response) => {
      let text = "";
      response.on("data", (chunk) => { text += chunk; });
      response.on("end", () => resolve({ status: response.statusCode, type: response.headers["content-type"]?.split(";")[0], headers: response.headers, body: JSON.parse(text) }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

test("each way of accepting is answered with the media type that it means", async () => {
  for (const [accept, type] of [
    [undefined, RESPONSE_TYPE],
    ["", RESPONSE_TYPE],
    ["*/*", JSON_TYPE],
    ["application/*", RESPONSE_TYPE],
    [`${JSON_TYPE};charset=utf-8`, JSON_TYPE],
    [`${JSON_TYPE}; charset=UTF-8`, JSON_TYPE],
    [[JSON_TYPE, "*/*"], JSON_TYPE],
    [[RESPONSE_TYPE, `${JSON_TYPE};q=0.9`], RESPONSE_TYPE],
    [[`${RESPONSE_TYPE};q=0.1`, `${JSON_TYPE};q=0.2`], JSON_TYPE],
    [[`${RESPONSE_TYPE};q=0`, "*/*;q=0.1"], JSON_TYPE],
    ["text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", JSON_TYPE],
    [`${JSON_TYPE}, text/plain, */*`, JSON_TYPE],
  ]) {
    const headers = { "content-type": JSON_TYPE, ...(accept !== undefined && { accept }) };
    const answer = await ask(headers);
    assert.deepEqual([answer.status, answer.type], [200, type], JSON.stringify(accept));
    // Only one of the media types answers a refused query with 400.
    const refused = await ask(headers, "{ nothingLikeThis }");
    assert.equal(refused.status, type === RESPONSE_TYPE ? 400 : 200, JSON.stringify(accept));
  }
});

test("what cannot be accepted or read is refused with what could", async () => {
  for (const accept of ["text/html", "image/*", `${JSON_TYPE};q=0, ${RESPONSE_TYPE};q=0`, `${JSON_TYPE};charset=utf-16`]) {
    const { status, body } = await ask({ "content-type": JSON_TYPE, accept });
    assert.equal(status, 406, accept);
    assert.match(body.errors[0].message, /application\/graphql-response\+json/, accept);
  }
  const text = await ask({ "content-type": "text/plain" });
  assert.deepEqual([text.status, text.headers.accept], [415, JSON_TYPE]);
  const packed = await ask({ "content-type": JSON_TYPE, "content-encoding": "gzip" });
  assert.deepEqual([packed.status, packed.headers["accept-encoding"]], [415, "identity"]);
});

test("an unknown hash in place of the query gets the standard refusal, by POST and by GET", async () => {
  const extensions = { persistedQuery: { version: 1, sha256Hash: "0".repeat(64) } };
  const posted = await fetch(GRAPHQL, { method: "POST", headers: { "content-type": JSON_TYPE }, body: JSON.stringify({ extensions }) });
  const got = await fetch(`${GRAPHQL}?extensions=${encodeURIComponent(JSON.stringify(extensions))}`, { headers: { "content-type": JSON_TYPE } });
  for (const response of [posted, got]) {
    const { errors: [error] } = await response.json();
    assert.deepEqual([error.message, error.extensions.code], ["PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND"]);
  }
});
