// Walks through the console in a real browser, and prints one line of JSON for each step.
//
//   node walk.mjs KIT ADDRESS TOKEN
//
// KIT is the folder that tests/browser/install filled.

import { SETTLED, SIZES, enter, open, tell } from "./browser.mjs";

const [kit, address, token] = process.argv.slice(2);
const { browser, visitor } = await open(kit);

// A page that stands open hears of what others decide; then the agent is told no in so many words.
{
  const page = await visitor({ baseURL: address, viewport: SIZES.wide });
  await enter(page, token);
  await page.locator("[data-request]:not(:has-text('✓')) a").first().click();
  await page.waitForSelector(".facts");
  await page.locator("#live", { hasText: "live" }).waitFor();
  tell({ looking: new URL(page.url()).pathname });
  const other = await page.context().newPage();
  await other.goto(page.url());
  await other.waitForTimeout(SETTLED);
  await other.keyboard.press("d");
  await other.fill("#message", "Not this month.");
  await other.keyboard.press("Control+Enter");
  await other.waitForSelector(".standing .deny");
  await page.locator("#changed").waitFor({ state: "visible" });
  tell({ denied: true, disabled: await page.locator("#approve button").isDisabled() });
  await page.context().close();
}

await browser.close();
tell({ done: true });
