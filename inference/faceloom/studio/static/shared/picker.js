// A dialog that chooses something from this machine: an item of the project, or a picture.

import { get } from "../shared/api.js";

function entryButton(text, detail, onClick) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "picker-entry";
  const name = document.createElement("strong");
  name.textContent = text;
  const kind = document.createElement("span");
  kind.className = "quiet";
  kind.textContent = detail;
  button.append(name, kind);
  button.addEventListener("click", onClick);
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function note(text) {
  const item = document.createElement("li");
  item.className = "empty";
  item.textContent = text;
  return item;
}

function megabytes(size) {
  return size ? `${(size / 1e6).toFixed(1)} MB` : "";
}

/**
 * Prepare a picker's dialog.
 * @param {HTMLDialogElement} dialog - as `picker_dialog.html.j2` makes it.
 * @param {(path: string) => Promise<void>} onChoose - takes what is chosen; its error is shown.
 * @returns {(path?: string) => Promise<void>} lists a folder; without a path, the one that was
 *   listed last.
 */
export function createPicker(dialog, onChoose) {
  const list = dialog.querySelector(".picker");
  const problem = dialog.querySelector(".error-text");
  const stored = `picker-${dialog.dataset.kind}`;

  async function attempt(work) {
    try {
      await work();
      problem.hidden = true;
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    }
  }

  function button(entry) {
    if (entry.kind === "folder") return entryButton(`${entry.name}/`, "", () => open(entry.path));
    const detail = `${entry.kind} ${megabytes(entry.size)}`;
    return entryButton(entry.name, detail, () => attempt(() => onChoose(entry.path)));
  }

  function show(listing) {
    dialog.querySelector(".picker-path").textContent = listing.path;
    const up = () => open(listing.parent);
    const above = listing.parent === null ? [] : [entryButton(`↑ ${list.dataset.up}`, "", up)];
    const notes = listing.entries.length ? [] : [note(list.dataset.empty)];
    if (!listing.is_complete) notes.push(note(list.dataset.more));
    list.replaceChildren(...above, ...listing.entries.map(button), ...notes);
    list.querySelector("button")?.focus();
  }

  async function open(path = sessionStorage.getItem(stored) ?? "") {
    // If the folder cannot be shown, the next try begins at the roots.
    sessionStorage.removeItem(stored);
    await attempt(async () => {
      show(await get(`/browse?kind=${dialog.dataset.kind}&path=${encodeURIComponent(path)}`));
      sessionStorage.setItem(stored, path);
    });
  }

  return open;
}
