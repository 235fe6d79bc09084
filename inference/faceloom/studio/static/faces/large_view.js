// One face at its full size with its measurements.

import { clipTime } from "../shared/times.js";

const dialog = document.getElementById("large");
const element = (id) => document.getElementById(id);

function values(table, index, captions) {
  const at = (name) => table.columns[name][index];
  return {
    source: table.files[at("file")],
    time: clipTime(at("seconds")),
    frame: String(at("frame")),
    sharpness: at("sharpness").toFixed(2),
    brightness: at("brightness").toFixed(2),
    yaw: captions.captionYaw.replace("{value}", at("yaw").toFixed(0)),
    pitch: captions.captionPitch.replace("{value}", at("pitch").toFixed(0)),
    size: captions.captionSize.replace("{value}", at("size")),
    similarity: at("similarity").toFixed(2),
    name: `${table.names[index]}.jpg`,
  };
}

/** Whether the large view is open. */
export function isLarge() {
  return dialog.open;
}

/**
 * Show a face large, or another one if the view is open.
 * @param {FaceTable} table the faces.
 * @param {number} index the face.
 * @param {string} title the heading.
 * @param {boolean} selected whether the face is selected.
 * @param {DOMStringMap} texts the data of the page, with its address and captions.
 */
export function showLarge(table, index, title, selected, texts) {
  element("large-title").textContent = title;
  element("large-picture").src = `${texts.url}/crop/${table.names[index]}`;
  for (const [name, value] of Object.entries(values(table, index, texts))) {
    dialog.querySelector(`[data-value="${name}"]`).textContent = value;
  }
  element("large-duplicate").hidden = !table.isDuplicate(index);
  element("large-other").hidden = !table.isOther(index);
  element("large-select").setAttribute("aria-pressed", String(selected));
  if (!dialog.open) dialog.showModal();
}

/** Close the large view. */
export function closeLarge() {
  dialog.close();
}
