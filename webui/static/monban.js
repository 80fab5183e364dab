// Three comforts for a page that works without them: clocks that count down,
// parts of the page that stay fresh, and a print button. It builds no HTML from
// text, runs nothing it is sent, and talks to its own page only.
"use strict";

// words writes seconds the way the server does, from the words it sent along.
function words(seconds, w) {
  const h = Math.floor(seconds / 3600);
  const m = Math.floor((seconds % 3600) / 60);
  const s = seconds % 60;
  let out = "";
  if (h > 0) out += h + w.h;
  if (h > 0 || m > 0) out += m + w.m;
  return out + s + w.s;
}

// A clock holds the moment its window ends on the browser's monotonic clock:
// the wall clock of the PC may be wrong.
function startClocks(root) {
  for (const el of root.querySelectorAll("[data-left]")) {
    el.ends = performance.now() + Number(el.dataset.left) * 1000;
  }
  tick();
}

function tick() {
  for (const el of document.querySelectorAll("[data-left]")) {
    if (el.ends === undefined) continue;
    const left = Math.max(0, Math.ceil((el.ends - performance.now()) / 1000));
    const d = el.dataset;
    el.textContent = words(left, { h: d.h, m: d.m, s: d.s });
  }
}

// busy says that somebody is typing in the region or has opened a part of it.
function busy(region) {
  if (region.contains(document.activeElement) && document.activeElement.matches("input,textarea,select")) return true;
  if (region.querySelector("details[open]")) return true;
  for (const f of region.querySelectorAll("input,textarea,select")) {
    if (f.type === "checkbox" || f.type === "radio") {
      if (f.checked !== f.defaultChecked) return true;
    } else if (f.tagName === "SELECT") {
      for (const o of f.options) if (o.selected !== o.defaultSelected && f.querySelector("[selected]")) return true;
    } else if (f.value !== f.defaultValue) return true;
  }
  return false;
}

// bare is what a region says but for its clocks, which run by themselves.
function bare(region) {
  const copy = region.cloneNode(true);
  for (const el of copy.querySelectorAll("[data-left]")) {
    el.textContent = "";
    el.dataset.left = "";
  }
  return copy.outerHTML;
}

// setClocks gives a region the clocks of a fresh one that says the same.
function setClocks(old, now) {
  const fresh = now.querySelectorAll("[data-left]");
  old.querySelectorAll("[data-left]").forEach((el, i) => {
    el.dataset.left = fresh[i].dataset.left;
  });
  startClocks(old);
}

// renew puts a fresh region in place of an old one and returns what to say
// about it aloud. One that says the same stays: nobody reading it is disturbed.
function renew(old, now) {
  const sent = bare(now);
  if (old.sent === sent) {
    setClocks(old, now);
    return "";
  }
  const said = old.dataset.summary;
  const next = document.importNode(now, true);
  next.sent = sent;
  const focus = [...old.querySelectorAll("a,button,summary")].indexOf(document.activeElement);
  const label = focus < 0 ? "" : document.activeElement.textContent;
  old.replaceWith(next);
  startClocks(next);
  if (focus >= 0) {
    // Whoever stood on a button stays on it, unless it is gone.
    const same = next.querySelectorAll("a,button,summary")[focus];
    (same && same.textContent === label ? same : document.getElementById("main")).focus({ preventScroll: true });
  }
  return next.dataset.summary && next.dataset.summary !== said ? next.dataset.summary : "";
}

// retitle puts the lamp's words before the page's title, or takes them away.
function retitle(old, now) {
  let title = document.title;
  if (old && title.startsWith(old)) title = title.slice(old.length).trimStart();
  document.title = now ? now + title : title;
}

// typing says that somebody has typed since this page last asked.
let typing = false;
document.addEventListener("input", () => {
  typing = true;
});

// refresh asks for this very page again and puts its live regions in place of
// the old ones. The header tells the server whether anybody touched anything, so
// that an unattended page does not keep its session alive.
async function refresh() {
  if (document.visibilityState !== "visible") return;
  const here = document.getElementById("strip");
  let answer;
  try {
    answer = await fetch(here ? here.dataset.here : location.href, { headers: { "Monban-Live": typing ? "typing" : "1" }, redirect: "manual", cache: "no-store" });
  } catch {
    return; // the box restarts or the cable is out: the page says its own time
  }
  typing = false;
  const over = document.getElementById("over");
  if (answer.type === "opaqueredirect" || answer.status === 401) {
    // What somebody has typed is not thrown away with the session.
    if (!over || !(document.getElementById("errors") || busy(document.getElementById("main")))) return location.reload();
    over.hidden = false;
    return;
  }
  if (over) over.hidden = true;
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  // A form that came back holds what was typed and what is wrong with it: only
  // the frame around it is kept fresh.
  const form = document.getElementById("errors");
  const news = [];
  for (const old of document.querySelectorAll("[data-live]")) {
    const now = fresh.getElementById(old.id);
    if (!now || busy(old) || (form && old.closest("main"))) continue;
    if (old.id === "lamp") retitle(old.dataset.title, now.dataset.title);
    const said = renew(old, now);
    if (said) news.push(said);
  }
  const box = document.getElementById("news");
  if (box && news.length > 0) box.textContent = news.join(" ");
}

function loop(ms) {
  setTimeout(async () => {
    await refresh();
    loop(ms);
  }, ms);
}

for (const el of document.querySelectorAll("[data-live]")) el.sent = bare(el);
startClocks(document);
setInterval(tick, 250);

const paces = [...document.querySelectorAll("[data-live]")].map((el) => Number(el.dataset.live));
if (paces.length > 0) loop(Math.min(...paces) * 1000);

const errors = document.getElementById("errors");
if (errors) errors.focus();

for (const b of document.querySelectorAll("[data-print]")) {
  b.hidden = false;
  b.addEventListener("click", () => window.print());
}
