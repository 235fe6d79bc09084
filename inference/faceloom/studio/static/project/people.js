// The people of a clip: the search with its progress, names, and an extraction for each person.

import { orMessage, post } from "../shared/api.js";
import { onQueue } from "../shared/events.js";
import { sendForm } from "../shared/forms.js";

const panel = document.getElementById("search");
const problem = document.getElementById("search-error");
const find = document.getElementById("find");
const form = document.getElementById("people-form");
const clip = panel.dataset.clip;

let isSearching = false;

function showProgress({ done, total }) {
  const bar = panel.querySelector("progress");
  if (total) bar.value = done / total;
  else bar.removeAttribute("value");
}

// When the search ends, the page is loaded again with its result.
function showSearch(search) {
  const isOwn = search?.clip === clip;
  const isRunning = isOwn && !search.error;
  if (isSearching && !search) location.reload();
  isSearching = isRunning;
  panel.hidden = !isRunning;
  find.disabled = isRunning;
  problem.hidden = !(isOwn && search.error);
  problem.textContent = isOwn ? search.error : "";
  if (isRunning) showProgress(search);
}

// A person with a name is extracted.
function tickNamed(event) {
  if (event.target.name !== "name") return;
  const box = event.target.closest(".person").querySelector("[name=chosen]");
  box.checked = event.target.value.trim() !== "";
}

function chosenPeople() {
  return [...form.querySelectorAll(".person")]
    .filter((person) => person.querySelector("[name=chosen]").checked)
    .map((person) => ({
      number: Number(person.dataset.number),
      name: person.querySelector("[name=name]").value,
    }));
}

find.addEventListener("click", async () => {
  if (await orMessage(() => post(`/people/${clip}/find`))) {
    isSearching = true;
    find.disabled = true;
    panel.hidden = false;
  }
});
onQueue(({ people }) => showSearch(people));

if (form) {
  form.addEventListener("input", tickNamed);
  sendForm(
    form,
    form.dataset.url,
    (data) => ({
      people: chosenPeople(),
      every: Number(data.get("every")),
      add: data.has("add"),
    }),
    () => (location.href = "/jobs"),
  );
}
