// Tells that something changed, and counts time down. It never writes markup, and never moves the list.

const live = document.getElementById("live");
const changed = document.getElementById("changed");
const news = document.getElementById("news");
const shown = document.querySelector("[data-shown]")?.dataset.shown;
const known = new Set([...document.querySelectorAll("[data-request]")].map((row) => row.dataset.request));
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

function follow() {
  const feed = new EventSource(`/feed?since=${encodeURIComponent(live.dataset.since)}`);
  let since = performance.now();
  feed.addEventListener("open", () => {
    since = undefined;
    live.textContent = "● live";
  });
  feed.addEventListener("error", () => {
    since ??= performance.now();
    if (feed.readyState === EventSource.CLOSED) live.textContent = "signed out or stopped: open the page again";
  });
  feed.addEventListener("request", (event) => request(event.data));
  feed.addEventListener("behind", behind);
  setInterval(() => {
    if (since === undefined || feed.readyState === EventSource.CLOSED) return;
    live.textContent = `stale ${Math.round((performance.now() - since) / 1000)} s`;
  }, 1000);
}

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
