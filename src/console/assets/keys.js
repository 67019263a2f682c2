// Single keys for those who decide all day. They can be switched off, and never decide by themselves.

import { changedAt } from "./live.js";

const SETTLE = 700;
const OFF = "keys-off";
const rows = [...document.querySelectorAll("[data-request]")];
const search = document.getElementById("search");
const help = document.getElementById("help");
const off = document.getElementById(OFF);

function move(step) {
  const links = rows.filter((row) => !row.hidden).map((row) => row.querySelector("a"));
  if (links.length === 0) return;
  let at = links.indexOf(document.activeElement);
  if (at < 0) at = links.findIndex((link) => link.hasAttribute("aria-current"));
  links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
}

function open(id) {
  const panel = document.getElementById(id);
  if (!panel || performance.now() - changedAt < SETTLE) return;
  panel.open = true;
  panel.querySelector("input:not([type=hidden])")?.focus();
}

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  a: () => open("approve"),
  d: () => open("deny"),
  "/": () => search?.focus(),
  "?": () => help?.showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.ctrlKey) {
    const form = document.activeElement?.closest(".verdict details[open] form");
    if (form && performance.now() - changedAt >= SETTLE) form.requestSubmit();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || localStorage.getItem(OFF)) return;
  if (event.target.closest("input, textarea, select, dialog")) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

search?.addEventListener("input", () => {
  const words = search.value.toLowerCase().split(/\s+/);
  for (const row of rows) row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
});

if (off) {
  off.checked = Boolean(localStorage.getItem(OFF));
  off.addEventListener("change", () => {
    if (off.checked) localStorage.setItem(OFF, "yes");
    else localStorage.removeItem(OFF);
  });
}
