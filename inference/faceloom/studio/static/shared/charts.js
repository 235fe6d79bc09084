// Line charts in the colors of the page, drawn by uPlot.

import uPlot from "../vendor/uplot/uPlot.esm.js";

const HEIGHT = 260;
const LEAST_WIDTH = 240;
const CURVES = 6;

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function axis() {
  return { stroke: color("--quiet"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line"), width: 1 } };
}

function short(value) {
  return value === null || value === undefined ? "–" : Number(value.toPrecision(4)).toString();
}

/** A chart of one or more lines over a common x axis. */
export class LineChart {
  #box;
  #options;
  #chart = null;
  #key = "";
  #lines = [];

  /**
   * @param {HTMLElement} box where it is drawn; data-x names the x axis.
   * @param {{onPick?: (x: number) => void, marker?: () => number | null}} options called with the
   *   x value of a click; the x value of a vertical line.
   */
  constructor(box, options = {}) {
    this.#box = box;
    this.#options = { log: false, ...options };
    new ResizeObserver(() => this.#resize()).observe(box);
    new MutationObserver(() => this.#draw(true)).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  /** Show lines: each has a label, ascending xs, and ys with null for what is undefined. */
  show(lines) {
    this.#lines = lines;
    this.#draw(false);
  }

  /** Use a logarithmic y axis or a linear one. */
  setLog(log) {
    this.#options.log = log;
    this.#draw(true);
  }

  /** Draw the marker anew. */
  redraw() {
    this.#chart?.redraw(false, false);
  }

  #data() {
    if (!this.#lines.length) return null;
    return uPlot.join(this.#lines.map(({ xs, ys }) => [xs, ys]));
  }

  #draw(isNew) {
    const data = this.#data();
    const key = JSON.stringify(this.#lines.map((line) => line.label));
    if (this.#chart && data && !isNew && key === this.#key) {
      this.#chart.setData(data);
      return;
    }
    this.#chart?.destroy();
    this.#chart = data ? new uPlot(this.#settings(), data, this.#box) : null;
    this.#key = key;
  }

  #settings() {
    const hasPoints = this.#lines.every((line) => line.xs.length < 40);
    return {
      width: Math.max(LEAST_WIDTH, this.#box.clientWidth),
      height: HEIGHT,
      scales: { x: { time: false }, y: this.#options.log ? { distr: 3 } : {} },
      axes: [axis(), { ...axis(), size: 56 }],
      series: [
        { label: this.#box.dataset.x, value: (_, value) => short(value) },
        ...this.#lines.map((line, index) => ({
          label: line.label,
          stroke: color(`--curve-${(index % CURVES) + 1}`),
          width: 2,
          spanGaps: this.#lines.length > 1,
          points: { show: hasPoints },
          value: (_, value) => short(value),
        })),
      ],
      hooks: { draw: [(chart) => this.#drawMarker(chart)], ready: [(chart) => this.#listen(chart)] },
    };
  }

  #listen(chart) {
    const pick = this.#options.onPick;
    if (!pick) return;
    chart.over.addEventListener("click", (event) => pick(chart.posToVal(event.offsetX, "x")));
  }

  #drawMarker(chart) {
    const x = this.#options.marker?.() ?? null;
    if (x === null) return;
    const at = chart.valToPos(x, "x", true);
    const { left, top, width, height } = chart.bbox;
    if (at < left || at > left + width) return;
    chart.ctx.fillStyle = color("--accent");
    chart.ctx.fillRect(at - 1, top, 2, height);
  }

  #resize() {
    const width = Math.max(LEAST_WIDTH, this.#box.clientWidth);
    if (this.#chart && width !== this.#chart.width) this.#chart.setSize({ width, height: HEIGHT });
  }
}
