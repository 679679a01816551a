// One of four subgraphs is killed, paused or broken in another way, while many clients ask a router of all of them.
// Operations that do not need it have all of their data. Those that do have null and an error with a code in its place, and
// the rest of their data. After its return, they are whole again without a restart.
//
//   AGORA_BIN=target/debug/agora npm test            a second or so for each outage
//   OUTAGE_MS=10000 AGORA_BIN=… npm test             longer outages, for figures

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { residentMib, startRouter, stop, Subgraph } from "./processes.mjs";

const OUTAGE_MS = Number(process.env.OUTAGE_MS ?? 1_500);
const CLIENTS = 24;
/** The router probes twice a second; a loaded machine needs longer than a quiet one. */
const RECOVERY_MS_MAX = 15_000;
const RSS_MIB_MAX = 400;
const CODES = ["UNAVAILABLE", "TIMEOUT"];

/** The field of each subgraph at the root and in an entity. */
const FIELDS = { inventory: ["stocked", "stock"], products: ["product", "name"], reviews: ["latest", "review"], users: ["user", "seller"] };
const NAMES = Object.keys(FIELDS);
const ENTITY = "product(id: $id) { id name stock review seller }";

/** The operations, with the subgraphs that each needs. */
const OPERATIONS = [
  ...NAMES.filter((name) => name !== "products").map((name) => ({ fields: FIELDS[name][0] + "(id: $id)", needs: [name] })),
  { fields: "product(id: $id) { id name }", needs: ["products"] },
  { fields: "product(id: $id) { id stock }", needs: ["products", "inventory"] },
  { fields: `user(id: $id) ${ENTITY} latest(id: $id)`, needs: NAMES },
];

const subgraphs = NAMES.map((name) => new Subgraph(name));
let router;

before(async () => {
  for (const subgraph of subgraphs) await subgraph.start();
  router = await startRouter(
    subgraphs, "--subgraph-ms-max", "1000", "--subgraph-requests-max", "16", "--subgraph-wait-ms-max", "200",
  );
});

after(async () => {
  if (router) await stop(router.process);
  for (const subgraph of subgraphs) await stop(subgraph.process);
});

let asked = 0;

/** Asks an operation for an object of its own, so that no request is shared; returns the answer and its time. */
async function ask({ fields }) {
  const id = String(asked++);
  const start = performance.now();
  const response = await fetch(router.url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: `query ($id: ID!) { ${fields} }`, variables: { id } }),
    signal: AbortSignal.timeout(30_000),
  });
  return { id, ...(await response.json()), ms: performance.now() - start };
}

/** Returns the data of an operation. */
function whole({ fields }, id) {
  const data = fields.includes("product(") ? { product: { id } } : {};
  for (const [name, [root, entity]] of Object.entries(FIELDS)) {
    if (name !== "products" && fields.includes(`${root}(`)) data[root] = `${name} of ${id}`;
    if (fields.includes(` ${entity} `)) data.product[entity] = `${name} of ${id}`;
  }
  return data;
}

function isWhole(operation, { id, data, errors }) {
  return errors === undefined && JSON.stringify(sorted(data)) === JSON.stringify(sorted(whole(operation, id)));
}

function sorted(value) {
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).sort().map(([key, inner]) => [key, sorted(inner)]));
}

/**
 * Checks that an answer has null exactly where it has an error, and data elsewhere; and that only fields of `missing` have
 * errors. Not all of them have: two requests of one operation may be before and after the subgraph's return.
 */
function requireDegraded(operation, answer, missing) {
  const [root, entity] = FIELDS[missing];
  const paths = missing === "products" ? ["product"] : [root, `product.${entity}`];
  const data = whole(operation, answer.id);
  for (const { path, extensions } of answer.errors) {
    assert.ok(paths.includes(path.join(".")), `an error at ${path.join(".")}`);
    assert.ok(CODES.includes(extensions.code), extensions.code);
    const parent = path.length === 1 ? data : data.product;
    assert.notEqual(parent[path.at(-1)], null, `two errors at ${path.join(".")}`);
    parent[path.at(-1)] = null;
  }
  assert.deepEqual(answer.data, data);
}

/** Clients that ask the operations in turn until `end` is called. Each answer passes `check`. */
function load(check) {
  let running = true;
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    for (let turn = client; running; turn++) {
      const operation = OPERATIONS[turn % OPERATIONS.length];
      check(operation, await ask(operation));
    }
  });
  // A failed check is reported where the load is awaited.
  const all = Promise.all(clients);
  all.catch(() => { running = false; });
  return { end: () => { running = false; return all; } };
}

/** Returns the milliseconds until an operation that needs all subgraphs is whole again. */
async function recovery() {
  const start = performance.now();
  for (;;) {
    const operation = OPERATIONS.at(-1);
    if (isWhole(operation, await ask(operation))) return performance.now() - start;
    assert.ok(performance.now() - start < RECOVERY_MS_MAX, "the subgraph is back, and its fields are not");
    await wait(10);
  }
}

function percentile(times, part) {
  return times.sort((left, right) => left - right)[Math.floor((times.length - 1) * part)]?.toFixed(1);
}

/** The ways to break a subgraph: how it begins and ends, and whether the fields are missing meanwhile. */
const OUTAGES = {
  "is killed": { begin: (subgraph) => subgraph.kill(), end: (subgraph) => subgraph.start(), isMissing: true },
  "is paused": { begin: (subgraph) => subgraph.signal("SIGSTOP"), end: (subgraph) => subgraph.signal("SIGCONT"), isMissing: true },
  "answers late": { begin: (subgraph) => subgraph.answer("late"), end: (subgraph) => subgraph.answer("right"), isMissing: false },
  "answers one byte at a time": { begin: (subgraph) => subgraph.answer("dripping"), end: (subgraph) => subgraph.answer("right"), isMissing: true },
  "cuts its answers": { begin: (subgraph) => subgraph.answer("cut"), end: (subgraph) => subgraph.answer("right"), isMissing: true },
  "reads and never answers": { begin: (subgraph) => subgraph.answer("silent"), end: (subgraph) => subgraph.answer("right"), isMissing: true },
};

test("all operations are whole while every subgraph answers", async (context) => {
  const times = [];
  const clients = load((operation, answer) => {
    assert.ok(isWhole(operation, answer), JSON.stringify(answer));
    times.push(answer.ms);
  });
  await wait(OUTAGE_MS);
  await clients.end();
  context.diagnostic(`${times.length} answers, p50 ${percentile(times, 0.5)} ms, p99 ${percentile(times, 0.99)} ms`);
});

for (const [kind, outage] of Object.entries(OUTAGES)) {
  for (const subgraph of subgraphs) {
    test(`${subgraph.name} ${kind}: only its fields are missing`, async (context) => {
      const times = [];
      let degraded = 0;
      const clients = load((operation, answer) => {
        if (!operation.needs.includes(subgraph.name)) {
          assert.ok(isWhole(operation, answer), JSON.stringify(answer));
          times.push(answer.ms);
        } else if (!isWhole(operation, answer)) {
          requireDegraded(operation, answer, subgraph.name);
          degraded++;
        }
      });
      await outage.begin(subgraph);
      await wait(OUTAGE_MS);
      await outage.end(subgraph);
      const recovered = await recovery();
      await clients.end();
      // Requests from the outage may have failed since.
      await recovery();
      if (outage.isMissing) assert.ok(degraded > 0, "no answer shows the outage");
      const resident = residentMib(router.process.pid);
      assert.ok(resident < RSS_MIB_MAX, `the router holds ${resident} MiB`);
      context.diagnostic(
        `others: ${times.length} answers, p50 ${percentile(times, 0.5)} ms, p99 ${percentile(times, 0.99)} ms; ${degraded} degraded; `
        + `back after ${recovered.toFixed(0)} ms; ${resident.toFixed(0)} MiB`,
      );
    });
  }
}
