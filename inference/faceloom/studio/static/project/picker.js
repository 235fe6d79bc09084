// The dialog that chooses a video or an artifact from this machine.

import { get, post } from "../shared/api.js";

const list = document.getElementById("picker-list");
const problem = document.querySelector("#picker-dialog .error-text");

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

async function attempt(work) {
  try {
    await work();
    problem.hidden = true;
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
  }
}

async function choose(entry) {
  await attempt(async () => {
    await post("/open", { path: entry.path });
    location.reload();
  });
}

function show(listing) {
  document.getElementById("picker-path").textContent = listing.path;
  const above = listing.parent === null ? [] : [entryButton(`↑ ${list.dataset.up}`, "", () => openPicker(listing.parent))];
  const entries = listing.entries.map((entry) =>
    entry.kind === "folder"
      ? entryButton(`${entry.name}/`, "", () => openPicker(entry.path))
      : entryButton(entry.name, `${entry.kind} ${megabytes(entry.size)}`, () => choose(entry)),
  );
  const notes = entries.length ? [] : [note(list.dataset.empty)];
  if (!listing.is_complete) notes.push(note(list.dataset.more));
  list.replaceChildren(...above, ...entries, ...notes);
  list.querySelector("button")?.focus();
}

/** List a folder in the dialog; without a path, the one that was listed last. */
export async function openPicker(path = sessionStorage.getItem("picker") ?? "") {
  // If the folder cannot be shown, the next try begins at the roots.
  sessionStorage.removeItem("picker");
  await attempt(async () => {
    show(await get(`/browse?path=${encodeURIComponent(path)}`));
    sessionStorage.setItem("picker", path);
  });
}
