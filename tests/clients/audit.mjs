// Runs the audit suite of graphql-http for the GraphQL-over-HTTP specification against a running Agora.
//
//   AGORA_URL=http://127.0.0.1:4000 node audit.mjs

import { test } from "node:test";

import { serverAudits } from "graphql-http";

// Recommended until 2025. Since then, a client without an Accept type gets application/graphql-response+json.
const BEFORE_2025 = ["47DE", "80D8"];

if (!process.env.AGORA_URL) {
  console.error("AGORA_URL is not set: it names a running Agora, such as http://127.0.0.1:4000");
  process.exit(2);
}
const url = `${new URL(process.env.AGORA_URL).origin}/graphql`;

for (const audit of serverAudits({ url, fetchFn: fetch })) {
  test(`${audit.id} ${audit.name}`, { skip: BEFORE_2025.includes(audit.id) && "recommended until 2025" }, async () => {
    const { status, reason } = await audit.fn();
    if (status !== "ok") throw new Error(`${status}: ${reason}`);
  });
}
