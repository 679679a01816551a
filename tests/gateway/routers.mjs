// The two routers of a comparison, behind one function each: `ask(operation, caller)` returns a response.

import { createHmac } from "node:crypto";
import { ApolloGateway, RemoteGraphQLDataSource } from "@apollo/gateway";
import { getOperationAST, parse, validate } from "graphql";

const PASSWORD = "agora-demo-2026";
const encode = (part) => Buffer.from(part).toString("base64url");

/** Signs the internal token that states a caller to one subgraph; `contract::token::internal` reads it. */
function internalToken(key, caller, subgraph) {
  const now = Math.floor(Date.now() / 1000);
  const { sub, sid, type, admin } = caller?.claims ?? { sub: "", admin: false };
  const viewer = { sub, sid, role: type?.toUpperCase(), admin, viewer: caller ? "user" : "anonymous" };
  const claims = { ...viewer, iss: "agora-router", aud: subgraph, iat: now, exp: now + 60 };
  const header = { typ: "JWT", alg: "HS256", kid: key.kid };
  const signed = `${encode(JSON.stringify(header))}.${encode(JSON.stringify(claims))}`;
  const signature = createHmac("sha256", Buffer.from(key.secret_hex, "hex")).update(signed).digest("base64url");
  return `${signed}.${signature}`;
}

class Subgraph extends RemoteGraphQLDataSource {
  constructor({ name, url }, key) {
    super({ url });
    this.name = name;
    this.key = key;
  }

  willSendRequest({ request, context }) {
    request.http.headers.set("authorization", `Bearer ${internalToken(this.key, context.caller, this.name)}`);
  }
}

/** The gateway over a supergraph, without a server in front of it. `gateway.stop` ends it. */
export async function gateway(supergraphSdl, key) {
  const gateway = new ApolloGateway({ supergraphSdl, buildService: (subgraph) => new Subgraph(subgraph, key) });
  const { schema, executor } = await gateway.load();
  const cache = { get: async () => undefined, set: async () => {}, delete: async () => true };
  const ask = async ({ query, variables = {} }, caller) => {
    const document = parse(query);
    const invalid = validate(schema, document);
    if (invalid.length > 0) throw new Error(`the gateway refuses the document: ${invalid.join("\n")}`);
    const operation = getOperationAST(document);
    const response = await executor({
      schema, document, operation, operationName: operation.name?.value, source: query, queryHash: query, metrics: {},
      request: { query, variables, http: { headers: new Map() } }, context: { caller }, cache, logger: console,
      overallCachePolicy: { restrict() {}, policyIfCacheable: () => null },
    });
    // As it would be sent: an error is an object with its own serialization, and data has prototypes of its own.
    return JSON.parse(JSON.stringify(response));
  };
  return { ask, stop: () => gateway.stop() };
}

/** Agora's router, or its demo, at an address. */
export function agora(url) {
  const ask = async (operation, caller) => {
    const headers = { "content-type": "application/json", ...(caller && { authorization: `Bearer ${caller.token}` }) };
    return (await fetch(url, { method: "POST", headers, body: JSON.stringify(operation) })).json();
  };
  return { ask };
}

/** Signs a person in at one of Agora's servers: their token and its claims become properties of theirs. */
export async function signIn(server, caller) {
  const query = "mutation ($login: String!, $password: String!) { login(login: $login, password: $password) { token } }";
  const { data } = await server.ask({ query, variables: { login: caller.name, password: PASSWORD } });
  caller.token = data.login.token;
  caller.claims = JSON.parse(Buffer.from(caller.token.split(".")[1], "base64url").toString());
}
