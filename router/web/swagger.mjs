// Copies Swagger UI, as its makers built it, to where the program embeds it from: `npm run swagger`.

import { copyFileSync, mkdirSync, rmSync } from "node:fs";
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

rmSync(to, { recursive: true, force: true });
mkdirSync(to, { recursive: true });
for (const [name, target] of Object.entries(files)) {
  copyFileSync(new URL(name, from), new URL(target, to));
}
console.log(`wrote ${fileURLToPath(to)}`);
