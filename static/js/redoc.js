// Starts Redoc. Its search needs a worker from a blob, which the Content-Security-Policy forbids: the browser's own
// search finds everything as well.
const place = document.getElementById("redoc");

Redoc.init(
  place.dataset.schema,
  {
    disableSearch: true,
    nativeScrollbars: true,
    theme: {
      typography: {
        fontFamily: "system-ui, sans-serif",
        headings: { fontFamily: "system-ui, sans-serif" },
        code: { fontFamily: "ui-monospace, monospace" },
      },
    },
  },
  place,
);
