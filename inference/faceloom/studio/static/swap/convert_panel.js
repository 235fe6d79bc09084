// The conversion panel: the options of `faceloom convert` without those of the blend.

import { createPicker } from "../shared/picker.js";
import { fill } from "../shared/texts.js";
import { currentFrame } from "./swap_timeline.js";
import { readPersonBundles, showPeople } from "./person_bundles.js";

const form = document.getElementById("output");
const clip = document.getElementById("clip");
const STORAGE_KEY = "conversion";
const pictures = { reference: [], exclude: [] };
const NUMBERS = ["quality", "first_frame", "last_frame", "threshold"];
const TEXTS = ["container", "encoder", "speed", "streams", "on_missing", "label", "label_position"];

// The list that the next picture is added to.
let addTo = "reference";
// The people of the last still, as in its address.
let shownPeople = "";
let notifyPeople = () => {};

/** Return the options that are not left to the default, as values of `ConversionOptions`. */
export function readConversion() {
  const options = {};
  for (const name of TEXTS) options[name] = form.elements[name].value;
  for (const name of NUMBERS) {
    if (form.elements[name].value !== "") options[name] = form.elements[name].valueAsNumber;
  }
  options.watermark = form.elements.watermark.checked;
  // The automatic corner is left out.
  if (!options.label_position) delete options.label_position;
  return { ...options, ...pictures };
}

/** Return whose faces are swapped, as a part of a still's address; empty if that is left to the default. */
export function stillPeople() {
  if (!form) return {};
  const { reference, exclude, threshold } = readConversion();
  const chosen = { person_bundles: readPersonBundles(), reference, exclude };
  if (Object.values(chosen).every((list) => !list.length)) return {};
  return { people: JSON.stringify({ ...chosen, threshold }) };
}

/** Call a function whenever other people are swapped, or with other bundles. */
export function onPeople(callback) {
  notifyPeople = callback;
}

/** Reset what belongs to the video: the part, and the bundles of its people. */
export function resetClip() {
  if (!form) return;
  form.elements.first_frame.value = form.elements.last_frame.value = "";
  showPeople(clip.value, addReferences);
  // `openClip` renews the still, once the current frame is one of the new video.
  shownPeople = peopleText();
  changed();
}

function addReferences(paths) {
  setPictures("reference", [...new Set([...pictures.reference, ...paths])]);
}

function changed() {
  form.dispatchEvent(new Event("input", { bubbles: true }));
}

function thumbnail(list, name, path) {
  const image = new Image();
  image.src = `/picture?path=${encodeURIComponent(path)}`;
  image.alt = path.split("/").pop();
  image.title = path;
  const remove = document.createElement("button");
  remove.type = "button";
  remove.className = "remove";
  remove.textContent = "×";
  remove.setAttribute("aria-label", fill(list.dataset.remove, image.alt));
  remove.addEventListener("click", () => {
    setPictures(name, pictures[name].filter((other) => other !== path));
  });
  const item = document.createElement("li");
  item.append(image, remove);
  return item;
}

function showPictures(name) {
  const list = form.querySelector(`[data-pictures=${name}]`);
  list.replaceChildren(...pictures[name].map((path) => thumbnail(list, name, path)));
}

function setPictures(name, paths) {
  pictures[name] = paths;
  showPictures(name);
  changed();
}

function addPicture(path) {
  setPictures(addTo, [...new Set([...pictures[addTo], path])]);
  document.getElementById("picture-dialog").close();
}

function isChanged(field) {
  if (field.type === "checkbox") return field.checked;
  if (field.tagName !== "SELECT") return field.value !== "";
  const initial = [...field.options].findIndex((option) => option.defaultSelected);
  return field.selectedIndex !== Math.max(0, initial);
}

// The heading of a group shows whether an option in it differs from the default.
function markChanges() {
  for (const group of form.querySelectorAll("details")) {
    const fields = [...group.querySelectorAll("input, select")];
    const hasPictures = group.querySelector(".chosen-pictures li") !== null;
    const isMarked = hasPictures || fields.some(isChanged);
    group.querySelector("summary").dataset.note = isMarked ? form.dataset.changed : "";
  }
}

function store() {
  const kept = { clip: clip.value, options: readConversion() };
  sessionStorage.setItem(STORAGE_KEY, JSON.stringify(kept));
}

function restore() {
  const { clip: before, options = {} } = JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? "{}");
  if (clip.value !== before) options.first_frame = options.last_frame = undefined;
  for (const name of [...TEXTS, ...NUMBERS]) {
    if (options[name] !== undefined) form.elements[name].value = options[name];
  }
  form.elements.watermark.checked = options.watermark ?? false;
  for (const name of Object.keys(pictures)) {
    pictures[name] = options[name] ?? [];
    showPictures(name);
  }
  markChanges();
}

function listen() {
  const dialog = document.getElementById("picture-dialog");
  const openPicker = createPicker(dialog, async (path) => addPicture(path));
  for (const button of form.querySelectorAll("[data-add]")) {
    button.addEventListener("click", () => {
      addTo = button.dataset.add;
      dialog.showModal();
      openPicker();
    });
  }
  for (const button of form.querySelectorAll("[data-playhead]")) {
    button.addEventListener("click", () => {
      form.elements[button.dataset.playhead].value = currentFrame();
      changed();
    });
  }
  form.addEventListener("input", () => {
    markChanges();
    store();
    followPeople();
  });
}

function peopleText() {
  return stillPeople().people ?? "";
}

function followPeople() {
  const people = peopleText();
  if (people === shownPeople) return;
  shownPeople = people;
  notifyPeople();
}

/** Restore the options of this tab for the chosen video, and follow the panel. */
export function openConversion() {
  if (!form) return;
  restore();
  shownPeople = peopleText();
  listen();
  showPeople(clip.value, addReferences);
}
