// The timeline of the swap page: thumbnails, the position, keys, and playing.

import { fill } from "../shared/texts.js";
import { clipTime } from "../shared/times.js";

const range = document.getElementById("timeline");
const strip = document.getElementById("thumbnails");
const position = document.getElementById("position");
const texts = document.getElementById("swap").dataset;
// Frames that a step with Shift moves.
const LARGE_STEP = 10;

let rate = 25;
let notify = () => {};
let follow = () => {};
let playing = null;

/** Return the index of the frame that is shown. */
export function currentFrame() {
  return Number(range.value);
}

/**
 * Show a clip.
 * @param {string} clip - its id.
 * @param {{frames: number, rate: number, thumbnails: number[]}} info - its properties.
 * @param {number} frame - the frame to go to.
 */
export function showClip(clip, info, frame) {
  stop();
  rate = info.rate;
  range.max = info.frames - 1;
  range.value = frame;
  strip.replaceChildren(...info.thumbnails.map((index) => thumbnail(clip, index)));
  showPosition();
}

/** Call a function with {moving} whenever the frame changes; `moving`: more changes follow. */
export function onFrame(callback) {
  notify = callback;
}

/** Call a function whenever the position changes, before the still is renewed. */
export function onMove(callback) {
  follow = callback;
}

/** Go to a frame and stop there. */
export function goToFrame(frame) {
  stop();
  goTo(frame);
}

/** Go to a frame while more changes follow. */
export function scrubToFrame(frame) {
  stop();
  goTo(frame, true);
}

/** Add keys: functions by the key's name. */
export function addKeys(keys) {
  Object.assign(KEYS, keys);
}

function thumbnail(clip, index) {
  const image = new Image();
  image.src = `/thumbnail/${clip}/${index}`;
  image.alt = "";
  image.draggable = false;
  return image;
}

function showPosition() {
  position.textContent = fill(texts.frame, currentFrame(), range.max, clipTime(currentFrame() / rate));
  follow();
}

function goTo(frame, moving = false) {
  const before = range.value;
  range.value = frame;
  if (range.value === before) return false;
  showPosition();
  notify({ moving });
  return true;
}

function step(frames) {
  stop();
  goTo(currentFrame() + frames);
}

function play(direction) {
  stop();
  const started = { time: performance.now(), frame: currentFrame() };
  playing = setInterval(() => {
    const passed = ((performance.now() - started.time) * rate) / 1000;
    const frame = started.frame + direction * Math.round(passed);
    if (frame < 0 || frame > Number(range.max)) stop();
    else goTo(frame, true);
  }, 1000 / rate);
}

function stop() {
  if (playing === null) return;
  clearInterval(playing);
  playing = null;
  notify({ moving: false });
}

const KEYS = {
  j: () => play(-1),
  k: stop,
  l: () => play(1),
  ",": () => step(-1),
  ".": () => step(1),
  ArrowLeft: (event) => step(event.shiftKey ? -LARGE_STEP : -1),
  ArrowRight: (event) => step(event.shiftKey ? LARGE_STEP : 1),
  Home: () => step(-Number(range.max)),
  End: () => step(Number(range.max)),
};

// Keys that move a slider or choose among radio buttons.
const MOVES = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];

// Sliders and checkboxes leave letters and Del to the timeline.
function isTyping({ target, key }) {
  if (target.closest("dialog")) return true;
  if (target === range || !target.matches("input, select, textarea")) return false;
  return MOVES.includes(key) || !target.matches("[type=range], [type=checkbox], [type=radio]");
}

document.addEventListener("keydown", (event) => {
  const isCommand = event.ctrlKey || event.metaKey || event.altKey;
  const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action || isCommand || isTyping(event)) return;
  event.preventDefault();
  action(event);
});
range.addEventListener("input", () => {
  showPosition();
  notify({ moving: true });
});
range.addEventListener("change", () => notify({ moving: false }));
strip.addEventListener("click", (event) => {
  const box = strip.getBoundingClientRect();
  stop();
  goTo(Math.floor(((event.clientX - box.left) / box.width) * (Number(range.max) + 1)));
});
for (const button of document.querySelectorAll("[data-step]")) {
  button.addEventListener("click", () => step(Number(button.dataset.step)));
}
document.getElementById("play").addEventListener("click", () => (playing === null ? play(1) : stop()));
