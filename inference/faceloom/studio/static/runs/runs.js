// The list of trainings: the form of a new one with its estimate, and scores side by side.

import { getPart, orMessage } from "../shared/api.js";
import { LineChart } from "../shared/charts.js";
import { sendForm } from "../shared/forms.js";
import { RunMetrics } from "./run_metrics.js";

const TYPING_MS = 300;
// Letters of a proposed name that are left for a number which makes it unique.
const NUMBER_LENGTH = 4;
const form = document.getElementById("train-form");
const forecast = document.getElementById("forecast");
let timer = 0;
let asked = 0;
let isNamed = false;
// Whether the preset or the number of steps was chosen in the form.
let isChosen = false;

async function showForecast(preset, steps) {
  const mine = ++asked;
  if (!forecast.textContent) forecast.textContent = form.dataset.measuring;
  try {
    const html = await getPart(`/runs/forecast?${new URLSearchParams({ preset, steps })}`);
    if (mine === asked) forecast.innerHTML = html;
  } catch (error) {
    if (mine === asked) forecast.textContent = error.message;
  }
}

function refresh() {
  clearTimeout(timer);
  timer = setTimeout(() => showForecast(form.preset.value, form.steps.value), TYPING_MS);
}

function freeName(wished) {
  const taken = new Set([...document.querySelectorAll("#overlay-runs [data-name]")].map((box) => box.dataset.name));
  let name = wished;
  for (let number = 2; taken.has(name); number += 1) name = `${wished}-${number}`;
  return name;
}

function propose() {
  if (isNamed) return;
  const [target, source] = [form.target, form.source].map((each) => each.selectedOptions[0]?.text ?? "");
  const wished = `${source}-${target}-${form.preset.value}`;
  form.name.value = freeName(wished.slice(0, form.name.maxLength - NUMBER_LENGTH));
}

async function chooseForThisMachine() {
  await showForecast("", "");
  const { preset, steps } = forecast.querySelector("[data-preset]")?.dataset ?? {};
  if (!preset || isChosen) return;
  form.preset.value = preset;
  form.steps.value = steps;
  propose();
}

form.name.addEventListener("input", () => (isNamed = true));
form.steps.addEventListener("input", () => {
  isChosen = true;
  refresh();
});
form.target.addEventListener("change", propose);
form.source.addEventListener("change", propose);
form.preset.addEventListener("change", () => {
  isChosen = true;
  form.steps.value = form.preset.selectedOptions[0].dataset.steps;
  propose();
  refresh();
});
document.querySelector("[data-open=train-dialog]").addEventListener("click", () => {
  propose();
  if (!forecast.querySelector("[data-preset]")) chooseForThisMachine();
});
sendForm(
  form,
  "/runs",
  (data) => ({ ...Object.fromEntries(data), steps: Number(data.get("steps")) }),
  () => (location.href = "/jobs"),
);

const overlay = document.getElementById("overlay");
const chosen = document.getElementById("overlay-runs");
const metrics = new Map();

async function lineOf({ value, dataset }) {
  if (!metrics.has(value)) metrics.set(value, new RunMetrics(value));
  await metrics.get(value).update();
  return metrics.get(value).meanScore(dataset.name);
}

async function showOverlay(chart) {
  const boxes = [...chosen.querySelectorAll("input:checked")];
  const lines = (await Promise.all(boxes.map(lineOf))).filter((line) => line.xs.length);
  chart.show(lines);
  document.getElementById("overlay-empty").hidden = lines.length > 0;
}

if (overlay) {
  const chart = new LineChart(overlay);
  chosen.addEventListener("change", () => orMessage(() => showOverlay(chart)));
  orMessage(() => showOverlay(chart));
}
