// Looks at every page of the console in a real browser, wide and narrow, and prints one line of JSON for each.
//
//   node rooms.mjs KIT ADDRESS TOKEN DECIDED SCHEME [FOLDER]
//
// KIT is the folder that tests/browser/install filled, DECIDED the path of a request that was decided, SCHEME light or
// dark; pictures of every page go to FOLDER, where one is named.

import { join } from "node:path";
import { SIZES, enter, open, tell } from "./browser.mjs";

const [kit, address, token, decided, colorScheme, folder] = process.argv.slice(2);
const { browser, visitor, barriers } = await open(kit);

const ROOMS = ["/", "/agents", "/grants", "/decisions", "/reviews", "/scopes", "/tools", "/channels", "/people", "/me", "/confirm"];
/** What is seen before somebody signs in. */
const OUTSIDE = ["/sign-in", "/enrol"];
/** A request that there is not. */
const NOTHING = "/requests/ap_aaaaaaaaaaaaaaaaaaaaaaaaaa";

for (const [size, viewport] of Object.entries(SIZES)) {
  const outside = await visitor({ baseURL: address, colorScheme, viewport });
  const page = await visitor({ baseURL: address, colorScheme, viewport }, [404]);
  await enter(page, token);
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

await browser.close();
tell({ done: true });
