// The page of a run: its state, curves and previews, while it trains.

import { getPart, orMessage, post } from "../shared/api.js";
import { LineChart } from "../shared/charts.js";
import { sendForm } from "../shared/forms.js";
import { RunMetrics } from "./run_metrics.js";
import { PreviewLapse } from "./run_previews.js";
import { openContinueForm } from "./run_settings.js";

const ACTIVE_MS = 2000;
// A run may also be trained by a command in a terminal.
const IDLE_MS = 10000;
const run = document.getElementById("run").dataset.run;
const status = document.getElementById("status");
const pause = document.getElementById("pause");
const metrics = new RunMetrics(run);
const lapse = new PreviewLapse(run);
const charts = { judge: new LineChart(document.getElementById("judge")), loss: new LineChart(document.getElementById("loss")) };
const judgeMetric = document.getElementById("judge-metric");
const lossMetric = document.getElementById("loss-metric");

function state() {
  return status.querySelector(".run-state").dataset;
}

function showButtons() {
  pause.hidden = !state().job;
  for (const id of ["continue", "lock-faces"]) {
    const button = document.getElementById(id);
    if (button) button.hidden = Boolean(state().job);
  }
}

function addLossOptions() {
  const known = new Set([...lossMetric.options].map((option) => option.value));
  for (const name of Object.keys(metrics.losses)) {
    if (!known.has(name)) lossMetric.add(new Option(name.replaceAll("_", " "), name));
  }
}

function showCurves() {
  addLossOptions();
  const lines = { judge: metrics.judgedLines(judgeMetric.value), loss: metrics.lossLines(lossMetric.value) };
  for (const [name, found] of Object.entries(lines)) {
    charts[name].show(found);
    document.getElementById(`no-${name}`).hidden = found.length > 0;
  }
}

async function showStatus() {
  const html = await getPart(`/runs/${run}/status`);
  const open = [...status.querySelectorAll("details")].map((each) => each.open);
  status.innerHTML = html;
  status.querySelectorAll("details").forEach((each, index) => (each.open = open[index] ?? false));
  showButtons();
}

function showPreviews() {
  lapse.show(state().previews.split(" ").filter(Boolean));
}

async function poll() {
  if (!document.hidden) {
    await orMessage(async () => {
      await showStatus();
      showPreviews();
      if (await metrics.update()) showCurves();
    });
  }
  setTimeout(poll, state().active ? ACTIVE_MS : IDLE_MS);
}

judgeMetric.addEventListener("change", showCurves);
lossMetric.addEventListener("change", showCurves);
document.getElementById("loss-log").addEventListener("change", (event) => charts.loss.setLog(event.target.checked));
pause.addEventListener("click", async () => {
  pause.disabled = true;
  await orMessage(() => post(`/jobs/${state().job}`, { action: "stop" }));
  pause.disabled = false;
});

const exportForm = document.getElementById("export-form");
let isNamed = false;
function proposeName() {
  const wished = `${exportForm.identity.value}-${exportForm.dataset.run}`;
  if (!isNamed) exportForm.name.value = wished.slice(0, exportForm.name.maxLength);
}
exportForm.name.addEventListener("input", () => (isNamed = true));
exportForm.identity.addEventListener("change", proposeName);
proposeName();
sendForm(exportForm, `/runs/${run}/export`, (data) => Object.fromEntries(data), () => (location.href = "/jobs"));
openContinueForm(run, () => location.reload());

showButtons();
showPreviews();
showCurves();
poll();
