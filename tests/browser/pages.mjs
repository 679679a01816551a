// Opens every page at three widths, light and dark: no barrier (axe), no error, nothing from elsewhere, nothing beyond the edge,
// and no more bytes than allowed.
//
//   AGORA_URL=http://127.0.0.1:4000 node tests/browser/pages.mjs
//
// SCREENSHOTS  a folder for a picture of every page at every width

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { assertNoBarrier } from "./axe.mjs";
import { assertNoTrouble, graphql, launch, open, server, tokenOf } from "./browser.mjs";

const WIDTHS = [390, 768, 1440];
const SCHEMES = ["light", "dark"];

/** The pages; `ready` is the element whose arrival makes a page whole, and `excluded` are the parts that a library makes. */
const PAGES = [
  { name: "start", path: "/", ready: "h1" },
  { name: "not-found", path: "/nowhere", ready: "h1", status: 404 },
  { name: "orders", path: "/orders", ready: "tbody tr" },
  { name: "error-codes", path: "/docs/errors", ready: ".codes" },
  { name: "console-market", path: "/console/#market", ready: ".trades tbody tr" },
  { name: "console-market-ada", path: "/console/#market", ready: ".trades tbody tr", person: "ada", whole: ".orders tbody tr" },
  { name: "console-stores-cleo", path: "/console/#stores", ready: ".goods tbody tr", person: "cleo", whole: ".goods button" },
  { name: "console-community-cleo", path: "/console/#community", ready: ".post", person: "cleo", whole: ".messages li" },
  { name: "console-system", path: "/console/#system", ready: ".system tbody tr" },
  { name: "graphiql", path: "/graphiql/", ready: ".graphiql-query-editor .view-line", excluded: [".graphiql-container"] },
  { name: "docs-bazaar", path: "/bazaar/docs", ready: ".opblock", excluded: ["#page"] },
  { name: "docs-brokerage", path: "/brokerage/docs", ready: ".opblock", excluded: ["#page"] },
];

const origin = server();
const folder = process.env.SCREENSHOTS;
if (folder) mkdirSync(folder, { recursive: true });

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

for (const shown of PAGES) {
  test(`${shown.name} has no barrier, and fits every width in both colour schemes`, async () => {
    const page = await open(browser, origin, shown.path);
    await page.locator(shown.ready).first().waitFor();
    if (shown.person) await signIn(page, shown);
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 });
        await assertNoBarrier(page, shown);
        const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(beyond <= 0, `at ${width} px, the page is ${beyond} px too wide`);
        if (folder) await page.screenshot({ path: join(folder, `${shown.name}-${width}-${colorScheme}.png`), fullPage: true });
      }
    }
    if (shown.status) page.troubles = page.troubles.filter((trouble) => !trouble.includes(shown.path));
    assertNoTrouble(page);
    await page.context().close();
  });
}

async function signIn(page, { person, whole }) {
  await page.getByRole("button", { name: "Sign in" }).first().click();
  await page.locator("dialog[open] .people").getByRole("button", { name: person }).click();
  await page.locator(".account-name", { hasText: person }).waitFor();
  await page.locator(whole).first().waitFor();
  await page.getByRole("button", { name: "Dismiss" }).first().click();
}

test("the page about the order replicas follows a trade without reloading", async () => {
  const page = await open(browser, origin, "/orders");
  const last = page.locator("tbody tr").first().locator("td").last();
  const before = await last.innerText();
  await page.evaluate(() => (globalThis.isSamePage = true));
  const admin = await tokenOf(origin, "admin");
  const { trade } = await graphql(origin, 'mutation { trade(stock: "FishCo", side: SELL, quantity: 1) { number } }', {}, admin);
  assert.notEqual(String(trade.number), before);
  await page.waitForFunction((number) => Number(document.querySelector("tbody td:last-child").textContent) >= number, trade.number);
  assert.ok(await page.evaluate(() => globalThis.isSamePage), "the page was not loaded again");
  assertNoTrouble(page);
  await page.context().close();
});

/** The most bytes that a first visit may transfer, with headers. GraphiQL may not become heavier than it was. */
const WEIGHTS = [
  { path: "/", ready: "h1", most: 30_000 },
  { path: "/orders", ready: "tbody tr", most: 30_000 },
  { path: "/console/", ready: ".trades tbody tr", most: 250_000 },
  { path: "/graphiql/", ready: ".graphiql-query-editor .view-line", most: 1_756_000 },
  { path: "/bazaar/docs", ready: ".opblock", most: 700_000 },
];
/** The console never stops its requests: a page that is still loading after this time has loaded what it needs. */
const QUIET_MS_MAX = 5_000;

for (const { path, ready, most } of WEIGHTS) {
  test(`a first visit of ${path} transfers at most ${most} bytes`, async () => {
    const page = await browser.newPage();
    const finished = [];
    page.on("requestfinished", (request) => finished.push(request.sizes()));
    await page.goto(origin + path);
    await page.locator(ready).first().waitFor();
    await page.waitForLoadState("networkidle", { timeout: QUIET_MS_MAX }).catch(() => {});
    const sizes = await Promise.all(finished.slice());
    const bytes = sizes.reduce((sum, { responseBodySize, responseHeadersSize }) => sum + responseBodySize + responseHeadersSize, 0);
    const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
    console.log(`${path}: ${bytes} bytes, first contentful paint after ${Math.round(paint)} ms`);
    assert.ok(bytes <= most, `${bytes} bytes`);
    await page.close();
  });
}
