// Walks through the console in a real browser, and prints one line of JSON for each step.
//
//   node walk.mjs KIT ADDRESS TOKEN [FOLDER]
//
// KIT is the folder that tests/browser/install filled; pictures of every page go to FOLDER, where one is named.

import { join } from "node:path";
import { SETTLED, SIZES, open, tell } from "./browser.mjs";

const [kit, address, token, folder] = process.argv.slice(2);
const { browser, barriers } = await open(kit);

const ROOMS = ["/", "/agents", "/grants", "/decisions", "/scopes", "/tools", "/channels", "/people", "/me", "/confirm"];

async function visit(options) {
  const context = await browser.newContext({ baseURL: address, ...options });
  const page = await context.newPage();
  page.on("pageerror", (error) => tell({ fault: error.message }));
  page.on("console", (line) => line.type() === "error" && tell({ fault: line.text() }));
  await page.goto("/");
  await page.fill("#token", token);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".list");
  return page;
}

// Every page, light and dark, wide and narrow.
for (const colorScheme of ["light", "dark"]) {
  for (const [size, viewport] of Object.entries(SIZES)) {
    const page = await visit({ colorScheme, viewport });
    const request = await page.locator("[data-request] a").first().getAttribute("href");
    await page.goto("/agents");
    const session = await page.locator('a[href^="/sessions/"]').first().getAttribute("href");
    for (const room of [...ROOMS, request, session]) {
      await page.goto(room);
      const name = { [request]: "request", [session]: "session" }[room] ?? (room.slice(1) || "inbox");
      if (room === request) await page.locator("#approve summary").click();
      if (folder) await page.screenshot({ path: join(folder, `${name}-${size}-${colorScheme}.png`), fullPage: true });
      await barriers(page, `${name} ${size} ${colorScheme}`);
    }
    await page.context().close();
  }
}

// The main flow with the keyboard alone: the first request is approved.
{
  const page = await visit({ viewport: SIZES.wide });
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".facts");
  await page.keyboard.press("a");
  const early = await page.locator("#approve").getAttribute("open");
  await page.waitForTimeout(SETTLED);
  await page.keyboard.press("a");
  await page.keyboard.press("Control+Enter");
  await page.waitForSelector(".standing .permit");
  tell({ approved: new URL(page.url()).pathname, early: early !== null });
  await page.context().close();
}

// A page that stands open hears of what others decide; then the agent is told no in so many words.
{
  const page = await visit({ viewport: SIZES.wide });
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
