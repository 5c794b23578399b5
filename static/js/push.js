/* The switch of this browser's messages: asks for permission, subscribes at the browser's maker, tells the library. */

const part = document.querySelector("[data-push]");
const buttonOn = part.querySelector("[data-push-on]");
const buttonOff = part.querySelector("[data-push-off]");

function show(state) {
  for (const words of part.querySelectorAll("[data-push-says]")) words.hidden = words.dataset.pushSays !== state;
  const isOn = state === "on";
  const isOpen = state === "off" || state === "failed";
  buttonOn.hidden = !isOpen;
  buttonOff.hidden = !isOn;
}

function bytes(text) {
  const bare = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(bare, (letter) => letter.codePointAt(0));
}

async function tell(address, body) {
  const answer = await fetch(address, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "X-CSRFToken": document.querySelector("[data-push-token]").value,
    },
    body: JSON.stringify(body),
  });
  if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
}

function isOurs(subscription, key) {
  const other = subscription?.options.applicationServerKey;
  if (!other) return false;
  const known = new Uint8Array(other);
  return known.length === key.length && known.every((byte, place) => byte === key[place]);
}

async function switchOn(registration, key) {
  if ((await Notification.requestPermission()) !== "granted") {
    show(Notification.permission === "denied" ? "denied" : "off");
    return;
  }
  const former = await registration.pushManager.getSubscription();
  if (former && !isOurs(former, key)) await former.unsubscribe();
  const subscription = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  await tell(part.dataset.save, subscription);
  show("on");
  buttonOff.focus();
}

async function switchOff(registration) {
  const subscription = await registration.pushManager.getSubscription();
  if (subscription) {
    await tell(part.dataset.remove, { endpoint: subscription.endpoint });
    await subscription.unsubscribe();
  }
  show("off");
  buttonOn.focus();
}

async function start() {
  if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) return;
  const key = bytes(part.dataset.key);
  const registration = await navigator.serviceWorker.register(part.dataset.worker, { updateViaCache: "none" });
  const subscription = await registration.pushManager.getSubscription();
  if (Notification.permission === "denied") show("denied");
  else show(isOurs(subscription, key) && Notification.permission === "granted" ? "on" : "off");
  buttonOn.addEventListener("click", () => switchOn(registration, key).catch(() => show("failed")));
  buttonOff.addEventListener("click", () => switchOff(registration).catch(() => show("failed")));
}

start().catch(() => show("unable"));
