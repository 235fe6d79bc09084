// The page of a face set: the grid, its selection and keys, rejections and their undo.

import { get, orMessage, post } from "../shared/api.js";
import { announceChange, onChangeElsewhere } from "../shared/tabs.js";
import { FaceEditor } from "./face_editor.js";
import { FaceTable } from "./face_table.js";
import { openFindings } from "./findings_panel.js";
import { closeLarge, isLarge, showLarge } from "./large_view.js";
import { endPicture, showPicture } from "./lazy_pictures.js";
import { PinnedFaces } from "./pinned_faces.js";
import { Selection } from "./selection.js";
import { VirtualGrid } from "./virtual_grid.js";

// Milliseconds without a rejection after which the table is read again: near-duplicates and
// findings change with the faces.
const RELOAD_MILLISECONDS = 1000;

const element = (id) => document.getElementById(id);
const root = element("faces");
const texts = root.dataset;
const view = element("view");
const order = element("order");
const filter = element("filter");

let table = new FaceTable({ files: [], names: [], columns: {}, can_undo: false });
let shown = new Int32Array();
let reloadTimer = 0;
// Number of changes that this page made: a table that was requested before one of them is outdated.
let changes = 0;
// Number of requests of the table, and the request whose answer is shown.
let requests = 0;
let shownRequest = 0;

const selection = new Selection((position) => table.names[shown[position]]);
const grid = new VirtualGrid(view, element("space"), element("cell"), fillCell);
const loadFindings = openFindings(
  element("findings"),
  texts.url,
  (job) => say("queued", { job }),
  () => {
    element("news").textContent = "";
    reload();
  },
);

const editor = new FaceEditor(texts.url, texts, {
  neighbor: (step) => {
    const track = table.trackOf(shown[selection.current]);
    return track[track.indexOf(currentName()) + step] ?? "";
  },
  track: () => table.trackOf(shown[selection.current]),
  onCorrected: (name, isCorrected) => {
    const index = table.indices.get(name);
    if (index === undefined || table.isCorrected(index) === isCorrected) return;
    changes += 1;
    table.columns.corrected[index] = isCorrected;
    grid.refresh();
    announceChange(texts.url);
  },
  onMany: showCorrected,
});

const pinnedFaces = new PinnedFaces(texts.url, actedOn, showSelection);

/** Return the names of the selected faces; in the large view or without a selection, the current one. */
function actedOn() {
  if (!shown.length) return [];
  const onlyCurrent = isLarge() || selection.names.size === 0;
  return onlyCurrent ? [currentName()] : [...selection.names];
}

function currentName() {
  return shown.length ? table.names[shown[selection.current]] : "";
}

function format(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, key) => values[key].toLocaleString("en"));
}

function say(name, values = {}) {
  element("news").textContent = format(texts[name], values);
}

const CAPTIONS = {
  frame: (index) => String(table.columns.frame[index]),
  sharpness: (index) => table.columns.sharpness[index].toFixed(2),
  yaw: (index) => texts.captionYaw.replace("{value}", table.columns.yaw[index].toFixed(0)),
  pitch: (index) => texts.captionPitch.replace("{value}", table.columns.pitch[index].toFixed(0)),
  likeness: (index) => table.columns.similarity[index].toFixed(2),
  brightness: (index) => table.columns.brightness[index].toFixed(2),
  size: (index) => texts.captionSize.replace("{value}", table.columns.size[index]),
  group: (index) => table.columns.sharpness[index].toFixed(2),
};
for (const name of ["occluded", "fringe", "glasses"]) {
  CAPTIONS[name] = (index) => texts.captionShare.replace("{value}", Math.round(100 * table.columns[name][index]));
}

function fillCell(cell, position) {
  const index = shown[position];
  const name = table.names[index];
  const caption = CAPTIONS[order.value](index);
  const isCurrent = position === selection.current;
  cell.id = `face-${position}`;
  cell.querySelector(".face-value").textContent = caption;
  cell.classList.toggle("is-duplicate", table.isDuplicate(index));
  cell.classList.toggle("is-other", table.isOther(index));
  cell.classList.toggle("is-corrected", table.isCorrected(index));
  cell.classList.toggle("is-pinned", pinnedFaces.has(name));
  cell.classList.toggle("current", isCurrent);
  cell.setAttribute("aria-selected", String(selection.names.has(name)));
  cell.setAttribute("aria-posinset", String(position + 1));
  cell.setAttribute("aria-setsize", String(shown.length));
  cell.setAttribute("aria-label", `${name} ${caption}`);
  showPicture(cell.querySelector("img"), `${texts.url}/thumbnail/${name}?version=${table.version}`);
}

function showSelection() {
  grid.refresh();
  if (shown.length) view.setAttribute("aria-activedescendant", `face-${selection.current}`);
  else view.removeAttribute("aria-activedescendant");
  const counts = { shown: shown.length, all: table.size, selected: selection.names.size };
  const text = shown.length === table.size ? texts.countsAll : texts.counts;
  element("counts").textContent = format(text, counts);
  element("reject").disabled = selection.names.size === 0;
  element("interpolate").disabled = selection.names.size < 3;
  element("undo").disabled = !table.canUndo;
  if (isLarge()) enlarge();
  pinnedFaces.show();
}

/** Sort and filter again; the current face stays where it can be seen, else a position becomes the current one. */
function arrange(current = currentName(), fallback = 0) {
  const keys = order.selectedOptions[0].dataset.columns.split(" ");
  const reversed = element("reverse").getAttribute("aria-pressed") === "true";
  shown = table.arrange(keys, reversed, filter.value);
  const visible = new Set(Array.from(shown, (index) => table.names[index]));
  selection.keep((name) => visible.has(name));
  const found = shown.indexOf(table.indices.get(current) ?? -1);
  selection.moveTo(clamp(found < 0 ? fallback : found));
  showGrid();
}

function showGrid() {
  element("none").hidden = table.size > 0;
  element("none-shown").hidden = table.size === 0 || shown.length > 0;
  view.hidden = shown.length === 0;
  grid.show(shown.length);
  showSelection();
}

/** Return the table and its reviewed columns; undefined after an error, or if a newer table is shown. */
async function readTable() {
  const [before, request] = [changes, (requests += 1)];
  const parts = () => Promise.all(["table", "reviewed"].map((part) => get(`${texts.url}/${part}`)));
  const answers = await orMessage(parts);
  if (answers && before !== changes) return readTable();
  if (!answers || request < shownRequest) return undefined;
  shownRequest = request;
  return answers;
}

/** Read the table again. Faces that were not there before become the selection. */
async function reload({ selectNew = false } = {}) {
  const [answer, reviewed] = (await readTable()) ?? [];
  if (!answer) return;
  const [before, position, name] = [table.indices, selection.current, currentName()];
  table = new FaceTable(answer);
  offerReviewed(reviewed);
  if (selectNew) selection.all(table.names.filter((name) => !before.has(name)));
  arrange(name, position);
  loadFindings();
}

/** Add the columns that a review measured, and offer to sort by them. */
function offerReviewed(columns) {
  Object.assign(table.columns, columns);
  const group = element("review-orders");
  group.disabled = !Object.keys(columns).length;
  if (group.disabled && group.contains(order.selectedOptions[0])) order.selectedIndex = 0;
}

function clamp(position) {
  return Math.max(0, Math.min(shown.length - 1, position));
}

/** Reject faces. */
async function reject() {
  const names = actedOn();
  if (!names.length) return;
  const answer = await orMessage(() => post(`${texts.url}/reject`, { names }));
  if (!answer) return;
  takeOut(new Set(names));
  table.canUndo = true;
  say("rejected", answer);
  showGrid();
  announceChange(texts.url);
  clearTimeout(reloadTimer);
  reloadTimer = setTimeout(reload, RELOAD_MILLISECONDS);
}

/** Remove rejected faces from the grid before the table is read again. */
function takeOut(names) {
  changes += 1;
  const isGone = (index) => names.has(table.names[index]);
  let next = selection.current;
  while (next < shown.length && isGone(shown[next])) next += 1;
  const gone = shown.subarray(0, next).filter(isGone).length;
  shown = shown.filter((index) => !isGone(index));
  selection.keep((name) => !names.has(name));
  selection.moveTo(clamp(next - gone));
}

async function undo() {
  clearTimeout(reloadTimer);
  const answer = await orMessage(() => post(`${texts.url}/undo`));
  if (!answer) return;
  announceChange(texts.url);
  await reload({ selectNew: true });
  say("restored", answer);
}

/** Interpolate the landmarks of the selected faces between corrected ones. */
async function interpolate() {
  const names = [...selection.names];
  const answer = await orMessage(() => post(`${texts.url}/interpolate`, { names }));
  if (answer) await showCorrected(answer.names);
}

/** Show that corrections of some faces changed; after an undo, one of them becomes the current face. */
async function showCorrected(names, isUndo = false) {
  announceChange(texts.url);
  await reload();
  say(isUndo ? "undone" : "interpolated", { count: names.length });
  if (!isUndo || names.includes(currentName())) return;
  const position = shown.indexOf(table.indices.get(names[0]) ?? -1);
  if (position >= 0) go(position, false);
}

function enlarge() {
  if (!shown.length) {
    closeLarge();
    return;
  }
  const { current } = selection;
  const title = format(texts.face, { position: current + 1, all: shown.length });
  const isSelected = selection.names.has(selection.nameAt(current));
  showLarge(table, shown[current], title, isSelected, texts);
  pinnedFaces.show();
  editor.show(currentName());
}

function go(position, extend) {
  const target = clamp(position);
  if (extend) selection.extendTo(target);
  else selection.moveTo(target);
  grid.reveal(target);
  showSelection();
}

/** Return the position to which a key leads; undefined for other keys. */
function destination(key) {
  const { current } = selection;
  const page = grid.visibleRows * grid.columns;
  const row = isLarge() ? 1 : grid.columns;
  return {
    ArrowLeft: current - 1,
    ArrowRight: current + 1,
    ArrowUp: current - row,
    ArrowDown: current + row,
    PageUp: current - page,
    PageDown: current + page,
    Home: 0,
    End: shown.length - 1,
  }[key];
}

function toggleCurrent() {
  selection.toggle(selection.current);
  showSelection();
}

const COMMANDS = {
  Delete: reject,
  " ": toggleCurrent,
  Enter: enlarge,
  p: () => pinnedFaces.toggle(),
  i: () => selection.names.size > 2 && interpolate(),
  Escape: () => (selection.all([]), showSelection()),
  "Control+a": () => {
    selection.all(Array.from(shown, (index) => table.names[index]));
    showSelection();
  },
  "Control+z": undo,
};

/** Whether a key belongs to the control that has the focus. */
function belongsToControl(event) {
  if (document.getElementById("keys-dialog").open) return true;
  if (event.target.closest("select, input, textarea")) return true;
  return event.target.closest("button, a, summary") && [" ", "Enter"].includes(event.key);
}

function onKey(event) {
  if (belongsToControl(event) || event.altKey) return;
  if (isLarge() && (editor.key(event) || stepKey(event))) {
    event.preventDefault();
    return;
  }
  const control = event.ctrlKey || event.metaKey;
  const position = control ? undefined : destination(event.key);
  const command = COMMANDS[control ? `Control+${event.key.toLowerCase()}` : event.key];
  // The browser closes the large view itself.
  if (event.key === "Escape" && isLarge()) return;
  if (position === undefined && !command) return;
  event.preventDefault();
  if (position === undefined) command();
  else if (shown.length) go(position, event.shiftKey);
}

/** Go to another face by comma and period, also while landmarks are moved by arrows. */
function stepKey(event) {
  const difference = { ",": -1, ".": 1 }[event.key];
  if (difference) step(difference);
  return Boolean(difference);
}

function onClick(event) {
  const cell = event.target.closest(".face");
  if (!cell) return;
  const position = Number(cell.dataset.position);
  if (event.shiftKey) selection.extendTo(position);
  else if (event.ctrlKey || event.metaKey) selection.toggle(position);
  else selection.only(position);
  view.focus({ preventScroll: true });
  showSelection();
}

function step(difference) {
  go(selection.current + difference, false);
}

function listen() {
  onChangeElsewhere(texts.url, async () => {
    await reload();
    await pinnedFaces.load();
  });
  document.addEventListener("keydown", onKey);
  view.addEventListener("click", onClick);
  view.addEventListener("dblclick", (event) => event.target.closest(".face") && enlarge());
  view.addEventListener("load", ({ target }) => endPicture(target, true), true);
  view.addEventListener("error", ({ target }) => endPicture(target, false), true);
  order.addEventListener("change", () => arrange());
  filter.addEventListener("change", () => arrange());
  element("reverse").addEventListener("click", ({ currentTarget }) => {
    const pressed = currentTarget.getAttribute("aria-pressed") === "true";
    currentTarget.setAttribute("aria-pressed", String(!pressed));
    arrange();
  });
  element("reject").addEventListener("click", reject);
  element("undo").addEventListener("click", undo);
  element("interpolate").addEventListener("click", interpolate);
  element("large").addEventListener("cancel", (event) => {
    if (!editor.isEditing) return;
    event.preventDefault();
    editor.setMode("view");
  });
  element("large-previous").addEventListener("click", () => step(-1));
  element("large-next").addEventListener("click", () => step(1));
  element("large-select").addEventListener("click", toggleCurrent);
  element("large-reject").addEventListener("click", reject);
}

listen();
say("reading");
await reload();
element("news").textContent = "";
await pinnedFaces.load();
view.focus({ preventScroll: true });
