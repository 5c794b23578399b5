/* Fills the form of a book by its ISBN; without it every field is filled by hand.

   form[data-lookup="address"]  asks the address for ?isbn=, fills empty fields, and says beside each who says so; a field
                                that somebody typed into keeps its text and gets a button to take the other over */

const form = document.querySelector("form[data-lookup]");
const said = form?.querySelector(".lookup__said");
const owned = form?.querySelector(".lookup__owned");
const words = form?.dataset ?? {};
const $ = window.django?.jQuery;
const PLAIN = ["title", "subtitle", "language", "year", "place", "edition", "pages", "series_number", "description"];
const SHARED = ["publisher", "series"];
const digits = (text) => text.toUpperCase().replace(/[^0-9X]/g, "");

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const badge = (text) => element("span", { className: "lookup-badge" }, text);

/* The line below a field, emptied; `place` is what it belongs to. */
function noteAt(place) {
  let note = place.querySelector(":scope > .lookup-note");
  if (!note) place.append(note = element("div", { className: "lookup-note" }));
  note.replaceChildren();
  return note;
}

function offer(pattern, value, source, take) {
  const shown = value.length > 160 ? `${value.slice(0, 160)}…` : value;
  const button = element("button", { type: "button", className: "lookup-offer" },
    element("span", {}, pattern.replace("%(value)s", shown)), ...(source ? [badge(source)] : []));
  button.addEventListener("click", () => take(button));
  return button;
}

/* --- One value: how a field is read and written ------------------------------------------------------------------ */
const control = (name) => document.getElementById(`id_${name}`);

function choose(select, thing) {
  if (thing.key && ![...select.options].some((option) => option.value === thing.key)) {
    select.append(new Option(thing.name, thing.key));
  }
  for (const option of select.options) {
    if (!select.multiple || option.value === thing.key) option.selected = option.value === thing.key;
  }
  $?.(select).trigger("change");
  if (thing.key.startsWith("new:")) {
    for (const link of select.closest(".related-widget-wrapper")?.querySelectorAll(".change-related, .view-related") ?? []) link.removeAttribute("href");
  }
}

const readField = (field) => field.tagName === "SELECT"
  ? { text: field.selectedOptions[0]?.textContent ?? "", things: [{ key: field.value, name: field.selectedOptions[0]?.textContent ?? "" }] }
  : { text: field.value };
function writeField(field, value) {
  if (field.tagName === "SELECT") choose(field, value.things[0]);
  else field.value = value.text;
}
const stateOf = (field) => field.value;
const isSame = (field, value) => (field.tagName === "SELECT" ? field.value === value.things[0].key : field.value.trim() === value.text);

function fillField(name, values) {
  const field = control(name);
  if (!field) return;
  const place = field.closest(".flex-container, .fieldBox, .form-row > div, .form-row") ?? field.parentElement;
  const note = noteAt(place);
  if (!values) {
    if (field.dataset.found && stateOf(field) === field.dataset.found) writeField(field, { text: "", things: [{ key: "", name: "" }] });
    delete field.dataset.found;
    return;
  }
  if (stateOf(field) === "" || stateOf(field) === field.dataset.found) {
    writeField(field, values[0]);
    field.dataset.found = stateOf(field);
  }
  const tell = () => {
    note.replaceChildren();
    const agreed = values.find((value) => isSame(field, value));
    if (agreed) note.append(badge(agreed.things?.[0].is_new ? `${agreed.source} · ${words.new}` : agreed.source));
    for (const value of values.filter((value) => value !== agreed)) {
      note.append(offer(words.replace, value.text, value.source, () => replace(value)));
    }
    return note;
  };
  const replace = (value) => {
    const before = readField(field);
    writeField(field, value);
    field.dataset.found = stateOf(field);
    tell();
    if (before.text && !values.some((other) => other.text === before.text)) {
      const back = offer(words.back, before.text, "", () => { writeField(field, before); delete field.dataset.found; tell(); field.focus(); });
      note.append(back);
      back.focus();
    } else field.focus();
  };
  tell();
  if (!field.dataset.watched) {
    field.dataset.watched = "yes";
    field.addEventListener("input", () => { if (field.value !== field.dataset.found) field.closest(".flex-container, .fieldBox, .form-row > div, .form-row")?.querySelector(":scope > .lookup-note > .lookup-badge")?.remove(); });
  }
}

/* --- Rows of people and ISBNs ------------------------------------------------------------------------------------ */
const rowsOf = (prefix) => [...document.querySelectorAll(`#${prefix}-group tr.form-row:not(.empty-form)`)];

function addRow(prefix) {
  document.querySelector(`#${prefix}-group .add-row a`)?.click();
  return rowsOf(prefix).at(-1);
}

function addPerson(person, source) {
  const row = addRow("contributions");
  if (!row) return;
  const author = row.querySelector("select[name$=-author]");
  choose(author, person);
  row.querySelector("select[name$=-role]").value = person.role;
  row.querySelector("input[name$=-position]").value = rowsOf("contributions").length - 1;
  row.dataset.found = person.key;
  noteAt(author.closest("td")).append(badge(person.is_new ? `${source} · ${words.new}` : source));
}

function fillPeople(values) {
  const group = document.getElementById("contributions-group");
  if (!group) return;
  for (const row of rowsOf("contributions")) {
    const isOurs = row.dataset.found && row.querySelector("select[name$=-author]").value === row.dataset.found;
    if (isOurs) row.querySelector(".inline-deletelink")?.click();
  }
  const chosen = () => rowsOf("contributions").map((row) => row.querySelector("select[name$=-author]")?.value).filter(Boolean);
  const note = noteAt(group);
  if (!values) return;
  const isTyped = chosen().length > 0;
  if (!isTyped) for (const person of values[0].things) addPerson(person, values[0].source);
  const there = new Set(chosen());
  const names = new Set(rowsOf("contributions").map((row) => row.querySelector("select[name$=-author]")?.selectedOptions[0]?.textContent));
  for (const value of values) {
    for (const person of value.things) {
      if (there.has(person.key) || names.has(person.name)) continue;
      names.add(person.name);
      const shown = person.role === "author" ? person.name : `${person.name} (${person.role_name})`;
      note.append(offer(words.add, shown, value.source, (button) => { button.remove(); addPerson(person, value.source); }));
    }
  }
}

function fillIsbn(isbn) {
  const inputs = () => [...document.querySelectorAll("#isbns-group tr.form-row:not(.empty-form) input[name$=-value]")];
  if (!document.getElementById("isbns-group") || inputs().some((input) => digits(input.value) === digits(isbn))) return;
  const free = inputs().find((input) => input.value === "" || input.value === input.dataset.found)
    ?? addRow("isbns")?.querySelector("input[name$=-value]");
  if (!free) return;
  free.value = isbn;
  free.dataset.found = isbn;
}

function offerTopics(name, values) {
  const field = control(name);
  if (!field) return;
  const note = noteAt(field.closest(".flex-container, .fieldBox, .form-row"));
  const names = new Set([...field.selectedOptions].map((option) => option.textContent.toLowerCase()));
  for (const value of values ?? []) {
    for (const thing of value.things) {
      if (names.has(thing.name.toLowerCase())) continue;
      names.add(thing.name.toLowerCase());
      note.append(offer(words.add, thing.name, value.source, (button) => { button.remove(); choose(field, thing); }));
    }
  }
}

/* --- The cover, put where an upload would be ---------------------------------------------------------------------- */
async function takeCover(picture, field) {
  const answer = await fetch(picture.url);
  if (!answer.ok) return false;
  const box = new DataTransfer();
  box.items.add(new File([await answer.blob()], "cover.webp", { type: "image/webp" }));
  field.files = box.files;
  field.dataset.found = "yes";
  return true;
}

async function fillCover(picture) {
  const field = control("new_cover");
  if (!field) return;
  const note = noteAt(field.closest(".flex-container, .fieldBox, .form-row"));
  const isTyped = field.files.length > 0 && !field.dataset.found;
  if (field.dataset.found) { field.value = ""; delete field.dataset.found; }
  if (!picture) return;
  const show = () => note.replaceChildren(
    element("img", { className: "lookup-cover", src: picture.url, alt: words.coverAlt, width: 96 }), badge(picture.source));
  if (isTyped || form.dataset.book) {
    note.append(offer(words.cover, "", picture.source, async () => { if (await takeCover(picture, field)) show(); }));
  } else if (await takeCover(picture, field)) show();
}

/* --- Asking ---------------------------------------------------------------------------------------------------------- */
function tell(message, tone) {
  said.dataset.tone = tone;
  said.textContent = message;
}

function tellOwned(books = []) {
  owned.replaceChildren(...books.map((book) => element("p", {}, words.owned,
    element("a", { href: book.url }, book.title), ` (${book.copies}) `,
    ...(book.add_copy_url ? [element("a", { href: book.add_copy_url }, words.addCopy)] : []))));
}

async function ask(isbn) {
  tell(words.waiting, "info");
  tellOwned();
  form.setAttribute("aria-busy", "true");
  try {
    const query = new URLSearchParams({ isbn, book: form.dataset.book });
    const answer = await fetch(`${form.dataset.lookup}?${query}`, { headers: { Accept: "application/json" } });
    const found = await answer.json();
    tell(found.message, found.tone);
    if (!answer.ok) return;
    tellOwned(found.owned);
    fillIsbn(found.isbn);
    for (const name of [...PLAIN, ...SHARED]) fillField(name, found.fields[name]);
    fillPeople(found.fields.people);
    offerTopics("subjects", found.fields.subjects);
    await fillCover(found.cover);
  } catch {
    tell(words.trouble, "bad");
  } finally {
    form.removeAttribute("aria-busy");
  }
}

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  const field = form.querySelector("input");
  field.select();
  if (field.value.trim() && !form.hasAttribute("aria-busy")) ask(field.value);
});
if (form) {
  form.hidden = false;
  if (form.querySelector("[autofocus]") && document.activeElement === document.body) form.querySelector("input").focus();
}
