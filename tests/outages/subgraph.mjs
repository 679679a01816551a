// A small subgraph as a process of its own: `node subgraph.mjs NAME PORT`. It answers every field with `NAME of ID`.
// Its parent sets by messages how it answers: right, or in one of the ways of a broken one.

import { createServer } from "node:http";

const [name, port] = process.argv.slice(2);
const FIELD = { inventory: "stock", products: "name", reviews: "review", users: "seller" }[name];
const ROOT = { inventory: "stocked", products: "product", reviews: "latest", users: "user" }[name];

/** Finds the root field's argument: a literal of the document, or a variable. */
function argument({ query, variables = {} }) {
  const [, variable, literal] = /\(id:\s*(?:\$(\w+)|"([^"]*)")\)/.exec(query);
  return literal ?? variables[variable];
}

function answer(request) {
  const value = (id) => `${name} of ${id}`;
  if (request.query.includes("_entities")) {
    const [representations] = Object.values(request.variables);
    return { _entities: representations.map(({ id }) => ({ __typename: "Product", [FIELD]: value(id) })) };
  }
  const id = argument(request);
  return { [ROOT]: ROOT === "product" ? { __typename: "Product", id, name: value(id) } : value(id) };
}

let mode = "right";

const modes = {
  right: (response, body) => response.end(body),
  /** Each answer is late, but within the router's bound. */
  late: (response, body) => setTimeout(() => response.end(body), 200),
  /** One byte at a time, for longer than the router waits. */
  dripping(response, body) {
    response.flushHeaders();
    let sent = 0;
    const drip = setInterval(() => (sent < body.length ? response.write(body[sent++]) : response.end()), 100);
    response.on("close", () => clearInterval(drip));
  },
  /** The connection ends in the middle of the body. */
  cut(response, body) {
    response.write(body.slice(0, body.length / 2), () => response.destroy());
  },
  /** The request is read, and never answered. */
  silent: () => {},
};

const server = createServer((request, response) => {
  let text = "";
  request.on("data", (chunk) => { text += chunk; });
  request.on("end", () => {
    const body = JSON.stringify({ data: answer(JSON.parse(text)) });
    response.setHeader("content-type", "application/json");
    response.setHeader("content-length", body.length);
    modes[mode](response, body);
  });
});

process.on("message", (message) => {
  mode = message;
  process.send("set");
});
process.on("disconnect", () => process.exit());
server.listen(Number(port), "127.0.0.1", () => process.send(server.address().port));
