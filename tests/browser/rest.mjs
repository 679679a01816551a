// The interactive page of a REST mount in a real browser: it loads nothing from elsewhere, and "Execute" buys a book.

import assert from "node:assert/strict";

import { assertNoTrouble, launch, open, server } from "./browser.mjs";

const origin = server();
const browser = await launch();
try {
  const page = await open(browser, origin, "/bookstore/docs");
  const info = page.locator("#operations-front-front_info");
  await info.locator(".opblock-summary").click();
  await info.getByRole("button", { name: "Execute" }).click();
  const book = JSON.parse(await info.locator(".live-responses-table .highlight-code code").first().innerText());
  assert.equal(book.title, "RPCs for Noobs");

  const purchase = page.locator("#operations-front-front_purchase");
  await purchase.locator(".opblock-summary").click();
  await purchase.getByRole("button", { name: "Execute" }).click();
  const bought = JSON.parse(await purchase.locator(".live-responses-table .highlight-code code").first().innerText());
  assert.equal(bought.success, true);
  assert.equal(bought.book.quantity, book.quantity - 1);

  assertNoTrouble(page);
  console.log("the bookstore's page sells books");
} finally {
  await browser.close();
}
