/* Opens the desk when the library is out of reach: the shell of its page, and what that is made of, kept by the browser. */

const KEPT = "desk-1";
const SHELL = "{% url "desk_shell" %}";

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

async function keep(addresses) {
  const store = await caches.open(KEPT);
  const wanted = new Set(addresses.map((address) => new URL(address, location).href));
  for (const known of await store.keys()) if (!wanted.has(known.url)) await store.delete(known);
  for (const address of wanted) {
    const answer = await fetch(address);
    if (answer.ok && !answer.redirected) await store.put(address, answer);
  }
}

addEventListener("message", (event) => {
  if (event.data?.keep) event.waitUntil(keep(event.data.keep).catch(() => {}));
});

async function fromNetwork(request) {
  const answer = await fetch(request);
  if (answer.status >= 502 && answer.status <= 504) throw new Error(answer.statusText);
  return answer;
}

addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  const isPage = request.mode === "navigate";
  if (!isPage && !["script", "style", "font", "image"].includes(request.destination)) return;
  event.respondWith(
    fromNetwork(request).catch(async () => {
      const store = await caches.open(KEPT);
      return (await store.match(isPage ? SHELL : request.url)) ?? Response.error();
    }),
  );
});
