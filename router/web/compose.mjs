// Composes the subgraphs' schemas into the supergraph that the router plans against, and the supergraphs of the tests.
//
//   npm --prefix router/web run compose                 subgraphs/*/schema.graphql -> router/supergraph.graphql, and in each
//                                                       folder of a test graph *.graphql -> supergraph.graphql
//   npm --prefix router/web run compose -- --check      fails if a checked-in file is not what would be written
//   npm --prefix router/web run compose -- --subgraph NAME=FILE … --out FILE [--url NAME=URL …]
//
// A subgraph is called what its folder is called, one of a test graph what its file is called. The supergraph names an address for every subgraph
// (`@join__graph(url:)`): `http://NAME.agora.internal/graphql` unless --url says otherwise. A router that has the
// subgraphs in its own process never opens it.

import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { composeServices } from "@theguild/federation-composition";
import { GraphQLError, Source, parse } from "graphql";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
// npm runs a script in its package's folder; paths on the command line are meant from where it was typed.
const TYPED_IN = process.env.INIT_CWD ?? process.cwd();

// A folder whose folders are test graphs.
const CONFORMANCE = join(ROOT, "router/tests/conformance");
const TEST_GRAPHS = join(ROOT, "router/tests/integration/supergraph");

const HEADER = "# Composed from subgraphs/*/schema.graphql by `npm --prefix router/web run compose`. Do not edit.\n\n";

/** Something the person at the keyboard can mend: printed without a stack. */
class Refused extends Error {}

function settings() {
  const { values } = parseArgs({
    options: {
      subgraph: { type: "string", multiple: true, default: [] },
      url: { type: "string", multiple: true, default: [] },
      out: { type: "string" },
      check: { type: "boolean", default: false },
    },
  });
  const explicit = values.subgraph.length > 0;
  if (explicit && !values.out) throw new Refused("--subgraph needs --out FILE: only the checked-in graphs are written by default");
  const graph = {
    subgraphs: explicit ? pairs("--subgraph", values.subgraph, (path) => resolve(TYPED_IN, path)) : ownSubgraphs(),
    urls: pairs("--url", values.url, String),
    out: values.out ? resolve(TYPED_IN, values.out) : join(ROOT, "router/supergraph.graphql"),
    header: explicit ? "" : HEADER,
  };
  return { graphs: explicit || values.out ? [graph] : [graph, ...testGraphs()], check: values.check };
}

/** The graphs of the tests: each folder has a file per subgraph and the supergraph. */
function testGraphs() {
  const inside = (folder) => readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const folders = [
    ...["graph", "market"].map((name) => join(TEST_GRAPHS, name)),
    ...inside(CONFORMANCE).map((entry) => join(CONFORMANCE, entry.name)),
  ];
  return folders.sort().map((folder) => {
    const files = readdirSync(folder).filter((file) => file.endsWith(".graphql") && file !== "supergraph.graphql");
    const subgraphs = new Map(files.map((file) => [file.slice(0, -".graphql".length), join(folder, file)]));
    return { subgraphs, urls: new Map(), out: join(folder, "supergraph.graphql"), header: "" };
  });
}

/** `NAME=VALUE` arguments as a map. */
function pairs(option, values, read) {
  const found = new Map();
  for (const value of values) {
    const [, name, rest] = /^([a-z][a-z0-9_-]*)=(.+)$/s.exec(value) ?? [];
    if (!name) throw new Refused(`${option} ${value}: written NAME=VALUE`);
    if (found.has(name)) throw new Refused(`${option} ${name}: given twice`);
    found.set(name, read(rest));
  }
  return found;
}

function ownSubgraphs() {
  const folder = join(ROOT, "subgraphs");
  const found = new Map();
  for (const name of readdirSync(folder)) {
    const path = join(folder, name, "schema.graphql");
    if (existsSync(path)) found.set(name, path);
  }
  if (found.size === 0) throw new Refused("no subgraphs/*/schema.graphql: nothing to compose");
  return found;
}

/** The supergraph's text. The same files give the same text: what order they are found in plays no part. */
function compose({ subgraphs, urls, header, out }) {
  for (const name of urls.keys()) {
    if (!subgraphs.has(name)) throw new Refused(`--url ${name}: there is no such subgraph`);
  }
  const names = [...subgraphs.keys()].sort();
  const result = composeServices(
    names.map((name) => ({
      name,
      url: urls.get(name) ?? `http://${name}.agora.internal/graphql`,
      typeDefs: read(subgraphs.get(name)),
    })),
  );
  if (result.errors) throw new Refused(`${shown(out)} does not compose:\n\n${result.errors.map(readable).join("\n\n")}`);
  return `${header}${result.supergraphSdl.trim()}\n`;
}

function read(path) {
  let text;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new Refused(`cannot read ${shown(path)}: ${error.message}`);
  }
  try {
    return parse(new Source(text, shown(path)));
  } catch (error) {
    if (error instanceof GraphQLError) throw new Refused(readable(error));
    throw error;
  }
}

/** A composition error as a person reads it: its code, its message, and the place when one is known. */
function readable(error) {
  const code = error.extensions?.code;
  return `  ${code ? `${code}: ` : ""}${error.toString().replaceAll("\n", "\n    ")}`;
}

function shown(path) {
  return relative(TYPED_IN, path) || path;
}

function firstDifference(had, now) {
  const before = had.split("\n");
  const after = now.split("\n");
  const line = after.findIndex((text, index) => text !== before[index]);
  const at = line === -1 ? after.length : line;
  return `line ${at + 1}\n  checked in: ${before[at] ?? "(ends)"}\n  composed:   ${after[at] ?? "(ends)"}`;
}

function main() {
  const { graphs, check } = settings();
  for (const graph of graphs) write(graph, check);
}

function write(graph, check) {
  const supergraph = compose(graph);
  const had = existsSync(graph.out) ? readFileSync(graph.out, "utf8") : undefined;
  const names = [...graph.subgraphs.keys()].sort().join(", ");
  if (had === supergraph) {
    console.log(`${shown(graph.out)} is up to date (${names})`);
  } else if (check) {
    const where = had === undefined ? "it does not exist" : firstDifference(had, supergraph);
    throw new Refused(`${shown(graph.out)} is out of date: ${where}\nRun: npm --prefix router/web run compose`);
  } else {
    writeFileSync(graph.out, supergraph);
    console.log(`wrote ${shown(graph.out)} (${names})`);
  }
}

try {
  main();
} catch (error) {
  if (!(error instanceof Refused) && !error.code?.startsWith("ERR_PARSE_ARGS")) throw error;
  console.error(`compose: ${error.message}`);
  process.exitCode = 1;
}
