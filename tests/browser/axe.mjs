// Looks for barriers in a page, by the rules of axe.

import assert from "node:assert/strict";

import axe from "axe-core";

/** The rules: those of WCAG 2.2 AA, and axe's own best practices. */
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** Fails if the page has a barrier. The parts that are `excluded` belong to libraries. */
export async function assertNoBarrier(page, { excluded = [] } = {}) {
  await page.evaluate(axe.source);
  const violations = await page.evaluate(
    async ([tags, exclude]) => {
      const context = { include: [["html"]], exclude: exclude.map((selector) => [selector]) };
      const found = await globalThis.axe.run(context, { runOnly: { type: "tag", values: tags } });
      return found.violations.map(({ id, help, nodes }) => ({ id, help, places: nodes.map(({ target, failureSummary }) => `${target}: ${failureSummary}`) }));
    },
    [TAGS, excluded],
  );
  assert.deepEqual(violations, [], `barriers at ${page.url()}`);
}
