// The words of a letter: a click on a field puts it where the cursor was, and the preview follows.
const form = document.getElementById("words");
let last = form.elements.text;
form.addEventListener("focusin", (event) => {
  if (event.target.matches("textarea, input[type=text]")) last = event.target;
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-insert]");
  if (!button) return;
  last.focus();
  last.setRangeText(button.dataset.insert, last.selectionStart, last.selectionEnd, "end");
  last.dispatchEvent(new Event("input", { bubbles: true }));
});
