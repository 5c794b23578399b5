/* What the desk gains with JavaScript; without it every scan is an ordinary form.

   form[data-scan="#target"]  what is scanned goes into its field, wherever the focus is; scans are sent in the background,
                              and the field is free at once, so that a scanner may run ahead of the network
   [data-in-turn]             a form or link inside the target, or a tab: it is sent in its turn too
   data-key="F8"              the key that presses, follows or focuses the first such element
   [data-sound]               the button that turns sounds on and off; remembered in this browser
   [data-tone]                how the latest scan went: the first one is heard

   One thing at a time, in the order in which it was asked for: each is sent when the answer to the one before stands on
   the page, so that a copy never goes to a reader who came later. A note that is being written holds the page still. */

const form = document.querySelector("form[data-scan]");
const field = form?.elements.code;
const work = form && document.querySelector(form.dataset.scan);
const trouble = document.getElementById("desk-trouble");
const PATIENCE = 30_000;
const MUTED = "desk-muted";
const TONES = { good: [[880, 0, 0.09]], info: [[660, 0, 0.09]], warn: [[660, 0, 0.1], [520, 0.14, 0.14]], bad: [[220, 0, 0.18], [180, 0.22, 0.26]] };
const WRITTEN_IN = "textarea, select, input:not([type=hidden], [type=checkbox], [type=radio], [type=submit], [type=button])";

let audio;
let turn = Promise.resolve();

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

async function ask(address, values) {
  const answer = await fetch(address, {
    method: values ? "POST" : "GET",
    body: values && new URLSearchParams(values),
    headers: { "HX-Request": "true" },
    signal: AbortSignal.timeout(PATIENCE),
  });
  const elsewhere = answer.headers.get("HX-Redirect") ?? (answer.redirected && answer.url);
  if (elsewhere) return location.assign(elsewhere);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  const page = await answer.text();
  await noteIsWritten();
  show(page, answer.headers.get("HX-Replace-Url"));
}

function show(page, address) {
  htmx.swap(work, page, { swapStyle: "innerHTML", swapDelay: 0, settleDelay: 0 });
  if (address) history.replaceState(history.state, "", address);
  const sender = work.querySelector("[data-sends-to]");
  if (sender) form.action = sender.dataset.sendsTo;
  trouble.hidden = true;
  field.focus();
  sound(work.querySelector("[data-tone]")?.dataset.tone);
}

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  const code = field.value.trim();
  field.value = "";
  field.focus();
  if (code) inTurn(() => ask(form.action, [...new FormData(form)].map(([name, value]) => (name === "code" ? [name, code] : [name, value]))));
});

if (form) {
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-in-turn]")) return;
    event.preventDefault();
    const { action } = event.target;
    const values = [...new FormData(event.target, event.submitter)];
    field.focus();
    inTurn(() => ask(action, values));
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-in-turn]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    field.focus();
    inTurn(() => ask(link.href));
  });
}

/* --- Keys --- */

function isBusyElsewhere() {
  return document.querySelector("details.menu[open], dialog[open]");
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || isBusyElsewhere()) return;
  const pressed = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
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
