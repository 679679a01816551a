// Opens a running `agora demo` in headless Chromium and takes a new user's first steps.
//
//   AGORA_URL=http://127.0.0.1:4000 node tests/browser/graphiql.mjs
//
// CHROMIUM    the browser to run (/usr/bin/chromium)
// SCREENSHOT  where to put a picture of GraphiQL, 1400 by 900

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { WAIT_MS, assertNoTrouble, graphql, launch, open, server, tokenOf } from "./browser.mjs";

const AGAIN_MS = 500;

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
  await play(page);
  const dan = await tokenOf(origin, "dan");
  const contents = `Written while cleo was looking, ${process.hrtime.bigint()}`;
  const send = "mutation ($contents: String!) { sendMessage(to: \"cleo\", contents: $contents) { id } }";
  const { data, errors } = await meanwhile(
    () => graphql(origin, send, { contents }, dan),
    answer(page, (shown) => shown.data?.newMessage.contents === contents || shown.errors),
  );
  assert.equal(errors, undefined);
  assert.equal(data.newMessage.from.username, "dan");
  await page.locator(".result-window .view-lines", { hasText: "Written while cleo was looking" }).waitFor();
  assertNoTrouble(page);
});

test("every other example tab works on the sample data", async () => {
  const page = await graphiql("SendMessage");
  await signIn(page, "dan");
  await play(page);
  assert.equal((await answer(page, (shown) => shown.data?.sendMessage || shown.errors)).data.sendMessage.to.username, "cleo");

  await turnTo(page, "FindBooks");
  await play(page, "FindBooks");
  const { books } = (await answer(page, (shown) => shown.data?.books || shown.errors)).data;
  assert.ok(books.nodes.length > 0);
  await play(page, "BuyBook");
  assert.equal((await answer(page, (shown) => shown.data?.purchaseBook || shown.errors)).data.purchaseBook.buyer.username, "dan");

  const admin = await tokenOf(origin, "admin");
  let quantity = 100;
  const restock = () => graphql(origin, `mutation { updateBook(id: 7, input: { quantity: ${++quantity} }) { id } }`, {}, admin);
  await turnTo(page, "BookChanged");
  await play(page);
  const changed = await meanwhile(restock, answer(page, (shown) => shown.data?.bookChanged || shown.errors));
  assert.equal(changed.data.bookChanged.id, "7");
  await stop(page);

  await turnTo(page, "CacheInvalidated");
  await play(page);
  const invalidated = await meanwhile(restock, answer(page, (shown) => shown.data?.cacheInvalidated || shown.errors));
  assert.deepEqual([invalidated.data.cacheInvalidated.typename, invalidated.data.cacheInvalidated.key], ["Book", "7"]);
  await stop(page);
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
  // The page may show operations unfolded, with "Try it out" switched on, from the start.
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

/** Opens GraphiQL with the named example in front. */
async function graphiql(example) {
  const page = await open(browser, origin, "/graphiql");
  // GraphiQL shows the first tab when its editor has loaded; a click before that would be lost.
  await page.locator(".graphiql-query-editor .view-lines", { hasText: "AcrossSubgraphs" }).waitFor();
  await turnTo(page, example);
  return page;
}

async function turnTo(page, example) {
  await tab(page, example).click();
  await page.locator(".graphiql-query-editor .view-lines", { hasText: example }).waitFor();
}

function tab(page, example) {
  return page.getByRole("tab", { name: new RegExp(`^${example}`) });
}

async function signIn(page, name) {
  await page.getByRole("button", { name, exact: true }).click();
  await page.getByRole("button", { name, exact: true, pressed: true }).waitFor();
}

/**
 * Presses Play and, if the tab has several operations, chooses the named one. Until GraphiQL has parsed a tab that was just
 * selected, the button still offers the operations of the previous tab.
 */
async function play(page, operation) {
  const button = page.getByRole("button", { name: /^execute/i });
  if (!operation) return button.and(page.locator(":not([aria-haspopup])")).click();
  await button.and(page.locator("[aria-haspopup]")).click();
  await page.getByRole("menuitem", { name: operation }).click();
}

async function stop(page) {
  await page.getByRole("button", { name: /^stop/i }).click();
}

/** Repeats `something` until `seen` resolves, because a stream begins a moment after its request. */
async function meanwhile(something, seen) {
  const again = setInterval(() => something().catch(() => {}), AGAIN_MS);
  try {
    const [shown] = await Promise.all([seen, something()]);
    return shown;
  } finally {
    clearInterval(again);
  }
}

/** Waits until the response pane holds JSON that `wanted` accepts, and returns it. */
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
