// A person without a token adds a passkey with a link, signs in with it, and signs an approval, in a real browser.
//
//   node passkey.mjs KIT ADDRESS LINK [FOLDER]

import { join } from "node:path";
import { SETTLED, SIZES, open, tell } from "./browser.mjs";

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
const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", { options });
await page.goto(link);
await barriers(page, "enrol wide light");
await page.fill("#label", "test key");
await page.getByRole("button", { name: "Add a passkey" }).click();
await page.waitForURL("**/sign-in");
const { credentials } = await devtools.send("WebAuthn.getCredentials", { authenticatorId });
tell({ enrolled: credentials.length, resident: credentials[0].isResidentCredential });
await barriers(page, "sign-in wide light");
await page.getByRole("button", { name: "Sign in with a passkey" }).click();
await page.waitForSelector(".list");
await page.goto("/me");
tell({ me: await page.locator("main").innerText() });
await page.goto("/");
await page.locator("[data-request]", { hasText: "shop/sign" }).first().locator("a").click();
await page.waitForSelector(".facts");
await page.waitForTimeout(SETTLED);
await page.keyboard.press("a");
if (folder) await page.screenshot({ path: join(folder, "signing-wide-light.png"), fullPage: true });
await page.keyboard.press("Control+Enter");
await page.waitForSelector(".standing .permit");
tell({ signed: new URL(page.url()).pathname });

// Whoever refuses to touch it decides nothing.
await page.goto("/");
await page.locator("[data-request]", { hasText: "shop/sign" }).filter({ hasNotText: "✓" }).locator("a").click();
await page.waitForSelector(".facts");
await devtools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
await page.waitForTimeout(SETTLED);
await page.keyboard.press("a");
await page.keyboard.press("Control+Enter");
await page.locator("#approve", { hasText: "Nothing was decided" }).waitFor();
tell({ unverified: await page.locator(".standing").innerText() });
await context.close();

await browser.close();
tell({ done: true });
