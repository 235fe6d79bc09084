// The queue: one row for each job, kept while the job changes so that focus and open logs stay.

import { orMessage, post } from "../shared/api.js";
import { isActive, onQueue } from "../shared/events.js";
import { showFoundFaces } from "./found_faces.js";
import { fill as fillText } from "../shared/texts.js";
import { duration } from "../shared/times.js";

const list = document.getElementById("jobs");
const template = document.getElementById("job");
const states = document.getElementById("states").dataset;
const pause = document.getElementById("pause");
const removeDone = document.getElementById("remove-done");
// The rows by the number of their job, and what they show.
const rows = new Map();
const shown = new Map();
let jobs = [];
let isPaused = false;
let dragged = null;

function newRow(number) {
  const row = template.content.firstElementChild.cloneNode(true);
  row.dataset.number = number;
  rows.set(number, row);
  row.querySelector("details").addEventListener("toggle", () => showLog(row));
  return row;
}

async function showLog(row) {
  if (!row.querySelector("details").open) return;
  const log = row.querySelector(".log");
  const answer = await orMessage(() => fetch(`/jobs/${row.dataset.number}/log`));
  if (!answer?.ok) return;
  log.textContent = await answer.text();
  log.scrollTop = log.scrollHeight;
}

function showProgress(row, job) {
  const part = row.querySelector(".job-progress");
  part.hidden = !isActive(job);
  const bar = part.querySelector("progress");
  if (job.total) bar.value = job.done / job.total;
  else bar.removeAttribute("value");
  const count = job.total ? `${job.done} / ${job.total}` : job.done || "";
  part.querySelector("span").textContent = [job.stage, count, job.note].filter(Boolean).join(" · ");
}

function showCost(element, { processor_seconds: processor, memory_bytes: memory }) {
  const texts = element.dataset;
  const parts = [
    processor && fillText(texts.processor, duration(processor)),
    memory && fillText(texts.memory, Number((memory / 1e9).toPrecision(2))),
  ];
  element.textContent = parts.filter(Boolean).join(" · ");
  element.hidden = !element.textContent;
}

function fill(row, job) {
  const content = JSON.stringify(job);
  if (shown.get(job.number) === content) return;
  shown.set(job.number, content);
  row.querySelector("h2").textContent = job.title;
  const state = row.querySelector(".state");
  state.textContent = states[job.state];
  state.dataset.state = job.state;
  row.querySelector(".time").textContent = job.seconds ? duration(job.seconds) : "";
  showCost(row.querySelector(".job-cost"), job);
  row.querySelector(".sentence").textContent = job.sentence;
  row.querySelector(".command").textContent = job.command;
  const has = { up: "waiting", down: "waiting", stop: "waiting running", resume: "stopped failed", remove: "done failed stopped" };
  for (const [action, where] of Object.entries(has)) {
    row.querySelector(`[data-action=${action}]`).hidden = !where.split(" ").includes(job.state);
  }
  const page = row.querySelector("[data-page]");
  page.hidden = !job.page;
  if (job.page) page.href = job.page;
  page.setAttribute("aria-label", `${page.textContent}: ${job.title}`);
  showProgress(row, job);
  showFoundFaces(row.querySelector(".job-faces"), job);
}

onQueue((queue) => {
  const focused = document.activeElement;
  ({ jobs, paused: isPaused } = queue);
  document.getElementById("no-jobs").hidden = jobs.length > 0;
  document.getElementById("paused").hidden = !isPaused;
  removeDone.disabled = !jobs.some((job) => job.state === "done");
  pause.textContent = isPaused ? pause.dataset.continue : pause.dataset.pause;
  const numbers = new Set(jobs.map((job) => job.number));
  for (const [number, row] of rows) {
    if (numbers.has(number)) continue;
    row.remove();
    rows.delete(number);
    shown.delete(number);
  }
  let next = list.firstElementChild;
  for (const job of jobs) {
    const row = rows.get(job.number) ?? newRow(job.number);
    fill(row, job);
    if (row === next) next = next.nextElementSibling;
    else list.insertBefore(row, next);
    if (isActive(job)) showLog(row);
  }
  // A row that is moved loses the focus.
  if (focused !== document.activeElement && list.contains(focused)) focused.focus();
});

function act(number, body) {
  return orMessage(() => post(`/jobs/${number}`, body));
}

function moveBy(number, step) {
  const order = jobs.map((job) => job.number).filter((other) => other !== number);
  const place = jobs.findIndex((job) => job.number === number) + step;
  if (place < 0 || place > order.length) return;
  act(number, { action: "move", before: order[place] ?? null });
}

list.addEventListener("click", (event) => {
  const button = event.target.closest("[data-action]");
  if (!button) return;
  const number = Number(button.closest(".job").dataset.number);
  const action = button.dataset.action;
  if (action === "up") moveBy(number, -1);
  else if (action === "down") moveBy(number, 1);
  else act(number, { action });
});

list.addEventListener("keydown", (event) => {
  const row = event.target.closest(".job");
  if (!row || !event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
  event.preventDefault();
  moveBy(Number(row.dataset.number), event.key === "ArrowUp" ? -1 : 1);
});

list.addEventListener("dragstart", (event) => {
  dragged = Number(event.target.closest(".job").dataset.number);
});
list.addEventListener("dragover", (event) => event.preventDefault());
list.addEventListener("drop", (event) => {
  event.preventDefault();
  const row = event.target.closest(".job");
  const before = row ? Number(row.dataset.number) : null;
  if (dragged !== null && before !== dragged) act(dragged, { action: "move", before });
  dragged = null;
});

removeDone.addEventListener("click", () => orMessage(() => post("/jobs/remove-done")));
pause.addEventListener("click", () => orMessage(() => post("/jobs/pause", { paused: !isPaused })));
