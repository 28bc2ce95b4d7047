// What the desk gains where scripts run: keys, and pages that are swapped in rather than loaded.
// Everything here presses buttons and follows links that are on the page; without it they work by hand.

const STORED = "heedback-keys";
const root = document.documentElement;

// htmx puts fetched pages in as HTML. The policy lets our own pages through and makes no scripts: under Trusted Types
// a sink for scripts without a policy for it throws. This module runs before htmx does, as both are deferred.
window.trustedTypes?.createPolicy("default", { createHTML: (html) => html });

const on = () => root.dataset.keys === "on";
const find = (selector) => document.querySelector(selector);

function remember(keysOn) {
  try {
    localStorage.setItem(STORED, keysOn ? "on" : "off");
  } catch {
    // Storage is forbidden: it lasts as long as the page.
  }
  root.dataset.keys = keysOn ? "on" : "off";
}

function remembered() {
  try {
    return localStorage.getItem(STORED) !== "off";
  } catch {
    return true;
  }
}

function typing(target) {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
}

function step(by) {
  const items = [...document.querySelectorAll("a[data-item]")];
  const current = items.findIndex((item) => item.hasAttribute("aria-current"));
  const next = items[current + by];
  (next ?? find(by > 0 ? ".list a[rel=next]" : ".list a[rel=prev]"))?.click();
}

function press(key) {
  const control = find(`[data-key="${CSS.escape(key)}"]`);
  if (!control) return false;
  control.click();
  control.parentElement.querySelector(".panel :is(input, select)")?.focus();
  return true;
}

const KEYS = { j: () => step(1), k: () => step(-1), "?": () => find("#keys").showModal() };

function heard(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
  if (event.key === "Escape") return closePanels();
  if (busy || !on() || typing(event.target) || find("dialog[open]")) return;
  const known = KEYS[event.key];
  if (known) known();
  else if (!/^[a-z]$/.test(event.key) || event.repeat || !press(event.key)) return;
  event.preventDefault();
}

function closePanels() {
  for (const panel of document.querySelectorAll(".acts details[open]")) {
    panel.open = false;
    panel.querySelector("summary").focus();
  }
}

let scrolled = 0;
let busy = false; // while an answer is on its way, a key would press what is about to be replaced

/** Swap in what has a desk; anything else (a sign-in page, an error) is gone to as a page of its own. */
function beforeSwap({ detail }) {
  scrolled = find(".list")?.scrollTop ?? 0;
  if (detail.xhr.status < 500 && detail.serverResponse.includes('id="desk"')) return;
  detail.shouldSwap = false;
  location.assign(detail.xhr.status < 400 ? detail.xhr.responseURL : location.href);
}

function afterSwap() {
  dress();
  const list = find(".list");
  if (list) list.scrollTop = scrolled;
  find("a[data-item][aria-current]")?.scrollIntoView({ block: "nearest" });
  scrollTo(0, 0);
  find("#main").focus({ preventScroll: true });
  // A region that comes with its words is not read out; one that was there before is.
  find("#said").textContent = find("[data-said] [data-words]")?.textContent ?? "";
}

/** What the server cannot know: that there is a script. */
function dress() {
  const help = find("[data-help]");
  if (!help) return;
  help.hidden = false;
  help.addEventListener("click", () => find("#keys").showModal());
}

root.dataset.keys = remembered() ? "on" : "off";
const box = find("#keys-on");
if (box) {
  box.checked = on();
  box.addEventListener("change", () => remember(box.checked));
}
dress();
addEventListener("keydown", heard);
addEventListener("htmx:beforeRequest", () => (busy = true));
addEventListener("htmx:afterRequest", () => (busy = false));
addEventListener("htmx:beforeSwap", beforeSwap);
addEventListener("htmx:afterSettle", afterSwap);
