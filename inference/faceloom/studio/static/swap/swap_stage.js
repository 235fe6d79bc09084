// The canvas of the swap page: one picture, two beside each other, or a wipe between two.

const stage = document.getElementById("stage");
const canvas = document.getElementById("canvas");
const context = canvas.getContext("2d");
const handle = document.getElementById("wipe");
const field = document.getElementById("wipe-field");
const range = document.getElementById("wipe-range");

let shown = { view: "", first: null, second: null };
let zoom = "fit";

/**
 * Show pictures.
 * @param {string} view - "side" and "wipe" need two pictures.
 * @param {ImageBitmap} first - the swap, or the only picture.
 * @param {ImageBitmap} [second] - the original.
 */
export function show(view, first, second = null) {
  for (const old of [shown.first, shown.second]) {
    if (old && old !== first && old !== second) old.close();
  }
  shown = { view, first, second };
  const width = view === "side" ? first.width * 2 : first.width;
  if (canvas.width !== width || canvas.height !== first.height) {
    canvas.width = width;
    canvas.height = first.height;
  }
  stage.dataset.view = view;
  handle.hidden = field.hidden = view !== "wipe";
  draw();
  fit();
}

/** Show a still in the size of the window, or one pixel of it in one of the screen. */
export function setZoom(value) {
  zoom = value;
  fit();
}

function draw() {
  const { view, first, second } = shown;
  if (!first) return;
  context.drawImage(first, 0, 0);
  if (view === "side") context.drawImage(second, first.width, 0);
  if (view === "wipe") drawWipe(second);
}

// The swap is on the left of the handle, the original on its right.
function drawWipe(original) {
  const from = Math.round((canvas.width * range.value) / 100);
  const columns = canvas.width - from;
  if (columns > 0) {
    context.drawImage(original, from, 0, columns, canvas.height, from, 0, columns, canvas.height);
  }
  handle.style.left = `${range.value}%`;
}

function fit() {
  const inside = Math.min(stage.clientWidth / canvas.width, stage.clientHeight / canvas.height);
  const scale = zoom === "fit" ? inside : 1 / window.devicePixelRatio;
  canvas.style.width = `${Math.floor(canvas.width * scale)}px`;
  canvas.style.height = `${Math.floor(canvas.height * scale)}px`;
}

function moveWipe(event) {
  const box = canvas.getBoundingClientRect();
  range.value = (100 * (event.clientX - box.left)) / box.width;
  draw();
}

canvas.addEventListener("pointerdown", (event) => {
  if (shown.view !== "wipe") return;
  canvas.setPointerCapture(event.pointerId);
  moveWipe(event);
});
canvas.addEventListener("pointermove", (event) => {
  if (canvas.hasPointerCapture(event.pointerId)) moveWipe(event);
});
range.addEventListener("input", draw);
new ResizeObserver(fit).observe(stage);
