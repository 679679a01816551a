// The interactive pages of all REST mounts in a real browser. Every "Execute" button, with its prefilled example, must show a
// documented success, and the page must load no resource from another origin.
//
//   AGORA_BIN=target/debug/agora node tests/browser/rest.mjs
//
// Each mount has its own demo server. Operations that only read run first, those that delete run last. An operation may
// change data that the next example needs: an alias, for example, deletes the same object again. The failed operation then
// runs once more, alone on a fresh demo, and has to succeed there.

import assert from "node:assert/strict";

import { launch, open, tokenOf } from "./browser.mjs";
import { startDemo } from "./demo.mjs";

/** The order in which buttons are pressed. */
const VERBS = ["get", "post", "put", "patch", "delete"];
/** The text in the description of an operation that only programs may call. */
const FOR_SERVICES = "only a service may do this";

/** The number of mounts that are tested at the same time. */
const AT_ONCE = 2;

const browser = await launch();
const failures = [];
try {
  const prefixes = await withDemo(mounts);
  assert.ok(prefixes.length > 0, "the start page names mounts");
  const waiting = prefixes.values();
  await Promise.all(Array.from({ length: AT_ONCE }, () => pressMounts(waiting)));
} finally {
  await browser.close();
}
assert.deepEqual(failures, []);

async function withDemo(use) {
  const demo = await startDemo();
  try {
    return await use(demo);
  } finally {
    await demo.stop();
  }
}

/** Returns the prefixes of the mounts that the start page links to. */
async function mounts(demo) {
  const page = await open(browser, demo.origin, "/");
  const links = await page.locator('#rest a[href$="/docs"]').evaluateAll((all) => all.map((link) => link.getAttribute("href")));
  await page.context().close();
  return links.map((link) => link.slice(0, -"/docs".length));
}

async function pressMounts(prefixes) {
  for (const prefix of prefixes) {
    const again = await withDemo((demo) => pressAll(demo, prefix));
    for (const operation of again) await withDemo((demo) => pressAlone(demo, prefix, operation));
  }
}

/** Presses every button of a mount's page and returns the operations that showed no success. */
async function pressAll(demo, prefix) {
  const started = Date.now();
  const operations = await described(demo, prefix);
  const page = await signedIn(demo, prefix, operations);
  const refused = [];
  for (const operation of operations) {
    const shown = await press(page, operation);
    if (!operation.successes.includes(shown.status)) refused.push(operation);
  }
  if (refused.length === 0) assertQuiet(page);
  await page.context().close();
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(`${prefix}: ${operations.length} buttons in ${seconds} s, ${refused.length} of them to be pressed alone`);
  return refused;
}

async function pressAlone(demo, prefix, operation) {
  const page = await signedIn(demo, prefix, [operation]);
  const shown = await press(page, operation);
  if (!operation.successes.includes(shown.status)) {
    failures.push(`${prefix} ${operation.line}: ${shown.status} ${shown.text}`);
  } else {
    assertQuiet(page);
  }
  await page.context().close();
}

/** Returns the operations of a mount in the order in which they are pressed. */
async function described(demo, prefix) {
  const { paths } = await (await fetch(`${demo.origin}${prefix}/openapi.json`)).json();
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([verb, { tags, operationId, security, responses }]) => ({
      verb,
      line: `${verb.toUpperCase()} ${path}`,
      block: `operations-${tags[0]}-${operationId}`,
      successes: Object.keys(responses).filter((status) => status.startsWith("2")).map(Number),
      // The page offers to authorize where an operation needs a token, not where one may have it.
      bearer: security.length > 0 && security.every((way) => "bearer" in way),
      forServices: JSON.stringify(responses[403] ?? "").includes(FOR_SERVICES),
    })),
  );
  const rank = ({ verb, forServices }) => 2 * VERBS.indexOf(verb) + Number(forServices);
  return operations.sort((one, other) => rank(one) - rank(other));
}

async function signedIn(demo, prefix, operations) {
  const page = await open(browser, demo.origin, `${prefix}/docs`);
  page.tokens = {
    person: operations.some((operation) => operation.bearer) ? await tokenOf(demo.origin, "ada") : undefined,
    service: operations.some((operation) => operation.forServices) ? demo.credential() : undefined,
  };
  return page;
}

/** Opens an operation, executes its example and closes it. Returns the status and the text that the page shows. */
async function press(page, operation) {
  if (operation.bearer) await authorize(page, operation.forServices ? page.tokens.service : page.tokens.person);
  const block = page.locator(`[id="${operation.block}"]`);
  const summary = block.locator(".opblock-summary-control");
  // A dispatched event unfolds it: a mouse click would have to wait until the layout above is stable.
  await summary.dispatchEvent("click");
  await block.getByRole("button", { name: "Execute" }).click();
  const answer = block.locator(".live-responses-table .response").first();
  const status = Number.parseInt(await answer.locator(".response-col_status").innerText(), 10);
  const text = await answer.locator(".response-col_description").innerText();
  await summary.dispatchEvent("click");
  return { status, text };
}

/** Enters a token in the page, unless it is there already. */
async function authorize(page, token) {
  if (page.authorized === token) return;
  await page.locator(".auth-wrapper .authorize").first().click();
  const dialog = page.locator(".dialog-ux .modal-ux");
  if (page.authorized) await dialog.getByRole("button", { name: "Remove authorization" }).click();
  await dialog.locator("input").fill(token);
  await dialog.getByRole("button", { name: "Apply credentials" }).click();
  await dialog.locator(".btn-done").click();
  page.authorized = token;
}

function assertQuiet(page) {
  assert.deepEqual(page.troubles, [], "the page logged errors, loaded from elsewhere or asked for what is not there");
}
