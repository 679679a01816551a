// Builds the console into router/assets/console, from where the binary embeds it.

import { fileURLToPath } from "node:url";

import { defineConfig } from "vite";

import { licenseNotices } from "./licenses.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
/** A running server, for `npm run console`. */
const server = process.env.AGORA_URL ?? "http://127.0.0.1:4000";

export default defineConfig({
  root: here("console"),
  base: "/console/",
  plugins: [licenseNotices({ fileName: "LICENSES.txt" }).page],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  server: {
    proxy: Object.fromEntries(
      ["/graphql", "/cache", "/console/config.json", "/assets"].map((path) => [path, { target: server, ws: path === "/graphql", changeOrigin: true, rewriteWsOrigin: true }]),
    ),
  },
  build: {
    outDir: "../../assets/console",
    emptyOutDir: true,
    target: "es2022",
    sourcemap: false,
    // Files of our own origin only: a data: address would need an exception in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
