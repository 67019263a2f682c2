// Plays one scene in the console in a real browser, in step with a test that plays everybody else.
//
//   node scenes.mjs KIT SCENE ADDRESS WORD…
//
// Each step is told as a line of JSON. Where a scene waits for the others, it goes on with the next line of
// its input.

import { createInterface } from "node:readline";
import { SETTLED, approve, authenticator, enrol, enter, open, signIn, tell } from "./browser.mjs";

const [kit, scene, address, ...words] = process.argv.slice(2);
const { browser, visitor } = await open(kit);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function others(step) {
  tell(step);
  await lines.next();
}

const standing = (page) => page.locator(".standing").innerText();
/** Whether the page is at one with the guard. */
const lives = (page, state) => page.locator("#live", { hasText: state }).waitFor();

async function show(page, tool) {
  await page.goto("/");
  await page.locator("[data-request]", { hasText: tool }).first().locator("a").click();
  await page.waitForSelector(".facts");
}

const SCENES = {
  /** Two people with a passkey each: one approval is not enough, and the other page hears of it. */
  async quorum(...links) {
    const pages = [];
    for (const link of links) {
      // What is asked to be signed comes with 401.
      const page = await visitor({ baseURL: address }, [401]);
      await authenticator(page);
      await enrol(page, link);
      await signIn(page);
      pages.push(page);
    }
    await others({ enrolled: pages.length });
    for (const page of pages) {
      await show(page, "shop/order");
      await lives(page, "live");
    }
    const [one, other] = pages;
    await approve(one);
    await one.locator(".standing", { hasText: "1 of 2" }).waitFor();
    await other.locator("#changed").waitFor({ state: "visible" });
    const disabled = await other.locator("#approve button").isDisabled();
    await others({ first: await standing(one), disabled });
    await other.getByRole("link", { name: "Show it as it is now" }).click();
    await other.locator(".votes").waitFor();
    await approve(other);
    await other.locator(".standing .permit").waitFor();
    tell({ second: await standing(other) });
  },

  /** A page that heard nothing of a vote decides nothing, and says what happened meanwhile. */
  async stale(token) {
    const page = await visitor({ baseURL: address }, [412]);
    await page.route("**/feed*", (route) => route.abort());
    await enter(page, token);
    await show(page, "shop/order");
    await page.locator(".live", { hasText: /stale \d+ s/ }).waitFor();
    await others({ looking: await standing(page) });
    const answer = page.waitForResponse((answer) => answer.url().endsWith("/decision"));
    await approve(page);
    const status = (await answer).status();
    await page.waitForSelector("[role=alert]");
    await others({ refused: status, said: await page.locator("p[role=alert]").first().innerText() });
    await approve(page);
    await page.locator(".standing .permit").waitFor();
    tell({ approved: await standing(page) });
  },

  /** A session is revoked under its waiting call; then the person signs out everywhere. */
  async revoked(token) {
    const page = await visitor({ baseURL: address });
    await enter(page, token);
    await page.goto("/agents");
    await page.locator('a[href^="/sessions/"]').first().click();
    await page.getByText("Revoke…").click();
    await page.getByRole("button", { name: "Revoke this session" }).click();
    await page.waitForLoadState();
    await others({ revoked: await page.locator("main").innerText() });
    const elsewhere = await visitor({ baseURL: address });
    await enter(elsewhere, token);
    await elsewhere.goto("/me");
    await elsewhere.getByRole("button", { name: "Sign out everywhere" }).click();
    await elsewhere.waitForURL("**/sign-in");
    await page.goto("/agents");
    tell({ out: new URL(page.url()).pathname });
  },

  /** A tool that changed is looked at, word by word, and accepted. */
  async changed(token) {
    const page = await visitor({ baseURL: address });
    await enter(page, token);
    await page.goto("/tools");
    const first = page.locator("tbody tr").first();
    const row = await first.innerText();
    await first.getByRole("link", { name: "look" }).click();
    await page.waitForSelector(".diff");
    const added = await page.locator(".diff ins").allInnerTexts();
    tell({ row, added: added.join("") });
    await page.getByRole("button", { name: "Accept this definition" }).click();
    await page.waitForURL("**/tools");
    tell({ accepted: await page.locator("tbody").innerText() });
  },

  /** The guard stops under two open pages, and starts again. */
  async restart(token) {
    const page = await visitor({ baseURL: address }, [401]);
    await enter(page, token);
    await show(page, "shop/order");
    await lives(page, "live");
    const list = await page.context().newPage();
    await list.goto("/");
    await lives(list, "live");
    await others({ looking: await standing(page) });
    await page.locator(".live", { hasText: /stale \d+ s/ }).waitFor();
    await others({ stale: await page.locator(".live").innerText() });
    // The guard is back and knows nobody who had signed in.
    await lives(list, "signed out");
    await page.locator("#since a").click();
    await page.fill("#token", token);
    await page.keyboard.press("Enter");
    await page.waitForSelector(".facts");
    await lives(page, "live");
    tell({ back: new URL(page.url()).pathname });
    // The other page was never left: it comes back by itself, and knows that it missed something.
    await lives(list, "live");
    await list.locator("#news a").click();
    await list.waitForSelector("[data-request]");
    tell({ waits: await list.locator("[data-request]").count() });
    await approve(page);
    await page.locator(".standing .permit").waitFor();
    tell({ approved: await standing(page) });
  },

  /** From the sign-in to the approval without a mouse. */
  async keyboard(token) {
    const page = await visitor({ baseURL: address });
    const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.href);
    const decisions = [];
    page.on("request", (request) => {
      if (request.method() === "POST" && request.url().endsWith("/decision")) decisions.push(request.url());
    });
    await page.goto("/");
    for (let at = 0; at < 20 && (await focused()) !== "token"; at++) await page.keyboard.press("Tab");
    await page.keyboard.type(token);
    await page.keyboard.press("Enter");
    await page.waitForSelector(".list");
    await lives(page, "live");
    await page.keyboard.press("?");
    await page.locator("#help").waitFor({ state: "visible" });
    await page.keyboard.press("Escape");
    await page.locator("#help").waitFor({ state: "hidden" });
    await page.keyboard.press("/");
    await page.locator("#search:focus").waitFor();
    await page.keyboard.type("nothing like it");
    const found = await page.locator("[data-request]:visible").count();
    await page.keyboard.press("Control+a");
    await page.keyboard.press("Delete");
    await page.keyboard.press("Tab");
    const first = await focused();
    await page.keyboard.press("j");
    const second = await focused();
    await page.keyboard.press("k");
    tell({ found, moved: first !== second, back: (await focused()) === first });
    await page.keyboard.press("Enter");
    await page.waitForSelector(".facts");
    await page.keyboard.press("a");
    const early = await page.locator("#approve").getAttribute("open");
    await lives(page, "live");
    await page.waitForTimeout(SETTLED);
    await page.keyboard.press("a");
    const panel = await page.locator("#approve .panel").innerText();
    await others({ early: early !== null, panel, title: await page.locator("h1").innerText(), code: await page.locator(".standing .code").innerText() });
    // Something on the page has just changed: what the hand was about to do is not done.
    await page.locator("#news", { hasText: "new" }).waitFor();
    await page.keyboard.press("Control+Enter");
    await page.waitForTimeout(SETTLED);
    tell({ ignored: decisions.length === 0, shown: await standing(page) });
    await page.keyboard.press("Control+Enter");
    await page.locator(".standing .permit").waitFor();
    tell({ approved: new URL(page.url()).pathname, decisions: decisions.length });
  },
};

await SCENES[scene](...words);
await browser.close();
tell({ done: true });
process.exit();
