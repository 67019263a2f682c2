// A real browser, what it looks for on a page, and how steps are told: one line of JSON each.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const SIZES = { wide: { width: 1280, height: 800 }, narrow: { width: 320, height: 640 } };
/** Longer than keys wait after something on a page changed. */
export const SETTLED = 900;

export const tell = (step) => console.log(JSON.stringify(step));

/** Opens the browser with what is in the folder that tests/browser/install filled. */
export async function open(kit) {
  const require = createRequire(join(kit, "package.json"));
  const { chromium } = require("playwright-core");
  const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });

  /** Tells what keeps somebody from using the page. */
  async function barriers(page, name) {
    await page.evaluate(axe);
    const found = await page.evaluate(() =>
      axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }),
    );
    for (const { id, nodes } of found.violations) {
      tell({ barrier: id, page: name, at: nodes.map((node) => node.html).slice(0, 3) });
    }
    const overflows = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    if (overflows) tell({ barrier: "scrolls sideways", page: name });
    tell({ checked: name, rules: found.passes.length });
  }

  return { browser, barriers };
}
