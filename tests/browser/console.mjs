// The console in a real browser, over a demo of its own whose prices stand still.
//
//   AGORA_BIN=target/debug/agora node tests/browser/console.mjs
//
// SCREENSHOT_CONSOLE  where to put a picture of the market, 1400 by 900

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { assertNoTrouble, graphql, launch, open, tokenOf } from "./browser.mjs";
import { startDemo } from "./demo.mjs";

let browser;
let demo;
before(async () => {
  [browser, demo] = await Promise.all([launch(), startDemo()]);
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

test("a price that changes is shown at once", async () => {
  const page = await visit("market");
  await stockRow(page, "FishCo").getByText("$19.99").waitFor();
  await as("admin", 'mutation { setPrice(stock: "FishCo", price: { amount: "21.00", currency: "USD" }) { id } }');
  await stockRow(page, "FishCo").getByText("$21.00").waitFor();
  await stockRow(page, "FishCo").getByText("+5.05 %").waitFor();
  await leave(page);
});

test("an investor signs in with one click, buys, and sees the trade", async () => {
  const page = await visit("market");
  await page.getByText("Sign in as an investor").waitFor();
  await signIn(page, "ada");
  const order = page.getByRole("region", { name: "Place an order" });
  await order.getByLabel("Stock").selectOption({ label: "BoarCo" });
  await order.getByLabel("Shares").fill("3");
  await order.getByText("$74.97").waitFor();
  const cash = order.locator(".sum div", { hasText: "Free cash" }).locator("dd");
  const before = dollars(await cash.innerText());
  await order.getByRole("button", { name: "Buy BoarCo" }).click();
  await notice(page, "Bought 3 BoarCo at $24.99.");
  await rowIn(page, "Newest trades", "BoarCo").waitFor();
  await rowIn(page, "My orders", "BoarCo").getByText("executed").waitFor();
  await rowIn(page, "My shares and money", "BoarCo").getByText("$74.97").waitFor();
  assert.equal(Math.round(100 * (before - dollars(await cash.innerText()))), 7497);
  if (process.env.SCREENSHOT_CONSOLE) await page.screenshot({ path: process.env.SCREENSHOT_CONSOLE });
  await leave(page);
});

test("an order waits for its price, and can be cancelled", async () => {
  const page = await visit("market");
  await signIn(page, "ada");
  const order = page.getByRole("region", { name: "Place an order" });
  await order.getByLabel("Stock").selectOption({ label: "LegionLogistics" });
  await order.getByLabel("Wait for a price").check();
  await order.getByLabel("At most, per share").fill("50.00");
  await order.getByRole("button", { name: "Buy LegionLogistics" }).click();
  const row = rowIn(page, "My orders", "LegionLogistics");
  await row.getByText("waiting").waitFor();
  await row.getByRole("button", { name: "Cancel the order" }).click();
  await row.getByText("cancelled").waitFor();
  await leave(page);
});

test("a refused order says why, and the form stays as it was", async () => {
  const page = await visit("market");
  await signIn(page, "ada");
  const order = page.getByRole("region", { name: "Place an order" });
  await order.getByLabel("Shares").fill("2000000");
  await order.getByRole("button", { name: /^Buy/ }).click();
  await order.getByRole("alert").waitFor();
  assert.match(await order.getByRole("alert").innerText(), /^[A-Z].*\.$/);
  assert.equal(await order.getByLabel("Shares").inputValue(), "2000000");
  await leave(page);
});

test("a broker trades under an authorization, and a member is told who can", async () => {
  const page = await visit("market");
  await signIn(page, "ben");
  await page.getByLabel("Under the authorization of").waitFor();
  assert.match(await page.getByLabel("Under the authorization of").innerText(), /ada: \$/);
  await page.getByRole("button", { name: "Sign out" }).click();
  await signIn(page, "cleo");
  await page.getByText("cleo is no investor.").waitFor();
  await leave(page);
});

test("the number of copies moves when another person buys", async () => {
  const page = await visit("stores");
  const row = rowIn(page, "Bookstore", "RPCs for Noobs");
  await row.getByText("$50.00").waitFor();
  const left = Number(await row.locator("td").nth(1).innerText());
  const { books } = await graphql(demo.origin, '{ books(text: "RPCs") { nodes { id } } }');
  await as("dan", "mutation ($id: ID!) { purchaseBook(id: $id) { id } }", { id: books.nodes[0].id });
  await row.locator("td").nth(1).getByText(String(left - 1), { exact: true }).waitFor();
  await signIn(page, "cleo");
  await row.getByRole("button", { name: "Buy RPCs for Noobs" }).click();
  await notice(page, "Bought “RPCs for Noobs” for $50.00.");
  await row.locator("td").nth(1).getByText(String(left - 2), { exact: true }).waitFor();
  await rowIn(page, "Shop", "Enamel mug").getByRole("button").click();
  await notice(page, "Ordered 1 Enamel mug for $12.50.");
  await leave(page);
});

test("a message raises the badge until it is read", async () => {
  const page = await visit("community");
  await signIn(page, "dan");
  const badge = page.getByRole("navigation", { name: "Views" }).locator(".badge");
  const unread = async () => ((await badge.count()) ? Number.parseInt(await badge.innerText(), 10) : 0);
  await page.getByRole("region", { name: /^Messages/ }).waitFor();
  const before = await unread();
  const contents = `Is <b>anything</b> left? ${process.hrtime.bigint()}`;
  await as("cleo", 'mutation ($contents: String!) { sendMessage(to: "dan", contents: $contents) { id } }', { contents });
  await page.locator(".messages li", { hasText: contents }).first().waitFor();
  await badge.waitFor();
  assert.ok((await unread()) > before);
  await page.getByRole("button", { name: "Mark as read" }).click();
  await badge.waitFor({ state: "detached" });
  await leave(page);
});

test("a vote of another person changes the score", async () => {
  const { recentPosts } = await graphql(demo.origin, "{ recentPosts(first: 10) { nodes { id title } } }");
  const { id } = recentPosts.nodes.find(({ title }) => title === "MenhirCo below ten");
  for (const person of ["cleo", "dan"]) await as(person, "mutation ($id: ID!) { clearVote(postId: $id) { id } }", { id });
  const page = await visit("community");
  const post = page.locator(".post").filter({ hasText: "MenhirCo below ten" });
  const score = async () => Number((await post.getByRole("img").getAttribute("aria-label")).replace("Score ", "").replace("−", "-"));
  await post.waitFor();
  const before = await score();
  await as("dan", "mutation ($id: ID!) { upvote(postId: $id) { id } }", { id });
  await post.getByLabel(`Score ${before + 1}`).waitFor();
  await signIn(page, "cleo");
  await post.getByRole("button", { name: /^Vote for/ }).click();
  await post.getByRole("button", { name: /^Vote for/, pressed: true }).waitFor();
  await post.getByLabel(`Score ${before + 2}`).waitFor();
  await leave(page);
});

test("the keyboard alone signs in and changes the view", async () => {
  const page = await visit("market");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "content");
  await page.getByRole("banner").getByRole("button", { name: "Sign in" }).focus();
  await page.keyboard.press("Enter");
  await page.locator("dialog[open]").waitFor();
  await page.keyboard.press("Escape");
  await page.locator("dialog[open]").waitFor({ state: "detached" });
  await page.getByRole("link", { name: "System" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("region", { name: "Latency" }).waitFor();
  await leave(page);
});

test("on a phone, an investor signs in and buys", async () => {
  const page = await visit("market");
  await page.setViewportSize({ width: 390, height: 844 });
  await signIn(page, "ada");
  const order = page.getByRole("region", { name: "Place an order" });
  await order.getByLabel("Stock").selectOption({ label: "MenhirCo" });
  await order.getByRole("button", { name: "Buy MenhirCo" }).click();
  await notice(page, "Bought 1 MenhirCo at $9.99.");
  await leave(page);
});

test("a lost connection is opened again, and the page catches up", async () => {
  const sockets = [];
  let isCut = false;
  const page = await visit("market", (empty) =>
    empty.routeWebSocket(/\/graphql$/, (socket) => {
      if (isCut) return socket.close({ code: 1001, reason: "stopping" });
      socket.connectToServer();
      sockets.push(socket);
    }),
  );
  await stockRow(page, "DivineComics").getByText("$9.99").waitFor();
  isCut = true;
  for (const socket of sockets) await socket.close({ code: 1001, reason: "stopping" });
  await page.getByRole("banner").getByText("Not connected").waitFor();
  await as("admin", 'mutation { setPrice(stock: "DivineComics", price: { amount: "12.34", currency: "USD" }) { id } }');
  isCut = false;
  await page.getByRole("banner").getByText("Live").waitFor();
  await stockRow(page, "DivineComics").getByText("$12.34").waitFor();
  await as("admin", 'mutation { setPrice(stock: "DivineComics", price: { amount: "12.56", currency: "USD" }) { id } }');
  await stockRow(page, "DivineComics").getByText("$12.56").waitFor();
  await leave(page);
});

async function visit(view, prepare) {
  const page = await open(browser, demo.origin, `/console/#${view}`, prepare);
  await page.getByRole("banner").getByText("Live").waitFor();
  return page;
}

async function leave(page) {
  assertNoTrouble(page);
  await page.context().close();
}

async function signIn(page, person) {
  await page.getByRole("banner").getByRole("button", { name: "Sign in" }).click();
  await page.locator("dialog[open]").getByRole("button", { name: person }).click();
  await page.locator(".account-name", { hasText: person }).waitFor();
}

/** Waits for a notice at the edge of the page, and closes it. */
async function notice(page, text) {
  const shown = page.locator(".notices .notice", { hasText: text });
  await shown.first().waitFor();
  await shown.first().getByRole("button", { name: "Dismiss" }).click();
}

function rowIn(page, region, name) {
  return page.getByRole("region", { name: region }).locator("tbody tr", { hasText: name }).first();
}

function stockRow(page, name) {
  return rowIn(page, "Stocks", name);
}

async function as(person, query, variables) {
  return graphql(demo.origin, query, variables, await tokenOf(demo.origin, person));
}

function dollars(text) {
  return Number(text.replace(/[$,]/g, ""));
}
