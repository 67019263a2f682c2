// A person narrows a held call to a pattern, sees what that would have covered, and signs it, in a real browser.
//
//   node pattern.mjs KIT ADDRESS LINK [FOLDER]

import { join } from "node:path";
import { SIZES, open, tell } from "./browser.mjs";

const [kit, address, link, folder] = process.argv.slice(2);
const { browser, barriers } = await open(kit);

const context = await browser.newContext({ baseURL: address, viewport: SIZES.wide });
const page = await context.newPage();
page.on("pageerror", (error) => tell({ fault: error.message }));
page.on("response", (answer) => {
  // What is asked to be signed comes with 401.
  if (answer.status() >= 400 && answer.status() !== 401) tell({ fault: `${answer.status()} at ${answer.url()}` });
});
const devtools = await context.newCDPSession(page);
await devtools.send("WebAuthn.enable");
const options = {
  protocol: "ctap2",
  transport: "internal",
  hasResidentKey: true,
  hasUserVerification: true,
  isUserVerified: true,
  automaticPresenceSimulation: true,
};
await devtools.send("WebAuthn.addVirtualAuthenticator", { options });
await page.goto(link);
await page.fill("#label", "test key");
await page.getByRole("button", { name: "Add a passkey" }).click();
await page.waitForURL("**/sign-in");
await page.getByRole("button", { name: "Sign in with a passkey" }).click();
await page.waitForSelector(".list");

// From the request to the page of the pattern; what may change is let go.
await page.locator("[data-request]", { hasText: "shop/order" }).first().locator("a").click();
await page.waitForSelector(".facts");
const request = new URL(page.url()).pathname;
await page.locator("#approve summary").click();
await page.getByRole("link", { name: "Also let calls like it run" }).click();
await page.waitForSelector(".places");
tell({ offered: await page.locator(".places input:checked").count() });
await page.locator(".places li", { hasText: "/memo" }).locator("input").uncheck();
await page.fill("#uses", "3");
await page.getByRole("button", { name: "Preview" }).click();
await page.waitForSelector("#preview");
tell({ preview: await page.locator("#preview").innerText() });
const chosen = page.url();
for (const colorScheme of ["light", "dark"]) {
  for (const [size, viewport] of Object.entries(SIZES)) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(viewport);
    await page.goto(chosen);
    if (folder) await page.screenshot({ path: join(folder, `pattern-${size}-${colorScheme}.png`), fullPage: true });
    await barriers(page, `pattern ${size} ${colorScheme}`);
  }
}
await page.emulateMedia({ colorScheme: "light" });
await page.setViewportSize(SIZES.wide);
await page.getByRole("button", { name: "Approve this call and others like it" }).click();
await page.waitForSelector(".standing .permit");
tell({ granted: new URL(page.url()).pathname === request });

// Where it stands from then on.
await page.goto("/grants");
tell({ grants: await page.locator("tbody").innerText() });
await barriers(page, "grants wide light");
if (folder) await page.screenshot({ path: join(folder, "grants-of-a-pattern-wide-light.png"), fullPage: true });
await context.close();

await browser.close();
tell({ done: true });
