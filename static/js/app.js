/* What pages gain with JavaScript; everything works without it.

   data-theme-choice="auto|light|dark"  a button of the appearance menu: applies the choice at once
   details.menu                         closes on Escape, on a click outside and when the focus leaves it
   data-show-password                   a button inside .password: shows what was typed
   data-opens="id"                      a button: opens the <dialog> of that id; data-closes inside it closes it
   data-submits-on-change               a select or checkbox: submits its form
   data-select-on-focus                 an input: selects its text when it gets the focus
   data-copies="id"                     a hidden button: shown where there is a clipboard, copies the text of that element
                                        and says the words of its data-says element
   data-print                           a button: prints the page; hidden without JavaScript */

const YEAR = 31536000;

function applyTheme(choice) {
  if (choice === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
  document.cookie = `theme=${choice}; path=/; max-age=${YEAR}; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
  }
}

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu !== except && !menu.contains(except)) menu.open = false;
  }
}

async function copy(button) {
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).innerText);
  const words = button.querySelector("[data-says]");
  words.textContent = words.dataset.says;
  button.classList.add("is-done");
  setTimeout(() => {
    words.textContent = "";
    button.classList.remove("is-done");
  }, 2500);
}

if (navigator.clipboard) {
  for (const button of document.querySelectorAll("[data-copies]")) button.hidden = false;
}

document.addEventListener("click", (event) => {
  closeMenus(event.target);
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.themeChoice) {
    event.preventDefault();
    applyTheme(button.dataset.themeChoice);
  } else if ("showPassword" in button.dataset) {
    const input = button.parentElement.querySelector("input");
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
  } else if (button.dataset.opens) {
    event.preventDefault();
    document.getElementById(button.dataset.opens).showModal();
  } else if ("closes" in button.dataset) {
    button.closest("dialog").close();
  } else if (button.dataset.copies) {
    copy(button);
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

document.addEventListener("focusin", (event) => {
  closeMenus(event.target);
  if (event.target.matches("[data-select-on-focus]")) event.target.select();
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits-on-change]")) event.target.form.requestSubmit();
});

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
