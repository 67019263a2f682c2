// Runs passkeys: to sign in, to add one, to sign a decision. It never writes markup.

const encode = (buffer) => {
  const text = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
};

const decode = (text) => {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
};

const named = (list) => list.map((one) => ({ ...one, id: decode(one.id) }));

async function make(options) {
  const publicKey = {
    ...options,
    challenge: decode(options.challenge),
    user: { ...options.user, id: decode(options.user.id) },
    excludeCredentials: named(options.excludeCredentials),
  };
  const { rawId, type, response } = await navigator.credentials.create({ publicKey });
  return JSON.stringify({
    id: encode(rawId),
    rawId: encode(rawId),
    type,
    response: {
      clientDataJSON: encode(response.clientDataJSON),
      attestationObject: encode(response.attestationObject),
    },
  });
}

async function sign(options) {
  const publicKey = {
    ...options,
    challenge: decode(options.challenge),
    allowCredentials: named(options.allowCredentials),
  };
  const { rawId, type, response } = await navigator.credentials.get({ publicKey });
  return JSON.stringify({
    id: encode(rawId),
    rawId: encode(rawId),
    type,
    response: {
      clientDataJSON: encode(response.clientDataJSON),
      authenticatorData: encode(response.authenticatorData),
      signature: encode(response.signature),
      userHandle: response.userHandle && encode(response.userHandle),
    },
  });
}

function post(path, form) {
  const body = new URLSearchParams(new FormData(form)).toString();
  const headers = { accept: "application/json", "content-type": "application/x-www-form-urlencoded" };
  return fetch(path, { method: "POST", body, headers });
}

async function asked(path, form) {
  const answer = await post(path, form);
  const said = await answer.json();
  if (!answer.ok) throw new Error(`${said.title} ${said.what} ${said.remedy}`);
  return said;
}

/** Has a form of ours answered by a passkey, in two steps: what is asked, and the answer. */
function ceremony(form, run) {
  if (!form) return;
  const said = form.querySelector("[data-said]");
  const button = form.querySelector("button");
  if (form.dataset.origin !== location.origin) {
    const link = document.createElement("a");
    link.href = form.dataset.origin + location.pathname + location.search + location.hash;
    link.textContent = form.dataset.origin;
    said.replaceChildren("Passkeys work at ", link, ".");
    return;
  }
  if (!window.PublicKeyCredential) {
    said.textContent = "This browser has no passkeys.";
    return;
  }
  said.textContent = "";
  button.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    said.textContent = "Waiting for your passkey.";
    try {
      const { publicKey } = await asked(`${form.getAttribute("action")}/begin`, form);
      const credential = document.createElement("input");
      credential.type = "hidden";
      credential.name = "credential";
      credential.value = await run(publicKey);
      form.append(credential);
      const { to } = await asked(`${form.getAttribute("action")}/finish`, form).finally(() => credential.remove());
      location.assign(to);
    } catch (error) {
      said.textContent = error.name === "NotAllowedError" ? "The passkey was not used." : error.message;
      button.disabled = false;
    }
  });
}

/** Signs a decision: the form is sent, told what to sign, and sent again with it. */
function decision(form) {
  const said = form.querySelector("[role=status]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const answer = await post(form.getAttribute("action"), form);
      if (answer.ok) return location.reload();
      // What was refused is refused again, on a page that says why.
      if (answer.status !== 401) return form.submit();
      const { publicKey } = await answer.json();
      form.elements.assertion.value = await sign(publicKey);
      form.submit();
    } catch (error) {
      said.textContent = error.name === "NotAllowedError" ? "Nothing was decided: the passkey was not used." : error.message;
      button.disabled = false;
    }
  });
}

const enrol = document.getElementById("enrol");
for (const form of document.querySelectorAll("form[id^=enrol]")) form.elements.secret.value = location.hash.slice(1);

ceremony(document.getElementById("sign-in"), sign);
ceremony(enrol, make);
ceremony(document.getElementById("add-passkey"), make);
document.querySelectorAll("form[data-passkey]").forEach(decision);
