// The swap page: stills that follow the timeline and the settings, and the conversion.

import { get, orMessage, post, request, showMessage } from "../shared/api.js";
import { Latest } from "../shared/latest.js";
import { fill } from "../shared/texts.js";
import { connectEstimate } from "./convert_estimate.js";
import { onPeople, openConversion, readConversion, resetClip, stillPeople } from "./convert_panel.js";
import { readPersonBundles } from "./person_bundles.js";
import {
  allSections,
  baseSettings,
  followFrame,
  isSwapped,
  keepBase,
  keepPanel,
  onSections,
  openSections,
  stillSections,
} from "./swap_sections.js";
import { onSettings, showSuggestions, writeSettings } from "./swap_settings.js";
import { setZoom, show } from "./swap_stage.js";
import { currentFrame, onFrame, showClip } from "./swap_timeline.js";
import { openMarks } from "./timeline_marks.js";

const clip = document.getElementById("clip");
const bundle = document.getElementById("bundle");
const output = document.getElementById("output");
const status = document.getElementById("status");
const texts = document.getElementById("swap").dataset;
// Milliseconds without another frame after which the still of the last one is made.
const SETTLE_MS = 120;
// Milliseconds after the last change until the address and the command line follow.
const FOLLOW_MS = 150;

// Status of an answer without the picture, which is not ready.
const ACCEPTED = 202;

const stills = new Latest();
const commands = new Latest();
let settle = 0;
let follow = 0;
let late = 0;
// Resolves to whether the chosen clip is shown, when it has been read.
let opened = Promise.resolve(false);

function chosen(name) {
  return document.querySelector(`input[name=${name}]:checked`).value;
}

// Repeats a request while the studio answers with the progress of the frames that the still needs;
// null if a newer still is asked for meanwhile.
async function picture(url) {
  let answer = await request(url);
  while (answer.status === ACCEPTED) {
    const { done, total } = await answer.json();
    clearTimeout(late);
    status.textContent = fill(texts.preparing, done, total);
    if (stills.isOutdated) return null;
    answer = await request(url);
  }
  return { bitmap: await createImageBitmap(await answer.blob()), headers: answer.headers };
}

function stillUrl(view, draft) {
  const query = new URLSearchParams({
    ...baseSettings(),
    ...stillSections(),
    ...stillPeople(),
    view,
  });
  if (draft) query.set("draft", "true");
  return `/still/${clip.value}/${bundle.value}/${currentFrame()}?${query}`;
}

async function showOriginal(text) {
  const { bitmap } = await picture(`/frame/${clip.value}/${currentFrame()}`);
  show("original", bitmap);
  status.textContent = text;
}

async function showStill(draft) {
  const view = chosen("view");
  const isDouble = view === "side" || view === "wipe";
  const started = performance.now();
  const urls = [stillUrl(isDouble ? "swap" : view, draft)];
  if (isDouble) urls.push(`/frame/${clip.value}/${currentFrame()}`);
  const [still, original] = await Promise.all(urls.map(picture));
  if (!still) return;
  show(view, still.bitmap, original?.bitmap);
  const milliseconds = Math.round(performance.now() - started);
  const hasFace = still.headers.get("X-Swapped-Faces") !== texts.zero;
  const text = draft ? texts.draft : texts.milliseconds;
  const withoutFace = isSwapped() ? texts.noFace : texts.leftAlone;
  status.textContent = hasFace ? fill(text, milliseconds) : withoutFace;
}

/**
 * Renew the still.
 * @param {object} how - `draft`: quick, while a slider moves. `moving`: the original, which needs no
 *   network. `fresh`: quick first, then exact, since the network has not seen this frame.
 */
function renew({ draft = false, moving = false, fresh = false }) {
  clearTimeout(settle);
  if (moving) settle = setTimeout(() => renew({ fresh: true }), SETTLE_MS);
  stills.run(async () => {
    try {
      if (!bundle) await showOriginal(texts.noBundle);
      else if (moving) await showOriginal(texts.moving);
      else if (chosen("view") === "original") await showOriginal("");
      else await workOn(() => showStills(draft, fresh));
    } catch (error) {
      status.textContent = "";
      showMessage(error.message);
    }
  });
}

async function showStills(draft, fresh) {
  if (fresh) await showStill(true);
  if (!fresh || !stills.isOutdated) await showStill(draft);
}

// The word appears only if the work takes long, so that a slider does not make it flicker.
async function workOn(work) {
  late = setTimeout(() => (status.textContent = texts.working), 400);
  try {
    await work();
  } finally {
    clearTimeout(late);
  }
}

function followLater() {
  clearTimeout(follow);
  follow = setTimeout(() => {
    keepAddress();
    commands.run(showCommand);
  }, FOLLOW_MS);
}

// The address contains the choices, so that a reload or a bookmark restores them.
function keepAddress() {
  const query = new URLSearchParams({ clip: clip.value, frame: currentFrame(), ...baseSettings() });
  if (bundle) query.set("bundle", bundle.value);
  history.replaceState(null, "", `?${query}`);
}

function conversion() {
  const data = new FormData(output);
  return {
    clip: clip.value,
    bundle: bundle.value,
    name: data.get("name"),
    settings: baseSettings(),
    sections: allSections(),
    options: readConversion(),
    person_bundles: readPersonBundles(),
  };
}

async function showCommand() {
  if (!output) return;
  let command = "";
  let jobFile = "";
  let problem = "";
  try {
    ({ command, job_file: jobFile } = await post("/swap/command", conversion()));
  } catch (error) {
    problem = error.message;
  }
  document.getElementById("command").textContent = command;
  document.getElementById("job-file").textContent = jobFile;
  showProblem(problem);
}

function showProblem(sentence) {
  const element = document.getElementById("output-error");
  element.textContent = sentence;
  element.hidden = !sentence;
}

async function convert(event) {
  event.preventDefault();
  const queued = document.getElementById("queued");
  queued.hidden = true;
  if (!(await isOpened())) return;
  try {
    const { job } = await post("/swap/convert", conversion());
    showProblem("");
    queued.querySelector("span").textContent = fill(texts.queued, job);
    queued.hidden = false;
  } catch (error) {
    showProblem(error.message);
  }
}

function suggestName() {
  if (!output || output.elements.name.dataset.edited) return;
  const stem = clip.selectedOptions[0].dataset.name.replace(/\.[^.]*$/, "");
  output.elements.name.value = `${stem}_${bundle.selectedOptions[0].dataset.name}`;
}

/** Return whether the chosen clip, whose sections belong to the conversion, could be read. */
async function isOpened() {
  const last = opened;
  const isShown = await last;
  return last === opened ? isShown : isOpened();
}

/** Show the chosen clip; return whether it could be read. */
async function openClip(frame = 0) {
  const id = clip.value;
  const info = await orMessage(() => get(`/swap/clip/${id}`));
  if (!info || id !== clip.value) return false;
  showClip(id, info, frame);
  openSections(id, info);
  openMarks(id, info);
  suggestName();
  followLater();
  renew({ fresh: true });
  return true;
}

async function openBundle() {
  if (!bundle) return;
  suggestName();
  const id = bundle.value;
  const suggested = await orMessage(() => get(`/swap/bundle/${id}`));
  if (suggested && id === bundle.value) showSuggestions(suggested);
}

function listen() {
  onFrame((change) => {
    followFrame();
    renew({ moving: change.moving, fresh: !change.moving });
    if (!change.moving) followLater();
  });
  onSections(() => {
    renew({});
    followLater();
  });
  onPeople(() => renew({ fresh: true }));
  onSettings((change) => {
    keepPanel(change.draft);
    renew(change);
    followLater();
  });
  clip.addEventListener("change", () => {
    resetClip();
    opened = openClip();
  });
  bundle?.addEventListener("change", () => {
    openBundle();
    followLater();
    renew({ fresh: true });
  });
  for (const radio of document.querySelectorAll("input[name=view]")) {
    radio.addEventListener("change", () => renew({}));
  }
  for (const radio of document.querySelectorAll("input[name=zoom]")) {
    radio.addEventListener("change", () => setZoom(radio.value));
  }
  output?.elements.name.addEventListener("input", (event) => {
    event.target.dataset.edited = event.target.value;
  });
  output?.addEventListener("input", followLater);
  output?.addEventListener("submit", convert);
}

function chooseFromAddress() {
  const { clip: clipId, bundle: bundleId, frame, ...settings } = Object.fromEntries(
    new URLSearchParams(location.search),
  );
  const has = (list, id) => [...list.options].some((option) => option.value === id);
  if (clipId && has(clip, clipId)) clip.value = clipId;
  if (bundle && bundleId && has(bundle, bundleId)) bundle.value = bundleId;
  writeSettings(settings);
  keepBase();
  return Number(frame) || 0;
}

listen();
connectEstimate(conversion);
const frame = chooseFromAddress();
openConversion();
openBundle();
opened = openClip(frame);
