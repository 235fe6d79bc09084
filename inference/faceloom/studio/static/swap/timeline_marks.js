// The marks of the timeline: the number of faces of each frame, cuts, and worst moments.

import { get, orMessage } from "../shared/api.js";
import { onQueue } from "../shared/events.js";
import { fill } from "../shared/texts.js";
import { addKeys, currentFrame, goToFrame, onMove } from "./swap_timeline.js";

const marks = document.getElementById("marks");
const strip = document.getElementById("face-strip");
const position = document.getElementById("marks-position");
const diamonds = document.getElementById("moment-marks");
const source = document.getElementById("moments-swap");
const note = document.getElementById("scan-note");
const legend = document.getElementById("marks-legend");
const missing = document.getElementById("jump-note");
const texts = marks.dataset;
// Milliseconds between two requests for a running scan. Without requests the studio stops it.
const POLL_MS = 1000;
// Columns of the strip; a column shows the rarest of what is in it.
const COLUMNS = 600;
const RANK = ["one", "several", "none"];

let clip = "";
let frames = 1;
let scan = { frames: null, done: 0, runs: [], cuts: [] };
let moments = [];
let timer = 0;
let compared = "";

/**
 * Show the marks of a clip.
 * @param {string} id - the clip's id.
 * @param {{frames: number}} info - its properties.
 */
export function openMarks(id, info) {
  clip = id;
  frames = info.frames;
  scan = { frames: null, done: 0, runs: [], cuts: [] };
  moments = [];
  note.textContent = "";
  showScan();
  showMoments({ swap: null });
  follow();
  readScan();
  readMoments();
}

async function readScan() {
  clearTimeout(timer);
  const asked = clip;
  const found = await orMessage(() => get(`/swap/scan/${asked}`));
  if (asked !== clip || !found) return;
  if (found.frames !== null) {
    scan = found;
    showScan();
  }
  note.textContent = noteOf(found);
  if (!found.error && found.done !== found.frames && !document.hidden) timer = setTimeout(readScan, POLL_MS);
}

function noteOf({ error, frames: all, done }) {
  if (error) return fill(texts.stopped, error);
  if (all === null) return texts.waiting;
  return done === all ? "" : fill(texts.searched, Math.floor((100 * done) / all));
}

async function readMoments() {
  const asked = clip;
  const found = await orMessage(() => get(`/swap/moments/${asked}`));
  if (asked === clip && found) showMoments(found);
}

function kindOf(count) {
  return count === 0 ? "none" : count === 1 ? "one" : "several";
}

// Index after the last frame of a run.
function endOf(index) {
  return scan.runs[index + 1]?.[0] ?? scan.done;
}

// What each column shows; undefined where nothing is known.
function columns() {
  const kinds = new Array(Math.min(COLUMNS, frames));
  scan.runs.forEach(([start, count], index) => {
    const kind = kindOf(count);
    const last = endOf(index) - 1;
    for (let column = columnOf(start); column <= columnOf(last); column += 1) {
      if (RANK.indexOf(kind) > RANK.indexOf(kinds[column])) kinds[column] = kind;
    }
  });
  return kinds;
}

function columnOf(frame) {
  return Math.floor((frame * Math.min(COLUMNS, frames)) / frames);
}

function bar(name, value, left, width = 0) {
  const element = document.createElement("i");
  element.dataset[name] = value;
  element.style.left = `${100 * left}%`;
  if (width) element.style.width = `${100 * width}%`;
  return element;
}

function showScan() {
  const kinds = columns();
  const bars = [];
  for (let first = 0, next = 1; first < kinds.length; first = next, next += 1) {
    while (next < kinds.length && kinds[next] === kinds[first]) next += 1;
    if (kinds[first]) bars.push(bar("faces", kinds[first], first / kinds.length, (next - first) / kinds.length));
  }
  const cuts = new Set(scan.cuts.map(columnOf));
  bars.push(...[...cuts].map((column) => bar("mark", "cut", column / kinds.length)));
  strip.replaceChildren(...bars);
  describe();
}

function describe() {
  const empty = scan.runs.reduce((sum, [start, count], index) => {
    return count === 0 ? sum + endOf(index) - start : sum;
  }, 0);
  strip.setAttribute("aria-label", fill(texts.summary, empty, frames, scan.cuts.length, moments.length));
}

function showMoments({ swap, is_outdated: isOutdated = false, moments: found = [] }) {
  moments = found.filter(({ frame }) => frame < frames);
  diamonds.hidden = !moments.length;
  diamonds.replaceChildren(...moments.map(toDiamond));
  source.hidden = !moments.length;
  if (swap) {
    const link = source.querySelector("a");
    link.href = `/results/${swap.id}`;
    link.textContent = link.title = swap.name;
    source.querySelector("[data-outdated]").hidden = !isOutdated;
  }
  describe();
  follow();
}

function toDiamond({ frame, faults }) {
  const button = document.createElement("button");
  const label = faults ? fill(texts.moment, frame, faults) : fill(texts.momentPlain, frame);
  button.type = "button";
  button.textContent = "◆";
  button.title = label;
  button.setAttribute("aria-label", label);
  button.dataset.frame = frame;
  button.style.left = `${(100 * (frame + 0.5)) / frames}%`;
  button.addEventListener("click", () => goToFrame(frame));
  return button;
}

function follow() {
  const frame = currentFrame();
  missing.textContent = "";
  position.style.left = `${(100 * (frame + 0.5)) / frames}%`;
  for (const button of diamonds.children) {
    if (Number(button.dataset.frame) === frame) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

// The frames that a key goes to, ascending.
const TARGETS = {
  empty: () => scan.runs.filter(([, count]) => count === 0).map(([start]) => start),
  cut: () => scan.cuts,
  moment: () => moments.map(({ frame }) => frame),
};

function jump(kind, direction) {
  const frame = currentFrame();
  const targets = TARGETS[kind]();
  const next =
    direction > 0
      ? targets.find((target) => target > frame)
      : targets.findLast((target) => target < frame);
  if (next !== undefined) return goToFrame(next);
  const { none, empty = none } = legend.querySelector(`[data-jump=${kind}]`).dataset;
  missing.textContent = targets.length ? none : empty;
  return undefined;
}

function jumpKey(kind) {
  return (event) => jump(kind, event.shiftKey ? -1 : 1);
}

addKeys({ n: jumpKey("empty"), c: jumpKey("cut"), w: jumpKey("moment") });
onMove(follow);
for (const button of legend.querySelectorAll("[data-jump]")) {
  button.addEventListener("click", (event) => jumpKey(button.dataset.jump)(event));
}
strip.addEventListener("click", (event) => {
  const box = strip.getBoundingClientRect();
  goToFrame(Math.floor(((event.clientX - box.left) / box.width) * frames));
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && clip && scan.done !== scan.frames) readScan();
});
// A finished comparison changes the worst moments.
onQueue(({ jobs }) => {
  const done = jobs.filter((job) => job.state === "done").map((job) => job.number).join();
  if (clip && done !== compared) readMoments();
  compared = done;
});
