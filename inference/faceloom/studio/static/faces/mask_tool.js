// The painted mask of one face: where the face is visible, and where it is hidden.

import { trace } from "./editor_canvas.js";

// Color of what is hidden, and how much of the picture it covers.
const HIDDEN_COLOR = "#d6336c";
const HIDDEN_ALPHA = 0.55;

/** Read the mask of the face at an address as an image; `problem` is the error's text. */
export async function readMask(url, problem) {
  const image = new Image();
  image.src = `${url}/mask?${Date.now()}`;
  try {
    await image.decode();
  } catch {
    throw new Error(problem);
  }
  return image;
}

/** The mask as a canvas that is opaque where the face is hidden. */
export class MaskTool {
  /** @param {HTMLInputElement} slider the slider of the brush's diameter, in pixels of the crop. */
  constructor(slider) {
    this.hidden = document.createElement("canvas");
    this.slider = slider;
    this.adds = false;
    this.isLoaded = false;
    this.cursor = null;
  }

  /** Show a mask: an image that is white where the face is visible. */
  load(image) {
    this.hidden.width = image.naturalWidth;
    this.hidden.height = image.naturalHeight;
    const context = this.#context();
    context.drawImage(image, 0, 0);
    const pixels = context.getImageData(0, 0, this.hidden.width, this.hidden.height);
    for (let at = 0; at < pixels.data.length; at += 4) {
      pixels.data[at + 3] = 255 - pixels.data[at];
      pixels.data[at] = pixels.data[at + 1] = pixels.data[at + 2] = 0;
    }
    context.putImageData(pixels, 0, 0);
    this.isLoaded = true;
  }

  /** Diameter of the brush in pixels of the crop. */
  get brush() {
    return Number(this.slider.value);
  }

  /** Paint a line between two places; a dot if they are the same. */
  stroke([fromX, fromY], [toX, toY], adds) {
    const context = this.#context();
    context.globalCompositeOperation = adds ? "destination-out" : "source-over";
    context.lineWidth = this.brush;
    context.lineCap = "round";
    context.beginPath();
    context.moveTo(fromX + 0.5, fromY + 0.5);
    context.lineTo(toX + 0.5, toY + 0.5);
    context.stroke();
    context.globalCompositeOperation = "source-over";
  }

  /** Return the mask as a PNG in base64, white where the face is visible. */
  toPng() {
    const canvas = document.createElement("canvas");
    canvas.width = this.hidden.width;
    canvas.height = this.hidden.height;
    const pixels = this.#context().getImageData(0, 0, canvas.width, canvas.height);
    for (let at = 0; at < pixels.data.length; at += 4) {
      const visible = 255 - pixels.data[at + 3];
      pixels.data[at] = pixels.data[at + 1] = pixels.data[at + 2] = visible;
      pixels.data[at + 3] = 255;
    }
    canvas.getContext("2d").putImageData(pixels, 0, 0);
    return canvas.toDataURL("image/png").split(",")[1];
  }

  /** Draw what is hidden inside the outline, and the brush; the unit is a pixel of the crop. */
  draw(context, zoom, outline) {
    if (!this.isLoaded) return;
    context.save();
    context.beginPath();
    trace(context, outline);
    context.clip();
    context.globalAlpha = HIDDEN_ALPHA;
    context.drawImage(this.#tinted(), -0.5, -0.5);
    context.restore();
    if (this.cursor) this.#drawBrush(context, zoom);
  }

  #drawBrush(context, zoom) {
    context.lineWidth = 1.5 / zoom;
    for (const [color, grow] of [["#000", 0.7], ["#fff", 0]]) {
      context.strokeStyle = color;
      context.beginPath();
      context.arc(...this.cursor, this.brush / 2 + grow, 0, 7);
      context.stroke();
    }
  }

  #tinted() {
    const canvas = document.createElement("canvas");
    canvas.width = this.hidden.width;
    canvas.height = this.hidden.height;
    const context = canvas.getContext("2d");
    context.drawImage(this.hidden, 0, 0);
    context.globalCompositeOperation = "source-in";
    context.fillStyle = HIDDEN_COLOR;
    context.fillRect(0, 0, canvas.width, canvas.height);
    return canvas;
  }

  #context() {
    return this.hidden.getContext("2d", { willReadFrequently: true });
  }
}
