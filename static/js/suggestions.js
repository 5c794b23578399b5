/* Suggestions under a search field: an editable combobox with a list (ARIA Authoring Practices 1.2).

   data-suggests="/suggestions/"  an input inside .search-box: the address that answers `?q=` with the options as HTML,
                                  in an element whose data-says announces their number
   data-suggests-label            what the list is called

   Arrows move through the options, Enter opens the marked one or sends the form, Escape closes the list. Nothing is
   asked while an input method is composing. Without this file the field is a plain one. */

const DELAY = 120;
const LEAST = 2;

function combobox(input) {
  const box = input.closest(".search-box");
  const list = document.createElement("div");
  list.id = "suggestions";
  list.className = "suggestions";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", input.dataset.suggestsLabel);
  list.hidden = true;
  const news = document.createElement("p");
  news.className = "visually-hidden";
  news.setAttribute("role", "status");
  box.append(list, news);

  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-haspopup", "listbox");
  input.setAttribute("aria-controls", list.id);
  input.setAttribute("aria-expanded", "false");

  let marked = -1;
  let timer = 0;
  let asking = null;

  const options = () => [...list.querySelectorAll("[role=option]")];

  function mark(place) {
    marked = place;
    for (const [index, option] of options().entries()) {
      option.setAttribute("aria-selected", String(index === place));
      if (index !== place) continue;
      input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    }
    if (place < 0) input.removeAttribute("aria-activedescendant");
  }

  function show(isOpen) {
    list.hidden = !isOpen;
    input.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) mark(-1);
  }

  function stop() {
    clearTimeout(timer);
    asking?.abort();
    asking = null;
  }

  function close() {
    stop();
    show(false);
    news.textContent = "";
  }

  async function ask() {
    stop();
    const text = input.value.trim();
    if (text.length < LEAST) return close();
    asking = new AbortController();
    const { signal } = asking;
    try {
      const answer = await fetch(`${input.dataset.suggests}?${new URLSearchParams({ q: text })}`, { signal });
      if (!answer.ok) return close();
      const holder = document.createElement("template");
      holder.innerHTML = await answer.text();
      if (signal.aborted || document.activeElement !== input) return;
      const found = holder.content.firstElementChild;
      list.replaceChildren(...found.children);
      mark(-1);
      show(list.childElementCount > 0);
      news.textContent = found.dataset.says;
    } catch (problem) {
      if (problem.name !== "AbortError") close();
    }
  }

  function askSoon() {
    stop();
    timer = setTimeout(ask, DELAY);
  }

  input.addEventListener("input", (event) => {
    if (!event.isComposing) askSoon();
  });
  input.addEventListener("compositionend", askSoon);
  input.addEventListener("blur", close);
  input.form.addEventListener("submit", close);

  input.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = options().length - 1;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (list.hidden) {
        if (event.key === "ArrowDown") ask();
        return;
      }
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      const next = marked + step;
      mark(next > last ? -1 : next < -1 ? last : next);
    } else if (event.key === "Enter" && !list.hidden && marked >= 0) {
      event.preventDefault();
      location.assign(options()[marked].dataset.url);
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      close();
    }
  });

  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) location.assign(option.dataset.url);
  });
}

for (const input of document.querySelectorAll("[data-suggests]")) combobox(input);
