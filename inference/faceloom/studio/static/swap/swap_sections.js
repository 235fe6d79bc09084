// The sections of the swap page: which settings the panel edits, the bar below the timeline, and undo.

import { fill } from "../shared/texts.js";
import { connectDrag } from "./section_drag.js";
import { changed, clipped, endAt, indexAt, moveBound, near, startAt, without } from "./section_list.js";
import { saveSections, setSaved } from "./section_saves.js";
import { readSettings, writeSettings } from "./swap_settings.js";
import { addKeys, currentFrame, goToFrame, scrubToFrame } from "./swap_timeline.js";

// Colors of the bar, which swap.css defines.
const COLORS = 6;
// Steps that can be undone.
const MAX_UNDO = 200;

const bar = document.getElementById("sections");
const tools = document.getElementById("section-tools");
const scope = document.getElementById("settings-scope");
const form = document.getElementById("settings");
const swaps = document.getElementById("section-swap");
const texts = document.getElementById("swap").dataset;
// Frames before a still whose faces smooth its own.
const leadIn = Number(texts.leadIn);

let clip = "";
let frames = 1;
let base = {};
let list = [];
let current = -1;
let kept = "";
let history = [];
let notify = () => {};

/** Return the settings outside all sections. */
export function baseSettings() {
  return base;
}

/** Return all sections, as the studio takes them. */
export function allSections() {
  return list;
}

/** Return the sections that the still of the current frame depends on, as a part of its address. */
export function stillSections() {
  const rows = near(list, currentFrame(), leadIn);
  return rows.length ? { sections: JSON.stringify(rows) } : {};
}

/** Return whether faces are swapped in the section of the current frame. */
export function isSwapped() {
  return list[current]?.swap ?? true;
}

/** Call a function whenever the settings of the current frame or of the conversion change. */
export function onSections(callback) {
  notify = callback;
}

/**
 * Show the sections of a clip.
 * @param {string} id - the clip's id.
 * @param {{frames: number, sections: object[]}} info - its properties.
 */
export function openSections(id, info) {
  clip = id;
  frames = info.frames;
  const rows = info.sections.map((row) => ({ swap: true, settings: {}, ...row }));
  list = clipped(rows, frames);
  history = [];
  kept = snapshot();
  setSaved(clip, list);
  current = indexAt(list, currentFrame());
  showPanel();
}

/** Use the settings of the panel outside all sections; an undo leads to them. */
export function keepBase() {
  base = readSettings();
  kept = snapshot();
}

/** Show the settings that apply to the current frame; the panel edits them. */
export function followFrame() {
  const index = indexAt(list, currentFrame());
  if (index === current) return showTools();
  current = index;
  return showPanel();
}

/**
 * Apply the settings of the panel to the section of the current frame, or outside all sections.
 * @param {boolean} draft - whether a slider still moves; the settings are saved when it stops.
 */
export function keepPanel(draft) {
  if (current < 0) base = readSettings();
  else list = changed(list, current, { settings: readSettings() });
  if (!draft) commit();
}

function snapshot() {
  return JSON.stringify({ base, list });
}

/** Save the sections, unless only settings outside of them changed before the clip was read. */
function save() {
  if (clip) saveSections(clip, list);
}

function commit() {
  const now = snapshot();
  if (now === kept) return;
  history = [...history.slice(1 - MAX_UNDO), kept];
  kept = now;
  save();
  showTools();
}

function apply(next) {
  list = next;
  current = indexAt(list, currentFrame());
  commit();
  showPanel();
  notify();
}

function undo() {
  if (!history.length) return;
  kept = history.pop();
  ({ base, list } = JSON.parse(kept));
  current = indexAt(list, currentFrame());
  save();
  showPanel();
  notify();
}

function copySettings(from, to) {
  if (from in list && to in list) {
    apply(changed(list, to, { settings: { ...list[from].settings }, swap: list[from].swap }));
  }
}

function goToBound(direction) {
  const bounds = list.flatMap(({ start, stop }) => [start, stop]).filter((bound) => bound < frames);
  const frame = currentFrame();
  const next =
    direction > 0
      ? bounds.find((bound) => bound > frame)
      : bounds.findLast((bound) => bound < frame);
  if (next !== undefined) goToFrame(next);
}

function dragBound(index, bound, share) {
  list = moveBound(list, index, bound, Math.round(share * frames), frames);
  const { start, stop } = list[index];
  scrubToFrame(bound === "start" ? start : stop - 1);
  current = index;
  showPanel();
}

function endDrag(isCancelled) {
  if (isCancelled) ({ list } = JSON.parse(kept));
  apply(list);
}

const ACTIONS = {
  start: () => apply(startAt(list, currentFrame(), frames, readSettings())),
  end: () => apply(endAt(list, currentFrame())),
  remove: () => current >= 0 && apply(without(list, current)),
  previous: () => copySettings(current - 1, current),
  next: () => copySettings(current, current + 1),
  undo,
};

function showPanel() {
  const section = list[current];
  writeSettings(section ? section.settings : base);
  if (form) form.inert = section ? !section.swap : false;
  showTools();
  showBar();
}

function showTools() {
  const section = list[current];
  if (scope) {
    const outside = list.length ? texts.outside : texts.whole;
    scope.textContent = section ? sectionText(texts.inSection, current) : outside;
    scope.dataset.color = section ? current % COLORS : "";
  }
  const frame = currentFrame();
  const enabled = {
    start: section?.start !== frame,
    end: endAt(list, frame) !== list,
    remove: Boolean(section),
    previous: current > 0,
    next: Boolean(section) && current + 1 < list.length,
    undo: history.length > 0,
  };
  for (const button of tools.querySelectorAll("[data-section]")) {
    button.disabled = !enabled[button.dataset.section];
  }
  swaps.disabled = !section;
  swaps.checked = section ? section.swap : true;
}

function sectionText(text, index) {
  const { start, stop } = list[index];
  return fill(text, index + 1, start, stop - 1);
}

function showBar() {
  bar.hidden = !list.length;
  bar.replaceChildren(...list.map(toButton));
}

function toButton({ start, stop, swap }, index) {
  const button = document.createElement("button");
  const label = sectionText(swap ? texts.inSection : texts.notSwapped, index);
  button.type = "button";
  button.textContent = index + 1;
  button.title = label;
  button.setAttribute("aria-label", label);
  button.dataset.color = index % COLORS;
  button.toggleAttribute("data-off", !swap);
  if (index === current) button.setAttribute("aria-current", "true");
  button.style.left = `${(100 * start) / frames}%`;
  button.style.width = `${(100 * (stop - start)) / frames}%`;
  button.addEventListener("click", () => goToFrame(start));
  button.append(...["start", "stop"].map(toHandle));
  return button;
}

function toHandle(bound) {
  const handle = document.createElement("span");
  handle.className = "section-bound";
  handle.dataset.bound = bound;
  return handle;
}

function listen() {
  connectDrag(bar, { move: dragBound, end: endDrag });
  for (const button of tools.querySelectorAll("[data-section]")) {
    button.addEventListener("click", () => ACTIONS[button.dataset.section]());
  }
  swaps.addEventListener("change", () => apply(changed(list, current, { swap: swaps.checked })));
  addKeys({
    i: ACTIONS.start,
    o: ACTIONS.end,
    "[": () => goToBound(-1),
    "]": () => goToBound(1),
    Delete: ACTIONS.remove,
  });
  document.addEventListener("keydown", (event) => {
    const isUndo = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key === "z";
    const isText = event.target.matches("textarea, input:not([type]), [type=text], [type=number]");
    if (!isUndo || isText || event.target.closest("dialog")) return;
    event.preventDefault();
    undo();
  });
}

if (tools) listen();
