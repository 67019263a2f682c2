// Walks through the console in a real browser, and prints one line of JSON for each step.
//
//   node walk.mjs KIT ADDRESS TOKEN DECIDED [FOLDER]
//
// DECIDED is the path of a request that was decided.
// KIT is the folder that tests/browser/install filled; pictures of every page go to FOLDER, where one is named.

import { join } from "node:path";
import { SETTLED, SIZES, enter, open, tell } from "./browser.mjs";

const [kit, address, token, decided, folder] = process.argv.slice(2);
const { browser, visitor, barriers } = await open(kit);

const ROOMS = ["/", "/agents", "/grants", "/decisions", "/reviews", "/scopes", "/tools", "/channels", "/people", "/me", "/confirm"];
/** What is seen before somebody signs in. */
const OUTSIDE = ["/sign-in", "/enrol"];
/** A request that there is not. */
const NOTHING = "/requests/ap_aaaaaaaaaaaaaaaaaaaaaaaaaa";

async function visit(options, expected) {
  const page = await visitor({ baseURL: address, ...options }, expected);
  await enter(page, token);
  return page;
}

// Every page, light and dark, wide and narrow.
for (const colorScheme of ["light", "dark"]) {
  for (const [size, viewport] of Object.entries(SIZES)) {
    const outside = await visitor({ baseURL: address, colorScheme, viewport });
    const page = await visit({ colorScheme, viewport }, [404]);
    const request = await page.locator("[data-request] a").first().getAttribute("href");
    await page.goto("/agents");
    const session = await page.locator('a[href^="/sessions/"]').first().getAttribute("href");
    await page.goto("/tools");
    const definition = await page.locator('a[href^="/tools/diff"]').first().getAttribute("href");
    const [amendment, pattern] = [`${request}/amendment`, `${request}/pattern`];
    const names = {
      [request]: "request",
      [amendment]: "amendment",
      [pattern]: "pattern",
      [decided]: "decided",
      [session]: "session",
      [definition]: "definition",
      [NOTHING]: "refused",
    };
    const inside = [...ROOMS, request, amendment, pattern, decided, session, definition, NOTHING];
    for (const [room, looks] of [...inside.map((room) => [room, page]), ...OUTSIDE.map((room) => [room, outside])]) {
      await looks.goto(room);
      const name = names[room] ?? (room.slice(1) || "inbox");
      if (room === request) await looks.locator("#approve summary").click();
      if (folder) await looks.screenshot({ path: join(folder, `${name}-${size}-${colorScheme}.png`), fullPage: true });
      await barriers(looks, `${name} ${size} ${colorScheme}`);
    }
    await page.context().close();
    await outside.context().close();
  }
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
