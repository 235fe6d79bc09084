// The dialog that continues a run: its settings that may change, and the command.

import { post } from "../shared/api.js";
import { sendForm } from "../shared/forms.js";
import { Latest } from "../shared/latest.js";

// Milliseconds after the last change until the command follows.
const TYPING_MS = 300;
const form = document.getElementById("continue-form");
const command = document.getElementById("continue-command");
const problem = form.querySelector(".error-text");
const fields = [...form.querySelectorAll(".setting [data-setting]")];
const faces = document.getElementById("preview-faces");
const startValues = new Map(fields.map((field) => [field, field.value]));
let timer = 0;
const commands = new Latest();

function faceChange() {
  const boxes = [...(faces?.querySelectorAll("input") ?? [])];
  if (boxes.every((box) => box.checked === box.defaultChecked)) return {};
  const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
  return { [faces.dataset.setting]: JSON.stringify(chosen) };
}

function changes() {
  const changed = fields.filter((field) => field.value !== startValues.get(field));
  return { ...Object.fromEntries(changed.map((field) => [field.dataset.setting, field.value])), ...faceChange() };
}

function body() {
  return { steps: Number(form.steps.value), settings: changes() };
}

function markChanges() {
  for (const field of fields) {
    field.closest(".setting").classList.toggle("changed", field.value !== startValues.get(field));
  }
}

function showCommand(run) {
  commands.run(() => readCommand(run));
}

async function readCommand(run) {
  let text = "";
  let error = "";
  try {
    text = (await post(`/runs/${run}/continue/command`, body())).command;
  } catch (refusal) {
    error = refusal.message;
  }
  command.textContent = text;
  problem.textContent = error;
  problem.hidden = !error;
}

function filterSettings(words) {
  const rows = [...form.querySelectorAll(".setting")];
  for (const row of rows) row.hidden = !words.every((word) => row.dataset.text.includes(word));
  document.getElementById("settings-empty").hidden = rows.some((row) => !row.hidden);
}

function showAllSettings(filter) {
  if (!filter) return;
  filter.value = "";
  filterSettings([]);
  document.getElementById("settings").open = true;
}

// Faces that are pinned on the page of a person are a change of the run's setting.
function checkPinned() {
  for (const box of faces?.querySelectorAll("[data-pinned]") ?? []) box.checked = true;
}

/** Prepare the dialog that continues a run; `onSent` is called when the job is in the queue. */
export function openContinueForm(run, onSent) {
  checkPinned();
  document.getElementById("continue").addEventListener("click", () => showCommand(run));
  document.getElementById("lock-faces")?.addEventListener("click", () => {
    faces.open = true;
    showCommand(run);
  });
  form.addEventListener("input", (event) => {
    if (event.target.type === "search") return;
    markChanges();
    clearTimeout(timer);
    timer = setTimeout(() => showCommand(run), TYPING_MS);
  });
  const filter = document.getElementById("settings-filter");
  filter?.addEventListener("input", () => filterSettings(filter.value.toLowerCase().split(/\s+/)));
  // Enter in the search field does not send the form.
  filter?.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
  // A browser shows what is wrong with a field only if the field is visible.
  form.addEventListener("invalid", () => showAllSettings(filter), true);
  sendForm(form, `/runs/${run}/continue`, body, onSent);
}
