// The canvas of the editor: the crop, the face's outline and what a tool draws.

// How dark it is outside the outline, where the mask does not count.
const OUTSIDE = "rgb(0 0 0 / .45)";
const OUTLINE = "rgb(255 255 255 / .8)";

/** A crop on a canvas, at 100 % or more; places are in pixels of the crop. */
export class EditorCanvas {
  /** @param {HTMLCanvasElement} canvas the element. */
  constructor(canvas) {
    this.canvas = canvas;
    this.zoom = 1;
    this.size = 512;
  }

  /** Return the place of a pointer. */
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const scale = this.size / box.width;
    return [(event.clientX - box.left) * scale - 0.5, (event.clientY - box.top) * scale - 0.5];
  }

  /** Scroll so that a place is in the middle. */
  center([x, y]) {
    const stage = this.canvas.parentElement;
    stage.scrollTo(x * this.zoom - stage.clientWidth / 2, y * this.zoom - stage.clientHeight / 2);
  }

  /**
   * Draw the crop and what lies on it.
   * @param {HTMLImageElement} picture the crop, which is left out if it cannot be read.
   * @param {number[][]} outline the face's outline; none if it is not known.
   * @param {boolean} shade whether to darken what lies outside of it.
   * @param {(context: CanvasRenderingContext2D, zoom: number, outline: number[][]) => void} drawTool draws the tool.
   */
  draw(picture, outline, shade, drawTool) {
    const side = Math.round(this.size * this.zoom);
    if (this.canvas.width !== side) this.canvas.width = this.canvas.height = side;
    const context = this.canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, side, side);
    // A picture that is damaged cannot be drawn.
    if (picture.naturalWidth) context.drawImage(picture, 0, 0, side, side);
    context.setTransform(this.zoom, 0, 0, this.zoom, this.zoom / 2, this.zoom / 2);
    if (outline.length && shade) this.#shade(context, outline);
    drawTool(context, this.zoom, outline);
    if (outline.length) this.#drawOutline(context, outline);
  }

  #shade(context, outline) {
    context.beginPath();
    context.rect(-1, -1, this.size + 2, this.size + 2);
    trace(context, outline);
    context.fillStyle = OUTSIDE;
    context.fill("evenodd");
  }

  #drawOutline(context, outline) {
    context.beginPath();
    trace(context, outline);
    context.setLineDash([4 / this.zoom, 4 / this.zoom]);
    context.strokeStyle = OUTLINE;
    context.lineWidth = 1 / this.zoom;
    context.stroke();
    context.setLineDash([]);
  }
}

/** Add a closed polygon to the path of a context. */
export function trace(context, outline) {
  for (const [at, point] of outline.entries()) {
    if (at) context.lineTo(...point);
    else context.moveTo(...point);
  }
  context.closePath();
}
