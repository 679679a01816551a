// The processes of the test: a subgraph that can be broken, and the router over all of them.

import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

// The program takes every variable with its prefix for a setting.
const { AGORA_BIN: AGORA, ...env } = process.env;
if (!AGORA) {
  console.error("AGORA_BIN is not set: it names the program `agora`");
  process.exit(2);
}
const path = (name) => fileURLToPath(new URL(name, import.meta.url));

/** A subgraph. Its port stays the same when its process is another. */
export class Subgraph {
  constructor(name) {
    this.name = name;
    this.port = 0;
  }

  async start() {
    this.process = fork(path("subgraph.mjs"), [this.name, String(this.port)], { execArgv: [] });
    [this.port] = await once(this.process, "message");
  }

  async kill() {
    const exit = once(this.process, "exit");
    this.process.kill("SIGKILL");
    await exit;
  }

  async answer(mode) {
    const set = once(this.process, "message");
    this.process.send(mode);
    await set;
  }

  signal(name) {
    this.process.kill(name);
  }
}

/** Starts the router; `url` is its graph's address. */
export async function startRouter(subgraphs, ...settings) {
  const urls = subgraphs.flatMap(({ name, port }) => ["--subgraph", `${name}=http://127.0.0.1:${port}/graphql`]);
  const args = ["router", "--supergraph", path("supergraph.graphql"), "--listen", "127.0.0.1:0", ...urls, ...settings];
  const router = spawn(AGORA, args, { stdio: ["ignore", "ignore", "pipe"], env });
  let log = "";
  const url = await new Promise((resolve, reject) => {
    router.on("error", reject);
    router.on("exit", () => reject(new Error(`the router ended:\n${log}`)));
    router.stderr.setEncoding("utf8").on("data", (chunk) => {
      log += chunk;
      const match = /listening listener="graph" url="([^"]+)"/.exec(log);
      if (match) resolve(`${match[1]}/graphql`);
      log = log.slice(-10_000);
    });
  });
  return { url, process: router };
}

/** The resident memory of a process, in MiB. */
export function residentMib(pid) {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;
}

export async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}
