// Opens a running `agora demo` in headless Chromium and takes a new user's first steps in GraphiQL.
//
//   AGORA_URL=http://127.0.0.1:4000 AGORA_BIN=target/debug/agora node tests/browser/graphiql.mjs
//
// CHROMIUM    the browser to run (/usr/bin/chromium)
// SCREENSHOT  where to put a picture of GraphiQL, 1400 by 900

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { EXAMPLES, nameOf } from "../../router/web/src/examples.js";
import { WAIT_MS, assertNoTrouble, graphql, launch, open, server, tokenOf } from "./browser.mjs";
import { startDemo, startRouter } from "./demo.mjs";

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

test("a subscription lists its events, newest first, with their times", async () => {
  const page = await graphiql("NewMessage");
  await signIn(page, "cleo");
  await play(page);
  await answer(page, (shown) => shown.listeningSince);
  const dan = await tokenOf(origin, "dan");
  const contents = `Written while cleo was looking, ${process.hrtime.bigint()}`;
  const send = "mutation ($contents: String!) { sendMessage(to: \"cleo\", contents: $contents) { id } }";
  let count = 0;
  const { events, received } = await meanwhile(
    () => graphql(origin, send, { contents: `${contents} ${++count}` }, dan),
    answer(page, (shown) => shown.events?.length >= 2 || shown.errors),
  );
  assert.equal(received, events.length);
  assert.equal(events[0].data.newMessage.from.username, "dan");
  const numbers = events.map(({ data }) => Number(data.newMessage.contents.split(" ").at(-1)));
  assert.ok(numbers[0] > numbers[1], `newest first: ${numbers}`);
  assert.match(events[0].at, /^\d\d:\d\d:\d\d\.\d\d\d$/);
  await page.locator(".result-window .view-lines", { hasText: "listeningSince" }).waitFor();
  assertNoTrouble(page);
});

/** For each subscription of the examples, a change that its events tell of: `[person, query, variables]`. */
const CAUSES = {
  NewMessage: () => ["dan", 'mutation { sendMessage(to: "cleo", contents: "Seen?") { id } }'],
  BookChanged: (ids) => ["admin", "mutation ($id: ID!) { updateBook(id: $id, input: { quantity: 55 }) { id } }", { id: ids.book }],
  CacheInvalidated: (ids) => ["admin", "mutation ($id: ID!) { updateBook(id: $id, input: { quantity: 56 }) { id } }", { id: ids.book }],
  StockChanged: () => ["admin", 'mutation { setPrice(stock: "BoarCo", price: { amount: "25.50", currency: "USD" }) { id } }'],
  OrderChanged: (ids) => ["ada", "mutation ($id: ID!) { placeOrder(input: { side: BUY, stock: $id, quantity: 1 }) { id } }", { id: ids.stock }],
  ProductChanged: (ids) => ["admin", "mutation ($id: ID!) { updateProduct(id: $id, input: { available: 70 }) { id } }", { id: ids.product }],
  PostCreated: () => ["dan", 'mutation { createPost(input: { title: "New", text: "Just now.", community: "Books" }) { id } }'],
  VoteChanged: () => ["cleo", 'mutation { downvote(postId: "post_4") { id } upvote(postId: "post_4") { id } }'],
};

test("every example of the menu works on a fresh demo, as the person that it names", async () => {
  const demo = await startDemo();
  try {
    const page = await open(browser, demo.origin, "/graphiql/");
    await page.locator(".graphiql-query-editor .view-lines", { hasText: "Overview" }).waitFor();
    const found = await graphql(
      demo.origin,
      "{ books(first: 1) { nodes { id } } stocks(first: 1) { nodes { id } } products(first: 1) { nodes { id } } }",
    );
    const [book, stock, product] = [found.books, found.stocks, found.products].map(({ nodes }) => nodes[0].id);
    for (const example of EXAMPLES) await runExample(page, demo, example, { book, stock, product });
    assertNoTrouble(page);
  } finally {
    await demo.stop();
  }
});

async function runExample(page, demo, example, ids) {
  const name = nameOf(example);
  await page.locator("summary", { hasText: "Examples" }).click();
  await page.locator(`[data-example="${name}"]`).click();
  await page.locator(".graphiql-query-editor .view-lines", { hasText: name }).waitFor();
  if (example.as) await signIn(page, example.as);
  const operations = [...example.query.matchAll(/^(query|mutation|subscription) (\w+)/gm)].map(([, kind, operation]) => ({ kind, operation }));
  for (const { kind, operation } of operations) {
    await play(page, operations.length > 1 ? operation : undefined);
    const shown = await answer(page, (result) => ("data" in result || result.errors || result.listeningSince) && (kind === "subscription" || result.data || result.errors), operation);
    assert.equal(shown.errors, undefined, `${operation}: ${JSON.stringify(shown.errors)}`);
    if (kind !== "subscription") continue;
    const [person, query, variables] = CAUSES[operation](ids);
    const token = await tokenOf(demo.origin, person);
    const cause = () => graphql(demo.origin, query, variables, token);
    const { events } = await meanwhile(cause, answer(page, (result) => result.events?.length > 0, operation));
    assert.equal(events[0].errors, undefined, operation);
    await stop(page);
  }
}

test("a link opens an operation, and copies of it run elsewhere", async () => {
  const page = await open(browser, origin, `/graphiql/?query=${encodeURIComponent("query Mine($n: Int) { books(first: $n) { nodes { title } } }")}&variables=${encodeURIComponent('{ "n": 2 }')}`);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.locator(".graphiql-query-editor .view-lines", { hasText: "Mine" }).waitFor();
  await play(page);
  const { data } = await answer(page, (shown) => shown.data?.books);
  assert.equal(data.books.nodes.length, 2);

  const link = await copied(page, "Copy a link to this operation");
  const again = await open(browser, origin, link.slice(origin.length));
  await again.locator(".graphiql-query-editor .view-lines", { hasText: "Mine" }).waitFor();
  await play(again);
  assert.deepEqual((await answer(again, (shown) => shown.data?.books)).data, data);

  const script = await copied(page, "Copy as fetch");
  const AsyncFunction = (async () => {}).constructor;
  assert.deepEqual(await new AsyncFunction(`${script}; return data;`)(), data);
  const command = await copied(page, "Copy as cURL");
  const body = /-d '(.*)'$/s.exec(command)[1].replaceAll("'\\''", "'");
  assert.deepEqual(await graphql(origin, JSON.parse(body).query, JSON.parse(body).variables), data);
  assertNoTrouble(page);
});

async function copied(page, label) {
  await page.getByRole("button", { name: label }).click();
  await page.getByRole("status").filter({ hasText: "copied" }).waitFor();
  return page.evaluate(() => navigator.clipboard.readText());
}

test("on a phone, everything is below one another and the documentation lies over it", async () => {
  const page = await open(browser, origin, "/graphiql/");
  await page.setViewportSize({ width: 390, height: 844 });
  await page.locator(".graphiql-query-editor .view-lines", { hasText: "Overview" }).waitFor();
  const parts = [".graphiql-query-editor", ".graphiql-editor-tool", ".graphiql-response"];
  const boxes = await Promise.all(parts.map((part) => page.locator(part).boundingBox()));
  for (const [index, box] of boxes.entries()) {
    assert.ok(box.width > 300 && box.x >= 0 && box.x + box.width <= 390, `${parts[index]}: ${JSON.stringify(box)}`);
    if (index > 0) assert.ok(box.y >= boxes[index - 1].y + boxes[index - 1].height - 1, `${parts[index]} is below ${parts[index - 1]}`);
  }
  await page.locator("summary", { hasText: "Examples" }).click();
  await page.locator("[data-example=Portfolio]").click();
  await page.locator(".graphiql-query-editor .view-lines", { hasText: "Portfolio" }).waitFor();
  await signIn(page, "ada");
  await play(page, "Portfolio");
  assert.ok((await answer(page, (shown) => shown.data?.me)).data.me.portfolioValue.amount);
  await page.locator(".result-window .view-lines", { hasText: "portfolioValue" }).scrollIntoViewIfNeeded();
  await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
  const docs = await page.locator(".graphiql-plugin").boundingBox();
  assert.ok(docs.width > 380 && docs.height > 700, JSON.stringify(docs));
  await page.getByRole("button", { name: "Hide Documentation Explorer" }).click();
  await page.locator(".graphiql-doc-explorer").waitFor({ state: "detached" });
  assertNoTrouble(page);
});

test("the keyboard reaches the editor in two steps, and the menu closes with Escape", async () => {
  const page = await open(browser, origin, "/graphiql/");
  await page.locator(".graphiql-query-editor .view-lines", { hasText: "Overview" }).waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.ok(await page.evaluate(() => document.activeElement.closest(".graphiql-query-editor") !== null), "the focus is in the editor");
  await page.locator("summary", { hasText: "Examples" }).focus();
  await page.keyboard.press("Enter");
  await page.locator("[data-example=Overview]").waitFor();
  await page.keyboard.press("Escape");
  await page.locator("[data-example=Overview]").waitFor({ state: "hidden" });
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Examples");
  assertNoTrouble(page);
});

test("nothing private is shown without a sign-in", async () => {
  const page = await graphiql("AcrossSubgraphs");
  await play(page);
  const { data } = await answer(page, (shown) => "data" in shown || shown.errors);
  assert.equal(data?.me ?? null, null);
});

test("a router's GraphiQL has no links to pages of Agora, no sign-in and no examples", async () => {
  const file = fileURLToPath(new URL("../../router/tests/integration/commands/router/foreign.graphql", import.meta.url));
  const router = await startRouter(file);
  try {
    const page = await open(browser, router.origin, "/graphiql/");
    await page.locator(".graphiql-query-editor .view-lines").waitFor();
    const links = await page.locator(".bar a").evaluateAll((found) => found.map((link) => link.getAttribute("href")));
    assert.deepEqual(links, ["/"]);
    assert.equal((await fetch(new URL("/", router.origin))).status, 200);
    assert.equal(await page.getByRole("button", { name: "Sign in" }).count(), 0);
    assert.equal(await page.locator("summary", { hasText: "Examples" }).count(), 0);
    assertNoTrouble(page);
  } finally {
    await router.stop();
  }
});

test("the page at / says where GraphiQL is", async () => {
  const page = await open(browser, origin, "/");
  await page.locator('a[href^="/graphiql"]').first().click();
  await page.waitForURL(/\/graphiql\/?$/);
  await page.getByRole("tab", { name: "Overview" }).waitFor();
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

/** Opens GraphiQL with the named example. */
async function graphiql(example) {
  const page = await open(browser, origin, `/graphiql/?example=${example}`);
  // GraphiQL shows the first tab when its editor has loaded; a click before that would be lost.
  await page.locator(".graphiql-query-editor .view-lines", { hasText: example }).waitFor();
  return page;
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
  await page.getByRole("menuitem", { name: operation, exact: true }).click();
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
async function answer(page, wanted, operation = "the operation") {
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
  throw new Error(`the response pane never held the answer of ${operation}, but: ${text || "nothing"}`);
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
