/* What the desk gains with JavaScript; without it every scan is an ordinary form.

   form[data-scan="#target"]  scans are sent one after another in the background; the field is cleared at once and keeps
                              the focus, so that a scanner may run ahead of the network
   data-key="F8"              the key that presses, follows or focuses the first such element
   [data-sound]               the button that turns sounds on and off; remembered in this browser
   [data-tone]                how the latest scan went: the first one is heard */

const form = document.querySelector("form[data-scan]");
const field = form?.elements.code;
const work = form && document.querySelector(form.dataset.scan);
const trouble = document.getElementById("desk-trouble");
const MUTED = "desk-muted";
const TONES = { good: [[880, 0, 0.09]], info: [[660, 0, 0.09]], warn: [[660, 0, 0.1], [520, 0.14, 0.14]], bad: [[220, 0, 0.18], [180, 0.22, 0.26]] };

let audio;
let scans = Promise.resolve();

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

function send(code) {
  const values = Object.fromEntries(new FormData(form));
  return htmx.ajax("POST", form.action, { target: work, values: { ...values, code } });
}

function tellTrouble() {
  trouble.hidden = false;
  sound("bad");
}

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  const code = field.value.trim();
  field.value = "";
  field.focus();
  if (code) scans = scans.then(() => send(code)).catch(tellTrouble);
});

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target !== work) return;
  trouble.hidden = true;
  field.focus();
  sound(work.querySelector("[data-tone]")?.dataset.tone);
});

for (const problem of ["htmx:sendError", "htmx:responseError"]) document.addEventListener(problem, tellTrouble);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || document.querySelector("details.menu[open]")) return;
  const pressed = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!pressed) return;
  event.preventDefault();
  if (pressed.matches("input")) pressed.focus();
  else pressed.click();
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
