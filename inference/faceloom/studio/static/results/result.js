// The page of a swap: the player, the judge's curve, marks and forms.

import { get, getPart, orMessage, post } from "../shared/api.js";
import { LineChart } from "../shared/charts.js";
import { isOpen, onQueue } from "../shared/events.js";
import { sendForm } from "../shared/forms.js";
import { Player } from "./player.js";

const page = document.getElementById("result").dataset;
const stage = document.getElementById("stage");
const wipe = document.getElementById("wipe");
const seek = document.getElementById("seek");
const play = document.getElementById("play");
const speed = document.getElementById("speed");
const position = document.getElementById("position");
const swap = document.getElementById("swap");
const original = document.getElementById("original");
const WIPE_STEP = 5;
let chart = null;
let marked = -1;

const player = new Player(swap, original, Number(page.rate), Number(page.frames) || null, showPosition);
player.originalFirst = Number(page.first);

function showPosition() {
  const { frame, last } = player;
  seek.max = last;
  seek.value = frame;
  play.textContent = player.isPlaying ? play.dataset.pause : play.dataset.play;
  position.textContent = `${position.dataset.frame} ${frame} ${position.dataset.of} ${last} · ${(frame / player.rate).toFixed(2)} s`;
  if (frame === marked) return;
  marked = frame;
  chart?.redraw();
}

function showSpeed(value) {
  speed.value = String(value);
}

function setWipe(percent) {
  if (!wipe) return;
  wipe.value = Math.min(100, Math.max(0, percent));
  stage.style.setProperty("--wipe", `${wipe.value}%`);
}

function dragWipe(event) {
  if (stage.dataset.mode !== "wipe" || !event.buttons) return;
  const box = stage.getBoundingClientRect();
  setWipe((100 * (event.clientX - box.left)) / box.width);
}

function setMode(mode) {
  stage.dataset.mode = mode;
  document.getElementById("wipe-label").hidden = mode !== "wipe";
}

const KEYS = {
  " ": () => player.toggle(),
  k: () => player.toggle(),
  l: () => showSpeed(player.faster()),
  j: () => player.backwards(),
  ",": () => player.step(-1),
  ".": () => player.step(1),
  ArrowLeft: () => player.seek(player.frame - player.rate),
  ArrowRight: () => player.seek(player.frame + player.rate),
  Home: () => player.seek(0),
  End: () => player.seek(player.last),
  "[": () => setWipe(Number(wipe?.value) - WIPE_STEP),
  "]": () => setWipe(Number(wipe?.value) + WIPE_STEP),
};

function isForField(event) {
  if (document.querySelector("dialog[open]")) return true;
  const field = event.target.closest("input, select, textarea, button, a, summary");
  if (!field) return false;
  // J, K and L work everywhere but where one writes; other keys belong to the field.
  return !/^[jkl,.[\]]$/.test(event.key) || field.matches("select, textarea");
}

document.addEventListener("keydown", (event) => {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (!KEYS[key] || event.ctrlKey || event.metaKey || event.altKey || isForField(event)) return;
  event.preventDefault();
  KEYS[key]();
});

function showUnplayable(which) {
  const box = document.getElementById("unplayable");
  box.hidden = false;
  box.querySelector("[data-which]").textContent = which;
  for (const name of ["swap", "original"]) {
    box.querySelectorAll(`[data-${name}-text]`).forEach((each) => (each.hidden = name !== which));
  }
}

function watchErrors(video, which) {
  if (!video) return;
  video.addEventListener("error", () => showUnplayable(which));
  // The error may have come before this script.
  if (video.error) showUnplayable(which);
}

watchErrors(swap, "swap");
watchErrors(original, "original");
play.addEventListener("click", () => player.toggle());
document.getElementById("open-folder").addEventListener("click", () => orMessage(() => post(`/results/${page.swap}/folder`)));
document.getElementById("back").addEventListener("click", () => player.step(-1));
document.getElementById("forward").addEventListener("click", () => player.step(1));
seek.addEventListener("input", () => player.seek(Number(seek.value)));
speed.addEventListener("change", () => player.setSpeed(Number(speed.value)));
document.getElementById("loop").addEventListener("change", (event) => (swap.loop = event.target.checked));
swap.loop = document.getElementById("loop").checked;
stage.addEventListener("pointerdown", dragWipe);
stage.addEventListener("pointermove", dragWipe);
wipe?.addEventListener("input", () => setWipe(Number(wipe.value)));
document.querySelectorAll("[name=mode]").forEach((each) => each.addEventListener("change", () => setMode(each.value)));
document.querySelectorAll("[data-frame]").forEach((each) => {
  if (each.matches("button")) each.addEventListener("click", () => player.step(Number(each.dataset.frame) - player.frame));
});
showPosition();

const metric = document.getElementById("metric");

function showMetric(curves) {
  const found = curves.metrics.find((each) => each.name === metric.value);
  if (!found) return;
  const mean = Number(found.mean.toPrecision(3));
  document.getElementById("metric-note").textContent = `${metric.dataset.mean} ${mean} · ${metric.dataset.best} ${found.best} · ${found.unit}`;
  chart.show([{ label: found.title, xs: curves.frames, ys: found.values }]);
}

async function showCurves() {
  const curves = await get(`/results/${page.swap}/curves`);
  curves.metrics.forEach(({ title, name }) => metric.add(new Option(title, name)));
  chart = new LineChart(document.getElementById("curve"), {
    onPick: (frame) => player.step(Math.round(frame) - player.frame),
    marker: () => player.frame,
  });
  metric.addEventListener("change", () => showMetric(curves));
  showMetric(curves);
}

async function showMarks() {
  const marks = document.getElementById("marks");
  try {
    marks.innerHTML = await getPart(`/results/${page.swap}/marks`);
  } catch (error) {
    marks.textContent = error.message;
    return;
  }
  const names = marks.querySelector("[data-identities]").dataset.identities.trim().split(/\s+/);
  const faces = document.querySelector("#compare-form [name=faces]");
  const option = faces && [...faces.options].find((each) => names.includes(each.dataset.name));
  if (option) faces.value = option.value;
}

for (const name of ["compare", "original"]) {
  const form = document.getElementById(`${name}-form`);
  if (form) sendForm(form, `/results/${page.swap}/${name}`, Object.fromEntries, () => location.reload());
}
if (metric) orMessage(showCurves);
showMarks();

// The curves appear when their job has ended.
onQueue(({ jobs }) => {
  const job = jobs.find((each) => each.number === Number(page.job));
  if (page.job && !(job && isOpen(job))) location.reload();
});
