/* Shows the letters of the library as messages of the browser, also while no page is open; a tap opens their page. */

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("push", (event) => {
  let letter;
  try {
    letter = event.data.json();
  } catch {
    return;
  }
  const { title, body, url, tag, language } = letter;
  event.waitUntil(registration.showNotification(title, { body, tag, lang: language, data: { url } }));
});

addEventListener("notificationclick", (event) => {
  event.notification.close();
  const wanted = new URL(event.notification.data?.url ?? "/", location);
  const page = wanted.origin === location.origin ? wanted.href : "/";
  event.waitUntil(
    clients.matchAll({ type: "window", includeUncontrolled: true }).then((windows) => {
      const open = windows.find((window) => window.url === page);
      return open ? open.focus() : clients.openWindow(page);
    }),
  );
});
