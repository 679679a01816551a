// Copies Swagger UI, as its makers built it, to where the program embeds it from: `npm run swagger`.
// With --check it writes nothing and fails if what is there is something else.

import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const from = new URL("node_modules/swagger-ui-dist/", import.meta.url);
const to = new URL("../assets/swagger-ui/", import.meta.url);

const files = {
  "swagger-ui-bundle.js": "swagger-ui-bundle.js",
  "swagger-ui.css": "swagger-ui.css",
  LICENSE: "LICENSE.txt",
  NOTICE: "NOTICE.txt",
  "swagger-ui-bundle.js.LICENSE.txt": "LICENSES.txt",
};

if (process.argv.includes("--check")) check();
else copy();

function copy() {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  for (const [name, target] of Object.entries(files)) copyFileSync(new URL(name, from), new URL(target, to));
  console.log(`wrote ${fileURLToPath(to)}`);
}

function check() {
  const there = readdirSync(to);
  const wrong = Object.entries(files)
    .filter(([name, target]) => !there.includes(target) || !readFileSync(new URL(name, from)).equals(readFileSync(new URL(target, to))))
    .map(([, target]) => target);
  const strange = there.filter((name) => !Object.values(files).includes(name));
  if (wrong.length + strange.length > 0) {
    console.error(`check: router/assets/swagger-ui is out of date: ${[...wrong, ...strange].join(", ")}\nRun: npm --prefix router/web run swagger`);
    process.exitCode = 1;
  } else {
    console.log("router/assets/swagger-ui is up to date");
  }
}
