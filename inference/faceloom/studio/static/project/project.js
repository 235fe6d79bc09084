// The page of the project: add and remove items, extract faces.

import { errorSentence, orMessage, post, showMessage } from "../shared/api.js";
import { onQueue } from "../shared/events.js";
import { sendForm } from "../shared/forms.js";
import { createPicker } from "../shared/picker.js";
import { announceChange, onChangeElsewhere } from "../shared/tabs.js";

// The change that tabs announce, see `tabs.js`.
const ITEMS = "items";

const openPicker = createPicker(document.getElementById("picker-dialog"), async (path) => {
  await post("/open", { path });
  showChange();
});
document.querySelector("[data-open=picker-dialog]").addEventListener("click", () => openPicker());

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-remove]");
  if (!button) return;
  const body = { kind: button.dataset.kind, id: button.dataset.remove };
  if (await orMessage(() => post("/remove", body))) showChange();
});

sendForm(
  document.getElementById("extract-form"),
  "/extract",
  (data) => ({
    name: data.get("name"),
    clips: data.getAll("clips"),
    every: Number(data.get("every")),
    add: data.has("add"),
  }),
  () => (location.href = "/jobs"),
);

function send(file, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/upload?name=${encodeURIComponent(file.name)}`);
    request.upload.addEventListener("progress", (event) => onProgress(event.loaded / event.total));
    request.addEventListener("load", () => {
      if (request.status === 200) resolve();
      else reject(new Error(errorSentence(request.responseText)));
    });
    request.addEventListener("error", () => reject(new Error(document.body.dataset.lost)));
    request.send(file);
  });
}

async function sendAll(files) {
  const box = document.getElementById("upload");
  let failed = false;
  box.hidden = false;
  const bar = box.querySelector("progress");
  for (const file of files) {
    box.querySelector("span").textContent = file.name;
    bar.value = 0;
    try {
      await send(file, (share) => (bar.value = share));
      announceChange(ITEMS);
    } catch (error) {
      failed = true;
      showMessage(error.message);
    }
  }
  box.hidden = true;
  if (!failed) location.reload();
}

const clips = document.getElementById("clips");
clips.addEventListener("dragover", (event) => {
  event.preventDefault();
  clips.classList.add("drop");
});
clips.addEventListener("dragleave", () => clips.classList.remove("drop"));
clips.addEventListener("drop", (event) => {
  event.preventDefault();
  clips.classList.remove("drop");
  sendAll([...event.dataTransfer.files]);
});

function showChange() {
  announceChange(ITEMS);
  location.reload();
}

function isBusy() {
  return document.querySelector("dialog[open]") || !document.getElementById("upload").hidden;
}

onChangeElsewhere(ITEMS, () => isBusy() || location.reload());

// The lists are read again when a job has ended since the page was made.
let ended = Number(clips.dataset.endedJobs);
onQueue(({ jobs }) => {
  const now = jobs.filter((job) => job.state === "done").length;
  if (now > ended && !isBusy()) location.reload();
  ended = now;
});
