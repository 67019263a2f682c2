// An identity provider on this machine: `node provider.mjs KIT`. It prints its port, and serves one program
// once it was told where that program's people come back to.
//   POST /control/redirect   the address to come back to
//   POST /control/groups     {"account": ["group", …]}: who there is, and what they belong to
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

// The library says more there than the port, which nobody reads.
console.info = console.error;

const [kit] = process.argv.slice(2);
const library = join(kit, "node_modules/oidc-provider/lib/index.js");
const { Provider } = await import(pathToFileURL(library));

const accounts = new Map();
let provider;
let answer;

function jwk() {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { ...privateKey.export({ format: "jwk" }), kid: "one", use: "sig", alg: "ES256" };
}

function open(issuer, redirect) {
  provider = new Provider(issuer, {
    clients: [
      {
        client_id: "guard",
        client_secret: "a secret: with + and %",
        redirect_uris: [redirect],
        response_types: ["code"],
        grant_types: ["authorization_code"],
        id_token_signed_response_alg: "ES256",
      },
    ],
    jwks: { keys: [jwk()] },
    cookies: { keys: ["only for tests"] },
    claims: { openid: ["sub"], groups: ["groups"] },
    scopes: ["openid", "groups"],
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_, id) =>
      accounts.has(id) ? { accountId: id, claims: () => ({ sub: id, groups: accounts.get(id) }) } : undefined,
    // Nobody is asked what the program may see.
    async loadExistingGrant({ oidc }) {
      const grant = new provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
      grant.addOIDCScope("openid groups");
      await grant.save();
      return grant;
    },
  });
  provider.on("server_error", (_, error) => console.error(error));
  answer = provider.callback();
}

async function text(request) {
  let whole = "";
  for await (const piece of request) whole += piece;
  return whole;
}

const page = `<!doctype html><html lang="en"><title>Provider</title>
<form method="post"><label>Account <input name="account"></label><button>Sign in</button></form>`;

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  if (pathname === "/control/redirect") {
    open(`http://127.0.0.1:${server.address().port}`, await text(request));
    return response.end();
  }
  if (pathname === "/control/groups") {
    for (const [name, groups] of Object.entries(JSON.parse(await text(request)))) accounts.set(name, groups);
    return response.end();
  }
  if (pathname.startsWith("/interaction/")) {
    if (request.method === "GET") return response.setHeader("content-type", "text/html").end(page);
    const accountId = new URLSearchParams(await text(request)).get("account");
    return provider.interactionFinished(request, response, { login: { accountId } });
  }
  return answer(request, response);
});

server.listen(0, "127.0.0.1", () => console.log(server.address().port));
// Ends with whoever started it.
process.stdin.on("end", () => process.exit()).resume();
