// Tells that something changed, and counts time down. It never writes markup, and never moves the list.

const live = document.getElementById("live");
const changed = document.getElementById("changed");
const news = document.getElementById("news");
const shown = document.querySelector("[data-shown]")?.dataset.shown;
const fresh = new Set();

/** When something on the page changed last: keys wait a little after it. */
export let changedAt = performance.now();

function touch() {
  changedAt = performance.now();
}

function behind() {
  if (!news) return;
  touch();
  const link = document.createElement("a");
  link.href = location.pathname;
  link.textContent = fresh.size > 0 ? `${fresh.size} new · show` : "changed · show";
  news.replaceChildren(link);
}

function request(id) {
  if (id === shown && changed) {
    touch();
    changed.hidden = false;
    for (const panel of document.querySelectorAll(".verdict details")) panel.open = false;
    for (const button of document.querySelectorAll(".verdict button, #grant button")) button.disabled = true;
  }
  const row = document.querySelector(`[data-request="${CSS.escape(id)}"]`);
  if (row) row.classList.add("moved");
  else fresh.add(id);
  behind();
}

/** What was missed is not known one by one, so what is shown may have changed too. */
function lost() {
  if (shown) request(shown);
  behind();
}

/** How long a browser that was refused waits before it asks again, in milliseconds. */
const AGAIN = 3000;
let place = live?.dataset.since;
let since = performance.now();

function say(state, more = "") {
  // The state alone is announced: seconds that count up are not.
  if (live.textContent !== state) live.textContent = state;
  document.getElementById("since").replaceChildren(more);
}

function signIn() {
  const link = document.createElement("a");
  link.href = `/sign-in?back=${encodeURIComponent(location.pathname)}`;
  link.textContent = "sign in";
  return link;
}

/** A browser gives up where it is refused: whether the visit is over is asked until it is answered. */
async function again(path) {
  const answer = await fetch(path, { method: "HEAD" }).catch(() => undefined);
  if (answer?.status === 401) say("signed out ·", signIn());
  if (answer?.ok) follow();
  else setTimeout(() => again(path), AGAIN);
}

function follow() {
  const path = `/feed?since=${encodeURIComponent(place)}`;
  const feed = new EventSource(path);
  const hear = (name, act) =>
    feed.addEventListener(name, (event) => {
      place = event.lastEventId || place;
      act(event.data);
    });
  feed.addEventListener("open", () => {
    since = undefined;
    say("● live");
  });
  feed.addEventListener("error", () => {
    since ??= performance.now();
    if (feed.readyState === EventSource.CLOSED) again(path);
  });
  hear("request", request);
  hear("behind", lost);
  for (const other of ["level", "session", "agent"]) hear(other, () => {});
}

setInterval(() => {
  if (!live || since === undefined || live.textContent.startsWith("signed out")) return;
  say("stale", `${Math.round((performance.now() - since) / 1000)} s`);
}, 1000);

function clock(milliseconds) {
  if (milliseconds <= 0) return "over";
  const seconds = Math.floor(milliseconds / 1000);
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest.replace(/^0/, "");
}

setInterval(() => {
  for (const left of document.querySelectorAll("time[data-until]")) {
    left.textContent = clock(Number(left.dataset.until) - Date.now());
  }
}, 1000);

if (live) follow();
