// Composes the subgraphs' schemas into the supergraph that the router plans against.
//
//   npm --prefix router/web run compose                 subgraphs/*/schema.graphql -> router/supergraph.graphql
//   npm --prefix router/web run compose -- --check      fails if the checked-in file is not what would be written
//   npm --prefix router/web run compose -- --subgraph NAME=FILE … --out FILE [--url NAME=URL …]
//
// A subgraph is called what its folder is called. The supergraph names an address for every subgraph
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
  if (explicit && !values.out) throw new Refused("--subgraph needs --out FILE: only the whole graph is written by default");
  return {
    subgraphs: explicit ? pairs("--subgraph", values.subgraph, (path) => resolve(TYPED_IN, path)) : ownSubgraphs(),
    urls: pairs("--url", values.url, String),
    out: values.out ? resolve(TYPED_IN, values.out) : join(ROOT, "router/supergraph.graphql"),
    header: explicit ? "" : HEADER,
    check: values.check,
  };
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
function compose({ subgraphs, urls, header }) {
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
  if (result.errors) throw new Refused(`does not compose:\n\n${result.errors.map(readable).join("\n\n")}`);
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
  const asked = settings();
  const supergraph = compose(asked);
  const had = existsSync(asked.out) ? readFileSync(asked.out, "utf8") : undefined;
  const names = [...asked.subgraphs.keys()].sort().join(", ");
  if (had === supergraph) {
    console.log(`${shown(asked.out)} is up to date (${names})`);
  } else if (asked.check) {
    const where = had === undefined ? "it does not exist" : firstDifference(had, supergraph);
    throw new Refused(`${shown(asked.out)} is out of date: ${where}\nRun: npm --prefix router/web run compose`);
  } else {
    writeFileSync(asked.out, supergraph);
    console.log(`wrote ${shown(asked.out)} (${names})`);
  }
}

try {
  main();
} catch (error) {
  if (!(error instanceof Refused) && !error.code?.startsWith("ERR_PARSE_ARGS")) throw error;
  console.error(`compose: ${error.message}`);
  process.exitCode = 1;
}
