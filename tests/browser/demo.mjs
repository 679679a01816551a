// Starts a separate demo server with fresh sample data.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Starts a server with fixed prices. Returns its `origin`, a service's `credential()`, and `stop()`. */
export async function startDemo() {
  const program = process.env.AGORA_BIN;
  if (!program) {
    console.error("AGORA_BIN is not set: it names the program `agora`");
    process.exit(2);
  }
  const folder = mkdtempSync(join(tmpdir(), "agora-"));
  const data = join(folder, "data");
  // The program reads variables with this prefix as settings, but those of these tests are none.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("AGORA_")));
  const child = spawn(program, ["demo", "--listen", "127.0.0.1:0", "--data", data, "--price-feed-ms", "0"], {
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
    credential: () => execFileSync(program, ["token", "--service", "browser", "--data", data], { encoding: "utf8", env }).trim(),
    async stop() {
      child.kill("SIGTERM");
      const code = await ended;
      process.removeListener("exit", kill);
      rmSync(folder, { recursive: true, force: true });
      if (code !== 0) throw new Error(`the demo ended with ${code}`);
    },
  };
}
