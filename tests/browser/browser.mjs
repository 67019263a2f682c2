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

  /** A page for whoever comes anew; what goes wrong on it is told, but for answers of the statuses named. */
  async function visitor(options, expected = []) {
    const context = await browser.newContext({ viewport: SIZES.wide, ...options });
    const page = await context.newPage();
    page.on("pageerror", (error) => tell({ fault: error.message }));
    page.on("response", (answer) => {
      const status = answer.status();
      if (status >= 400 && !expected.includes(status)) tell({ fault: `${status} at ${answer.url()}` });
    });
    return page;
  }

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
    tell({ checked: name, at: new URL(page.url()).pathname, rules: found.passes.length });
  }

  return { browser, visitor, barriers };
}

/** Gives the page's browser an authenticator that needs no hand. */
export async function authenticator(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  const options = {
    protocol: "ctap2",
    transport: "internal",
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
    automaticPresenceSimulation: true,
  };
  const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", { options });
  return { devtools, authenticatorId };
}

/** Adds a passkey with a link, and leads to the sign-in. */
export async function enrol(page, link) {
  await page.goto(link);
  await page.fill("#label", "test key");
  await page.getByRole("button", { name: "Add a passkey" }).click();
  await page.waitForURL("**/sign-in");
}

/** Signs in with what the browser's authenticator knows. */
export async function signIn(page) {
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await page.waitForSelector(".list");
}

/** Signs in with a token, and stands in the inbox. */
export async function enter(page, token) {
  await page.goto("/");
  await page.fill("#token", token);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".list");
}

/** Approves the request that is shown, with keys, once the page has settled. */
export async function approve(page) {
  await page.waitForSelector(".verdict");
  await page.waitForTimeout(SETTLED);
  await page.keyboard.press("a");
  await page.keyboard.press("Control+Enter");
}
