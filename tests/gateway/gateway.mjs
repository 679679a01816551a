// Another router over Agora's subgraphs: `@apollo/gateway` and `agora router` answer the same operations over the same
// processes, and their answers are compared. The gateway's own reader of supergraphs reads ours, too.
//
//   AGORA_BIN=target/debug/agora npm test

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import federation from "@apollo/federation-internals";
import { differences, mutations, people, queries } from "./operations.mjs";
import { end, folders, router, subgraphs, supergraph } from "./processes.mjs";
import { agora, gateway, signIn } from "./routers.mjs";

/** The routers over one folder's subgraphs, and the gateway over another folder with the same data. */
const over = {};

before(async () => {
  const [first, second] = await folders(async (demo) => {
    for (const person of people) await signIn(agora(demo), person);
  });
  const [served, copied] = [await subgraphs(first), await subgraphs(second)];
  over.supergraph = supergraph(served);
  over.agora = agora(await router(served));
  over.gateway = await gateway(over.supergraph, served.key);
  over.copy = await gateway(supergraph(copied), copied.key);
});

after(async () => {
  await over.gateway?.stop();
  await over.copy?.stop();
  await end();
});

/** The codes of a response's errors by their paths. */
function codes({ errors = [] }) {
  return Object.fromEntries(errors.map(({ path, extensions }) => [path?.join("."), extensions?.code]).sort());
}

async function compare(ours, theirs, { caller, errors = {}, gatewayErrors = errors, ...operation }) {
  const [own, other] = [await ours.ask(operation, caller), await theirs.ask(operation, caller)];
  assert.deepEqual(own.data, other.data);
  assert.deepEqual(codes(own), errors);
  assert.deepEqual(codes(other), gatewayErrors);
}

test("the gateway's libraries read the supergraph", () => {
  const read = federation.Supergraph.build(over.supergraph);
  assert.equal(read.subgraphs().size(), 10);
});

for (const [name, operation] of Object.entries(queries)) {
  test(name, () => compare(over.agora, over.gateway, operation));
}

for (const [name, operation] of Object.entries(mutations)) {
  test(name, () => compare(over.agora, over.copy, operation));
}

for (const [name, { caller, agora, gateway, ...operation }] of Object.entries(differences)) {
  test(name, async () => {
    const answers = [await over.agora.ask(operation, caller), await over.gateway.ask(operation, caller)];
    assert.deepEqual(answers.map(({ data }) => data.me.id), [agora, gateway]);
  });
}
