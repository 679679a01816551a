// Opens pages of a running server in a real browser and records their errors.

import assert from "node:assert/strict";

import { chromium } from "playwright-core";

const EXECUTABLE = process.env.CHROMIUM || "/usr/bin/chromium";
export const WAIT_MS = 30_000;

/** Returns the origin of the server under test, from `AGORA_URL`. */
export function server() {
  if (!process.env.AGORA_URL) {
    console.error("AGORA_URL is not set: it names a running `agora demo`, such as http://127.0.0.1:4000");
    process.exit(2);
  }
  return new URL(process.env.AGORA_URL).origin;
}

export async function launch() {
  // Chromium's sandbox does not start for root, the usual user in containers.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: EXECUTABLE, args });
}

/**
 * Opens `path` in a new window, after `prepare` has seen the empty page. `page.troubles` collects errors and requests that a page
 * of Agora must never cause.
 */
export async function open(browser, origin, path, prepare = async () => {}) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, colorScheme: "light" });
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  page.troubles = [];
  page.on("console", (message) => {
    if (message.type() === "error") page.troubles.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => page.troubles.push(`uncaught: ${error.stack ?? error}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (/^(https?|wss?):$/.test(url.protocol) && url.host !== new URL(origin).host) page.troubles.push(`elsewhere: ${request.url()}`);
  });
  page.on("requestfailed", (request) => page.troubles.push(`failed: ${request.url()} (${request.failure()?.errorText})`));
  page.on("response", (response) => {
    if (response.status() >= 400) page.troubles.push(`status ${response.status()}: ${response.url()}`);
  });
  page.on("websocket", (socket) => {
    if (new URL(socket.url()).host !== new URL(origin).host) page.troubles.push(`elsewhere: ${socket.url()}`);
    socket.on("socketerror", (error) => page.troubles.push(`websocket: ${error}`));
  });
  await prepare(page);
  await page.goto(origin + path, { waitUntil: "load" });
  return page;
}

export function assertNoTrouble(page) {
  assert.deepEqual(page.troubles, [], "the page logged errors, loaded from elsewhere or asked for what is not there");
}

/** Sends a GraphQL request over HTTP and returns its data. Throws the server's errors. */
export async function graphql(origin, query, variables = {}, token) {
  const response = await fetch(`${origin}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined, `the server refused: ${JSON.stringify(errors)}`);
  return data;
}

/** Returns a token for one of the people of the demo. */
export async function tokenOf(origin, login) {
  const query = "mutation ($login: String!, $password: String!) { login(login: $login, password: $password) { token } }";
  return (await graphql(origin, query, { login, password: "agora-demo-2026" })).login.token;
}
