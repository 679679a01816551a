// The processes of a comparison: subgraphs over a folder with the demo's data, and Agora's router over them.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// The program takes every variable with its prefix for a setting.
const { AGORA_BIN: AGORA, ...env } = process.env;
if (!AGORA) {
  console.error("AGORA_BIN is not set: it names the program `agora`");
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), "agora-gateway-"));
const running = [];

/** Runs a server until it writes a line that matches; returns the match. Its later lines are dropped. */
async function start(pattern, ...args) {
  const server = spawn(AGORA, args, { stdio: ["ignore", "pipe", "pipe"], env });
  running.push(server);
  let log = "";
  const match = await new Promise((resolve, reject) => {
    const read = (chunk) => {
      log += chunk;
      const match = pattern.exec(log);
      if (match) resolve(match);
    };
    server.stdout.setEncoding("utf8").on("data", read);
    server.stderr.setEncoding("utf8").on("data", read);
    server.on("error", reject);
    server.on("exit", () => reject(new Error(`agora ${args[0]} ended:\n${log}`)));
  });
  return { server, match };
}

async function stop(server) {
  if (server.exitCode === null && server.signalCode === null) {
    const exit = once(server, "exit");
    server.kill("SIGTERM");
    await exit;
  }
}

const LISTENING = /listening listener="(?:graph|subgraphs)" url="(http:[^"]+)"/;

/**
 * Returns two folders with the same data: the demo's, with the sessions that `signIn` opens. It is called with the address
 * of the demo's graph.
 */
export async function folders(signIn) {
  const [first, second] = [join(folder, "first"), join(folder, "second")];
  const { server, match } = await start(LISTENING, "demo", "--data", first, "--listen", "127.0.0.1:0");
  await signIn(`${match[1]}/graphql`);
  await stop(server);
  cpSync(first, second, { recursive: true });
  return [first, second];
}

/** Serves the subgraphs of a folder; returns their keys, and the address of each by name. */
export async function subgraphs(data) {
  const { match } = await start(LISTENING, "subgraph", "all", "--data", data, "--listen", "127.0.0.1:0");
  return {
    keys: join(data, "keys.json"),
    key: JSON.parse(readFileSync(join(data, "keys.json"), "utf8"))[0],
    url: (name) => `${match[1]}/${name}/graphql`,
  };
}

/** Returns the supergraph file's text with these addresses of the subgraphs. */
export function supergraph(served) {
  const text = execFileSync(AGORA, ["schema", "--supergraph"], { env, encoding: "utf8", maxBuffer: 1 << 26 });
  return text.replaceAll(/(@join__graph\(name: "([^"]+)", url: )"[^"]*"/g, (_, start, name) => `${start}"${served.url(name)}"`);
}

/** Serves Agora's router over subgraphs; returns the address of its graph. */
export async function router(served) {
  const file = join(folder, "supergraph.graphql");
  writeFileSync(file, supergraph(served));
  const { match } = await start(
    LISTENING, "router", "--supergraph", file, "--internal-keys", served.keys, "--listen", "127.0.0.1:0",
  );
  return `${match[1]}/graphql`;
}

/** Ends every server, the last first, and removes their folders. */
export async function end() {
  for (const server of running.reverse()) await stop(server);
  rmSync(folder, { recursive: true });
}
