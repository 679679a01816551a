// Starts a separate demo server with fresh sample data, and a router without subgraphs.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

function program() {
  if (!process.env.AGORA_BIN) {
    console.error("AGORA_BIN is not set: it names the program `agora`");
    process.exit(2);
  }
  return process.env.AGORA_BIN;
}

/** The program reads variables with this prefix as settings, but those of these tests are none. */
function environment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("AGORA_")));
}

/** Starts a router over the supergraph in `file`, whose subgraphs need not run. Returns its `origin` and `stop()`. */
export async function startRouter(file) {
  const child = spawn(program(), ["router", "--supergraph", file, "--listen", "127.0.0.1:0", "--log-format", "json"], {
    stdio: ["ignore", "inherit", "pipe"],
    env: environment(),
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const origin = await new Promise((resolve, reject) => {
    ended.then((code) => reject(new Error(`the router ended with ${code} before it was ready`)));
    createInterface({ input: child.stderr }).on("line", (line) => {
      const { listener, url } = JSON.parse(line).fields;
      if (listener === "graph") resolve(url);
    });
  });
  return {
    origin,
    async stop() {
      child.kill("SIGTERM");
      const code = await ended;
      process.removeListener("exit", kill);
      if (code !== 0) throw new Error(`the router ended with ${code}`);
    },
  };
}

/** Starts a server with fixed prices. Returns its `origin`, a service's `credential()`, and `stop()`. */
export async function startDemo() {
  const folder = mkdtempSync(join(tmpdir(), "agora-"));
  const data = join(folder, "data");
  const env = environment();
  const child = spawn(program(), ["demo", "--listen", "127.0.0.1:0", "--data", data, "--price-feed-ms", "0"], {
    stdio: ["ignore", "pipe", "inherit"],
    env,
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const origin = await new Promise((resolve, reject) => {
    ended.then((code) => reject(new Error(`the demo ended with ${code} before it was ready`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const ready = /^\s*GraphQL\s+(http.*)\/graphql$/.exec(line);
      if (ready) resolve(ready[1]);
    });
  });
  return {
    origin,
    credential: () => execFileSync(program(), ["token", "--service", "browser", "--data", data], { encoding: "utf8", env }).trim(),
    async stop() {
      child.kill("SIGTERM");
      const code = await ended;
      process.removeListener("exit", kill);
      rmSync(folder, { recursive: true, force: true });
      if (code !== 0) throw new Error(`the demo ended with ${code}`);
    },
  };
}
