// A person without a token adds a passkey with a link, signs in with it, and signs an approval, in a real browser.
//
//   node passkey.mjs KIT ADDRESS LINK [FOLDER]

import { join } from "node:path";
import { SETTLED, authenticator, enrol, open, signIn, tell } from "./browser.mjs";

const [kit, address, link, folder] = process.argv.slice(2);
const { browser, visitor, barriers } = await open(kit);

// What is asked to be signed comes with 401.
const page = await visitor({ baseURL: address }, [401]);
const { devtools, authenticatorId } = await authenticator(page);
await enrol(page, link);
const { credentials } = await devtools.send("WebAuthn.getCredentials", { authenticatorId });
tell({ enrolled: credentials.length, resident: credentials[0].isResidentCredential });
await barriers(page, "sign-in wide light");
await signIn(page);
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

await browser.close();
tell({ done: true });
