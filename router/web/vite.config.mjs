// Builds the GraphiQL page into router/assets/graphiql, from where the binary embeds it.

import { fileURLToPath } from "node:url";

import { defineConfig } from "vite";

import { licenseNotices } from "./licenses.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const notices = licenseNotices({ fileName: "LICENSES.txt" });

export default defineConfig({
  root: here("."),
  base: "/graphiql/",
  plugins: [onlyWoff2(), notices.page],
  resolve: {
    alias: {
      "prettier/parser-babel": here("src/jsonc.js"),
      "prettier/plugins/estree": here("src/jsonc.js"),
    },
  },
  worker: { format: "es", plugins: () => [notices.worker] },
  build: {
    outDir: "../assets/graphiql",
    emptyOutDir: true,
    target: "es2022",
    sourcemap: false,
    // Files of our own origin only: a data: address would need an exception in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 4096,
    reportCompressedSize: false,
    rolldownOptions: {
      // A change of ours renames our own chunk only: the libraries' stay the files they were.
      output: {
        codeSplitting: {
          groups: [
            { name: "monaco", test: /node_modules[\\/]monaco-editor[\\/]/, entriesAware: false, priority: 2 },
            { name: "vendor", test: /node_modules[\\/](?!prettier|monaco-graphql)|^\0/, priority: 1 },
          ],
        },
      },
      onLog(level, log, handle) {
        // "use client" speaks to React servers; there is none here.
        if (log.code !== "MODULE_LEVEL_DIRECTIVE") handle(level, log);
      },
    },
  },
});

/** Every browser that runs this page reads WOFF2: the older copies of the fonts stay out. */
function onlyWoff2() {
  return {
    name: "only-woff2",
    enforce: "pre",
    transform(code, id) {
      if (id.includes("@fontsource") && id.endsWith(".css")) return code.replaceAll(/,\s*url\([^)]*\.woff\)\s*format\('woff'\)/g, "");
    },
  };
}
