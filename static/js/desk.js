/* What the desk gains with JavaScript; without it every scan is an ordinary form.

   form[data-scan="#target"]  what is scanned goes into its field, wherever the focus is; scans are sent in the background,
                              and the field is free at once, so that a scanner may run ahead of the network
   data-keeps                 on that form: its scans are kept in this browser until the library has answered
   [data-in-turn]             a form or link inside the target, or a tab: it is sent in its turn too
   data-mode="lend|return"    on such a link: what the scans after it are for, also while the library is out of reach
   data-key="F8"              the key that presses, follows or focuses the first such element
   [data-sound]               the button that turns sounds on and off; remembered in this browser
   [data-tone]                how the latest scan went: the first one is heard

   One thing at a time, in the order in which it was asked for: each is sent when the answer to the one before stands on
   the page, so that a copy never goes to a reader who came later. A note that is being written holds the page still. */

import * as outbox from "desk/outbox";

const form = document.querySelector("form[data-scan]");
const field = form?.elements.code;
const work = form && document.querySelector(form.dataset.scan);
const trouble = document.getElementById("desk-trouble");
const kept = document.getElementById("desk-kept");
const keeps = Boolean(kept);
const PATIENCE = 30_000;
const TRY_AGAIN = 5_000;
const MUTED = "desk-muted";
const TONES = {
  good: [[880, 0, 0.09]],
  info: [[660, 0, 0.09]],
  warn: [[660, 0, 0.1], [520, 0.14, 0.14]],
  bad: [[220, 0, 0.18], [180, 0.22, 0.26]],
};
const WRITTEN_IN = "textarea, select, input:not([type=hidden], [type=checkbox], [type=radio], [type=submit], [type=button])";

/* Scans of this page that are not answered yet: the next one follows them. */
const ofThisPage = new Set();
let audio;
let turn = Promise.resolve();
let mode = form?.dataset.mode;
let beginsAnew = false;
let isCutOff = false;
let isShell = Boolean(form?.dataset.isShell);
let nextTry;

class OutOfReach extends Error {}

/* --- Sounds --- */

function isMuted() {
  return localStorage.getItem(MUTED) === "yes";
}

function sound(tone) {
  if (isMuted() || !TONES[tone]) return;
  audio ??= new AudioContext();
  for (const [pitch, start, length] of TONES[tone]) {
    const voice = audio.createOscillator();
    const volume = audio.createGain();
    voice.frequency.value = pitch;
    volume.gain.setValueAtTime(0.12, audio.currentTime + start);
    volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + start + length);
    voice.connect(volume).connect(audio.destination);
    voice.start(audio.currentTime + start);
    voice.stop(audio.currentTime + start + length);
  }
}

function showSound(button) {
  button.hidden = false;
  button.setAttribute("aria-pressed", String(!isMuted()));
  button.querySelector("[data-sound-on]").hidden = isMuted();
  button.querySelector("[data-sound-off]").hidden = !isMuted();
}

/* --- One thing at a time --- */

function tellTrouble() {
  trouble.hidden = false;
  sound("bad");
}

function inTurn(task) {
  turn = turn.then(noteIsWritten).then(task).catch(tellTrouble);
}

/** Resolves when nobody is in a form with a note, inside the part of the page that answers replace. */
function noteIsWritten() {
  const note = document.activeElement.closest("form");
  if (!note || !work.contains(note) || !note.querySelector(WRITTEN_IN)) return null;
  return new Promise((resolve) => {
    note.addEventListener("focusout", (event) => note.contains(event.relatedTarget) || resolve());
  });
}

function csrfToken() {
  return document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? form.elements.csrfmiddlewaretoken.value;
}

/** The answer to a request, the page it brings shown; throws OutOfReach where there was none. */
async function ask(address, values) {
  let answer;
  try {
    answer = await fetch(address, {
      method: values ? "POST" : "GET",
      body: values && new URLSearchParams(values),
      headers: { "HX-Request": "true", "X-CSRFToken": csrfToken() },
      signal: AbortSignal.timeout(PATIENCE),
    });
  } catch (error) {
    throw new OutOfReach(address, { cause: error });
  }
  if ([502, 503, 504].includes(answer.status)) throw new OutOfReach(address);
  const elsewhere = answer.headers.get("HX-Redirect") ?? (answer.redirected && answer.url);
  if (elsewhere) {
    location.assign(elsewhere);
    throw new OutOfReach(elsewhere);
  }
  if (answer.ok) {
    const page = await answer.text();
    await noteIsWritten();
    show(page, answer.headers.get("HX-Replace-Url"));
  }
  return answer;
}

function show(page, address) {
  htmx.swap(work, page, { swapStyle: "innerHTML", swapDelay: 0, settleDelay: 0 });
  if (address) history.replaceState(history.state, "", address);
  trouble.hidden = true;
  field.focus();
  sound(work.querySelector("[data-tone]")?.dataset.tone);
}

async function askOrThrow(address, values) {
  const answer = await ask(address, values);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
}

/** Another desk or reader, also while the library is out of reach. */
async function goTo(link) {
  try {
    await askOrThrow(link.href);
  } catch (error) {
    if (!(error instanceof OutOfReach) || !keeps || !link.dataset.mode) throw error;
    cutOff();
    work.replaceChildren(document.getElementById(`desk-cut-off-${link.dataset.mode}`).content.cloneNode(true));
    for (const tab of document.querySelectorAll("#desk-tabs [data-mode]")) {
      if (tab.dataset.mode === link.dataset.mode) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
    field.focus();
  }
}

/* --- Scans, kept until they are answered --- */

/** A random UUID, also where the library is reached without https. */
function newKey() {
  const [...bytes] = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function scanned(code) {
  const values = Object.fromEntries(new FormData(form));
  const scan = {
    key: newKey(),
    code,
    mode,
    at: Date.now(),
    day: values.returned_on ?? "",
    reader: beginsAnew ? "" : ofThisPage.size ? null : values.reader ?? "",
    by: form.dataset.me,
    byName: form.dataset.myName,
    branch: form.dataset.branch,
  };
  beginsAnew = false;
  ofThisPage.add(scan.key);
  return scan;
}

/** Sends what waits and is ours to send, the oldest first, up to one; stops where the library is out of reach. */
async function sendAll(upTo = Infinity) {
  clearTimeout(nextTry);
  let wasLate = false;
  try {
    for (;;) {
      const { waiting } = await outbox.look();
      const scan = waiting.find((one) => (one.sender ?? one.by) === form.dataset.me && one.order <= upTo);
      if (!scan) break;
      wasLate = (await send(scan)) || wasLate;
    }
    if (wasLate || isCutOff || isShell) await askOrThrow(await placeToBe());
    isCutOff = isShell = false;
  } catch (error) {
    if (!(error instanceof OutOfReach)) throw error;
    cutOff();
  } finally {
    await showKept();
  }
}

/** Sends one scan; whether nobody had been waiting for its answer. */
async function send(scan) {
  const isLate = isCutOff || isShell || !ofThisPage.has(scan.key);
  const values = {
    code: scan.code,
    key: scan.key,
    age: Math.max(0, Math.round((Date.now() - scan.at) / 1000)),
    made_by: scan.by,
    made_at_branch: scan.branch,
    reader: scan.reader ?? (await outbox.served()),
    returned_on: scan.day,
  };
  let answer;
  let outcome;
  for (let tries = 0; tries < 4; tries += 1) {
    answer = await ask(form.dataset[scan.mode], values);
    outcome = JSON.parse(answer.headers.get("Desk-Outcome"));
    if (!outcome?.busy) break;
    await new Promise((resolve) => setTimeout(resolve, 700));
  }
  const conflict = !outcome || (isLate && !outcome.settled) ? { title: outcome?.title ?? scan.code, said: outcome?.said ?? "", of: outcome?.reader ?? "" } : null;
  ofThisPage.delete(scan.key);
  await outbox.settle(scan, { conflict, reader: scan.mode === "lend" ? outcome?.reader ?? "" : undefined });
  if (conflict) sound("bad");
  return isLate;
}

async function placeToBe() {
  if (mode === "return") return form.dataset.returnPage;
  const reader = beginsAnew ? "" : await outbox.served();
  return reader ? readerPage(reader) : form.dataset.lendPage;
}

function readerPage(uid) {
  return form.dataset.readerPage.replace(form.dataset.me, uid);
}

function cutOff() {
  isCutOff = true;
  nextTry = setTimeout(() => inTurn(() => sendAll()), TRY_AGAIN);
}

function line(template, scan) {
  const item = document.getElementById(template).content.firstElementChild.cloneNode(true);
  const words = { code: scan.code, title: scan.title === scan.code ? "" : scan.title, said: scan.said, by: scan.byName };
  for (const slot of item.querySelectorAll("[data-slot]")) slot.textContent = words[slot.dataset.slot] ?? "";
  const time = item.querySelector("time");
  time.dateTime = new Date(scan.at).toISOString();
  time.textContent = new Date(scan.at).toLocaleString(document.documentElement.lang, { dateStyle: "short", timeStyle: "short" });
  for (const word of item.querySelectorAll("[data-for-mode]")) word.hidden = word.dataset.forMode !== scan.mode;
  const link = item.querySelector("a[data-of-reader]");
  if (link) {
    link.hidden = !scan.of;
    link.href = readerPage(scan.of);
  }
  item.dataset.scanKey = scan.key;
  return item;
}

async function showKept() {
  const { waiting, conflicts } = await outbox.look();
  const others = waiting.filter((scan) => (scan.sender ?? scan.by) !== form.dataset.me);
  kept.hidden = !(isCutOff || others.length || conflicts.length);
  kept.querySelector("[data-cut-off]").hidden = !isCutOff;
  kept.querySelector("[data-of-others]").hidden = !others.length;
  kept.querySelector("[data-names]").textContent = [...new Set(others.map((scan) => scan.byName))].join(", ");
  const shown = isCutOff ? waiting : others;
  kept.querySelector("[data-waiting]").replaceChildren(...shown.map((scan) => line("desk-waiting-scan", scan)).reverse());
  kept.querySelector("[data-conflicts-head]").hidden = !conflicts.length;
  kept.querySelector("[data-conflicts]").replaceChildren(...conflicts.map((scan) => line("desk-conflict", scan)));
}

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  const code = field.value.trim();
  field.value = "";
  field.focus();
  if (!code) return;
  if (keeps) {
    const scan = scanned(code);
    const written = outbox.keep(scan);
    inTurn(() => written.then(sendAll)); // what follows, as the next reader, has its turn after it
    if (isCutOff) written.then(showKept).then(() => sound("info"));
  } else {
    inTurn(() => askOrThrow(form.action, [...new FormData(form)].map(([name, value]) => (name === "code" ? [name, code] : [name, value]))));
  }
});

if (form) {
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-in-turn]")) return;
    event.preventDefault();
    const { action } = event.target;
    const values = [...new FormData(event.target, event.submitter)];
    field.focus();
    inTurn(() => askOrThrow(action, values));
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-in-turn]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    field.focus();
    if (link.dataset.mode) {
      mode = link.dataset.mode;
      beginsAnew = true;
    }
    inTurn(() => goTo(link));
  });
}

if (keeps) {
  kept.addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if ("takesOver" in button.dataset) inTurn(() => outbox.takeOver(form.dataset.me).then(() => sendAll()));
    if ("dealtWith" in button.dataset) await outbox.forget(button.closest("[data-scan-key]").dataset.scanKey).then(showKept);
    field.focus();
  });
  addEventListener("online", () => inTurn(() => sendAll()));
  inTurn(() => sendAll());
}

/* --- The desk opens without a connection too --- */

if (keeps && navigator.serviceWorker) {
  const { worker, shell } = form.dataset;
  navigator.serviceWorker.register(worker).then(() => navigator.serviceWorker.ready).then((registration) => {
    const parts = performance.getEntriesByType("resource").map((entry) => entry.name);
    registration.active.postMessage({ keep: [...parts.filter((address) => new URL(address).pathname.startsWith("/static/")), shell] });
  });
}

/* --- Keys --- */

function isBusyElsewhere() {
  return document.querySelector("details.menu[open], dialog[open]");
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || isBusyElsewhere()) return;
  const isWriting = document.activeElement.matches(WRITTEN_IN) && document.activeElement !== field;
  const isQuestion = event.key === "?" && (isWriting || field?.value);
  const pressed = !isQuestion && document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (pressed) {
    event.preventDefault();
    if (pressed.matches("input")) pressed.focus();
    else pressed.click();
  } else if (field && event.key.length === 1 && event.key !== " " && !document.activeElement.matches(WRITTEN_IN)) {
    field.focus();
  }
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-sound]");
  if (!button) return;
  localStorage.setItem(MUTED, isMuted() ? "no" : "yes");
  showSound(button);
  sound("good");
  field?.focus();
});

const button = document.querySelector("[data-sound]");
if (button) showSound(button);
if (field && !document.activeElement.matches(WRITTEN_IN)) field.focus();
