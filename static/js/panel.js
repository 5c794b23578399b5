/* What Django's admin lacks; everything works without it.

   #result_list          each cell learns the heading of its column, for the cards of the phone
   data-opens-on="…"     a <details> that stands open where the media query holds
   .help-tooltip         Django names these signs for screen readers without saying that they are pictures
   select2               its boxes get the name of the field they stand for */

for (const table of document.querySelectorAll("#result_list")) {
  const headings = [...table.querySelectorAll("thead th")].map((th) => th.querySelector(".text")?.textContent.trim() ?? "");
  for (const row of table.tBodies[0].rows) {
    [...row.cells].forEach((cell, index) => {
      if (cell.tagName === "TD" && headings[index] && !cell.classList.contains("action-checkbox")) {
        cell.dataset.label = headings[index];
      }
      cell.classList.toggle("is-empty", ["", "-", "—"].includes(cell.textContent.trim()) && !cell.querySelector("img, svg, input"));
    });
  }
  table.classList.add("labelled");
}

for (const details of document.querySelectorAll("details[data-opens-on]")) {
  const query = matchMedia(details.dataset.opensOn);
  const follow = () => { details.open = details.open || query.matches; };
  query.addEventListener("change", follow);
  follow();
}

const namePictures = () => {
  for (const sign of document.querySelectorAll(".help-tooltip[aria-label]:not([role])")) sign.setAttribute("role", "img");
};
namePictures();
addEventListener("load", namePictures);

/* Select2 hides the select behind boxes of its own that no label names. */
const nameBoxes = () => {
  for (const select of document.querySelectorAll("select.select2-hidden-accessible")) {
    const label = document.querySelector(`label[for="${CSS.escape(select.id)}"]`);
    const box = select.nextElementSibling?.querySelector(".select2-selection");
    if (!label || !box) continue;
    label.id ||= `${select.id}_label`;
    const value = box.querySelector(".select2-selection__rendered");
    value.removeAttribute("role");
    value.removeAttribute("aria-readonly");
    box.setAttribute("aria-labelledby", value.id ? `${label.id} ${value.id}` : label.id);
    box.querySelector(".select2-search__field")?.setAttribute("aria-labelledby", label.id);
  }
};
window.django?.jQuery?.(() => {
  nameBoxes();
  django.jQuery(document).on("select2:open", (event) => {
    const label = document.querySelector(`label[for="${CSS.escape(event.target.id)}"]`);
    const field = document.querySelector(".select2-container--open .select2-search--dropdown .select2-search__field");
    if (label && field) field.setAttribute("aria-label", label.textContent.trim());
  });
});
document.addEventListener("formset:added", () => setTimeout(nameBoxes));
