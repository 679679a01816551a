// Fails if a checked-in page is not what the sources here build, or if an example is not valid against the schema.

import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { buildSchema, parse, validate } from "graphql";
import { build } from "vite";

import { EXAMPLES } from "./src/examples.js";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const PAGES = [
  { folder: "graphiql", config: "vite.config.mjs" },
  { folder: "console", config: "vite.console.config.mjs" },
];

const drifts = [];
for (const page of PAGES) drifts.push(...(await drift(page)));
const problems = [...brokenExamples(), ...drifts];
for (const problem of problems) console.error(`check: ${problem}`);
if (problems.length > 0) process.exitCode = 1;
else console.log("router/assets/graphiql and router/assets/console are up to date, every example is valid");

function brokenExamples() {
  const schema = buildSchema(readFileSync(here("../../schema.graphql"), "utf8"));
  return EXAMPLES.flatMap(({ query }) => {
    const document = parse(query);
    const name = document.definitions[0].name.value;
    return validate(schema, document).map((error) => `example ${name}: ${error.message}`);
  });
}

async function drift({ folder, config }) {
  const checkedIn = here(`../assets/${folder}`);
  const built = mkdtempSync(join(tmpdir(), `agora-${folder}-`));
  try {
    await build({ configFile: here(config), logLevel: "error", build: { outDir: built } });
    const names = new Set([...files(checkedIn), ...files(built)]);
    const differing = [...names].sort().filter((name) => !same(join(checkedIn, name), join(built, name)));
    if (differing.length === 0) return [];
    return [`router/assets/${folder} is not what its sources build: ${differing.join(", ")}\nRun: npm --prefix router/web run build`];
  } finally {
    rmSync(built, { recursive: true, force: true });
  }
}

function files(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

function same(one, other) {
  try {
    return readFileSync(one).equals(readFileSync(other));
  } catch (error) {
    if (error.code === "ENOENT") return false;
    throw error;
  }
}
