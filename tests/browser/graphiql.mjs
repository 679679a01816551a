// Opens a running `agora demo` in headless Chromium and does what a newcomer does first.
//
//   AGORA_URL=http://127.0.0.1:4000 node tests/browser/graphiql.mjs
//
// CHROMIUM    the browser to run (/usr/bin/chromium)
// SCREENSHOT  where to put a picture of GraphiQL, 1400 by 900

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { WAIT_MS, assertNoTrouble, graphql, launch, open, server, tokenOf } from "./browser.mjs";

const origin = server();
let browser;

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

test("an example query crosses three subgraphs and shows its result", async () => {
  const buy = "mutation { purchaseBook(id: 2, idempotencyKey: \"browser test\") { id } }";
  await graphql(origin, buy, {}, await tokenOf(origin, "cleo"));

  const page = await graphiql("AcrossSubgraphs");
  await signIn(page, "cleo");
  await play(page);
  const { data, errors } = await answer(page, (shown) => shown.data?.me || shown.errors);
  assert.equal(errors, undefined);
  assert.equal(data.me.username, "cleo");
  const messages = data.me.inbox.nodes;
  assert.ok(messages.length > 0, "cleo's inbox has messages");
  for (const message of messages) {
    assert.ok(message.contents, "messages answers what was written");
    assert.ok(message.from.username, "accounts answers by whom");
    assert.equal(typeof message.from.karma, "number");
  }
  const [purchase] = data.me.bookPurchases.nodes;
  assert.ok(purchase.title, "bookstore answers what was bought");
  assert.match(purchase.price.amount, /^\d+\.\d\d$/);
  await page.locator(".result-window .view-lines", { hasText: messages[0].from.username }).waitFor();
  await picture(page);
  assertNoTrouble(page);
});

test("a subscription shows a message that is sent meanwhile", async () => {
  const page = await graphiql("NewMessage");
  await signIn(page, "cleo");
  const acknowledged = new Promise((resolve) => {
    page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => `${payload}`.includes('"subscribe"') && resolve()));
  });
  await play(page);
  await acknowledged;

  const dan = await tokenOf(origin, "dan");
  const contents = `Written while cleo was looking, ${process.hrtime.bigint()}`;
  const send = "mutation ($contents: String!) { sendMessage(to: \"cleo\", contents: $contents) { id } }";
  const shown = answer(page, (shown) => shown.data?.newMessage?.contents.startsWith("Written while") || shown.errors);
  // The stream may begin a moment after it was asked for: a message sent before that is not in it.
  const again = setInterval(() => graphql(origin, send, { contents }, dan).catch(() => {}), 500);
  try {
    await graphql(origin, send, { contents }, dan);
    const { data, errors } = await shown;
    assert.equal(errors, undefined);
    assert.equal(data.newMessage.contents, contents);
    assert.equal(data.newMessage.from.username, "dan");
  } finally {
    clearInterval(again);
  }
  await page.locator(".result-window .view-lines", { hasText: "Written while cleo was looking" }).waitFor();
  await page.getByRole("button", { name: /^stop/i }).click();
  assertNoTrouble(page);
});

test("nothing is shown to who is not signed in", async () => {
  const page = await graphiql("AcrossSubgraphs");
  await play(page);
  const { data } = await answer(page, (shown) => "data" in shown || shown.errors);
  assert.equal(data?.me ?? null, null);
});

test("the page at / says where GraphiQL is", async () => {
  const page = await open(browser, origin, "/");
  await page.locator('a[href^="/graphiql"]').first().click();
  await page.waitForURL(/\/graphiql\/?$/);
  await tab(page, "AcrossSubgraphs").waitFor();
  assertNoTrouble(page);
});

test("the bookstore's page tries a search out", async () => {
  const page = await open(browser, origin, "/bookstore/docs");
  const { topics } = await graphql(origin, "{ topics }");
  const search = page.locator(".opblock-get", { has: page.locator('[data-path$="/search/{topic}"]') }).first();
  const body = search.locator(".opblock-body");
  const tryOut = search.locator("button.try-out__btn");
  const execute = search.locator("button.execute");
  await search.waitFor();
  // Operations may be unfolded, and trying out switched on, from the start.
  if (!(await body.isVisible())) await search.locator(".opblock-summary").click();
  await body.waitFor();
  if (!(await execute.isVisible())) await tryOut.click();
  await search.locator("tr[data-param-name='topic'] input").fill(topics[0]);
  await execute.click();
  const status = search.locator(".live-responses-table .response .response-col_status").first();
  await status.waitFor();
  assert.match(await status.innerText(), /^200/);
  assertNoTrouble(page);
});

/** GraphiQL with the named example in front. */
async function graphiql(example) {
  const page = await open(browser, origin, "/graphiql");
  // GraphiQL shows the first tab when its editor has loaded; a click before that would be lost.
  await page.locator(".graphiql-query-editor .view-lines", { hasText: "AcrossSubgraphs" }).waitFor();
  await tab(page, example).click();
  await page.locator(".graphiql-query-editor .view-lines", { hasText: example }).waitFor();
  return page;
}

function tab(page, example) {
  return page.getByRole("tab", { name: new RegExp(`^${example}`) });
}

async function signIn(page, name) {
  await page.getByRole("button", { name, exact: true }).click();
  await page.getByRole("button", { name, exact: true, pressed: true }).waitFor();
}

async function play(page) {
  await page.getByRole("button", { name: /^execute/i }).click();
}

/** What the response pane holds, as soon as it is JSON that `wanted` accepts. */
async function answer(page, wanted) {
  const end = Date.now() + WAIT_MS;
  let text = "";
  while (Date.now() < end) {
    text = await page.evaluate(() => {
      const models = globalThis.__MONACO?.editor.getModels() ?? [];
      return models.find(({ uri }) => uri.path.endsWith("response.json"))?.getValue() ?? "";
    });
    const shown = json(text);
    if (shown && wanted(shown)) return shown;
    await page.waitForTimeout(50);
  }
  throw new Error(`the response pane never held what was awaited, but: ${text || "nothing"}`);
}

function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function picture(page) {
  if (!process.env.SCREENSHOT) return;
  await page.mouse.move(700, 880);
  await page.screenshot({ path: process.env.SCREENSHOT });
}
