// Moves landmarks of one face: one, a group, or all, with neighbors that follow.

// Radius in pixels of the crop within which a pointer grabs a landmark, at 100 %.
const REACH = 9;
const COLORS = {
  "left-brow": "#ffb454",
  "right-brow": "#ffb454",
  "left-eye": "#4cc9f0",
  "right-eye": "#4cc9f0",
  nose: "#b8f28c",
  mouth: "#ff8fab",
  outline: "#c8b6ff",
};
const OTHER_COLOR = "#ffffff";
// Pixels that an arrow key moves, and their number with Shift.
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const LONG_STEP = 5;

/** The landmarks of the face that is shown, in pixels of its crop. */
export class LandmarkTool {
  /**
   * @param {Record<string, number[]>} groups landmarks of each group.
   * @param {number[][]} rings closed contours.
   */
  constructor(groups, rings) {
    this.groups = groups;
    this.rings = rings;
    this.groupOf = new Map();
    for (const [name, members] of Object.entries(groups)) {
      for (const index of members) this.groupOf.set(index, name);
    }
    this.scope = "point";
    this.radius = 0;
    this.showAll = false;
    this.selected = new Set();
    this.points = [];
  }

  /** Show the landmarks of a face; the selection stays. */
  load(face) {
    this.size = face.size;
    this.detected = face.detected;
    this.points = face.detected.map(([x, y]) => [x, y]);
    for (const [index, x, y] of face.offsets) {
      this.points[index][0] += x * face.size;
      this.points[index][1] += y * face.size;
    }
  }

  /** Return index and offset, in sides of the crop, of each moved landmark. */
  offsets() {
    const moved = [];
    for (const [index, [x, y]] of this.points.entries()) {
      const [dx, dy] = [x - this.detected[index][0], y - this.detected[index][1]];
      if (Math.hypot(dx, dy) < 0.01) continue;
      moved.push([index, limited(dx / this.size), limited(dy / this.size)]);
    }
    return moved;
  }

  /** Return the landmark at a place; -1 if there is none. */
  at(place, zoom) {
    let [found, nearest] = [-1, REACH / Math.sqrt(zoom)];
    for (const [index, point] of this.points.entries()) {
      if (!this.#isShown(index)) continue;
      const distance = Math.hypot(point[0] - place[0], point[1] - place[1]);
      if (distance < nearest) [found, nearest] = [index, distance];
    }
    return found;
  }

  /** Select what a landmark moves with. */
  select(index) {
    const group = this.groupOf.get(index);
    if (this.scope === "face") this.selected = new Set(this.points.keys());
    else if (this.scope === "group" && group) this.selectGroup(group);
    else this.selected = new Set([index]);
  }

  /** Select the landmarks of a group. */
  selectGroup(name) {
    this.selected = new Set(this.groups[name]);
  }

  /** Return the middle of the selected landmarks; of all if none is selected. */
  center() {
    const chosen = this.selected.size ? [...this.selected] : [...this.points.keys()];
    const mean = (axis) => chosen.reduce((sum, at) => sum + this.points[at][axis], 0) / chosen.length;
    return chosen.length ? [mean(0), mean(1)] : [0, 0];
  }

  /** Return the name of the selected group; "" if the selection is not exactly one group. */
  selectedGroup() {
    const [first] = this.selected;
    const group = this.groupOf.get(first) ?? "";
    const members = this.groups[group] ?? [];
    const isWhole = members.length === this.selected.size;
    return isWhole && members.every((index) => this.selected.has(index)) ? group : "";
  }

  /** Begin to move the selection: returns a function that moves it by a distance from here. */
  startMove() {
    const start = this.points.map(([x, y]) => [x, y]);
    const weights = this.#weights();
    return (dx, dy) => {
      for (const [index, weight] of weights.entries()) {
        if (!weight) continue;
        this.points[index][0] = start[index][0] + weight * dx;
        this.points[index][1] = start[index][1] + weight * dy;
      }
    };
  }

  /** The keys that move the selection; none if nothing is selected. */
  get arrows() {
    return this.selected.size ? Object.keys(ARROWS) : [];
  }

  /** Move the selection by an arrow key. */
  nudge(key, isLong) {
    const [x, y] = ARROWS[key].map((pixels) => (isLong ? LONG_STEP : 1) * pixels);
    this.startMove()(x, y);
  }

  /** Return how far each landmark follows the selection: 1 for the selection, 0 beyond the radius. */
  #weights() {
    const chosen = [...this.selected].map((index) => this.points[index]);
    return this.points.map(([x, y], index) => {
      if (this.selected.has(index)) return 1;
      if (!this.radius) return 0;
      const distance = Math.min(...chosen.map((point) => Math.hypot(point[0] - x, point[1] - y)));
      if (distance >= this.radius) return 0;
      return (1 + Math.cos((Math.PI * distance) / this.radius)) / 2;
    });
  }

  #isShown(index) {
    return this.showAll || this.groupOf.has(index);
  }

  /** Draw the landmarks; the context's unit is a pixel of the crop. */
  draw(context, zoom) {
    context.lineWidth = 1 / zoom;
    for (const ring of this.rings) this.#drawRing(context, ring);
    for (const [index, point] of this.points.entries()) {
      if (this.#isShown(index)) this.#drawDot(context, index, point, zoom);
    }
  }

  #drawRing(context, ring) {
    context.strokeStyle = "rgb(255 255 255 / .55)";
    context.beginPath();
    for (const index of ring) context.lineTo(...this.points[index]);
    context.closePath();
    context.stroke();
  }

  #drawDot(context, index, [x, y], zoom) {
    const isSelected = this.selected.has(index);
    const group = this.groupOf.get(index);
    context.beginPath();
    context.arc(x, y, ((isSelected ? 3.6 : group ? 2.4 : 1.5) / zoom) * Math.sqrt(zoom), 0, 7);
    context.fillStyle = isSelected ? "#ff3b30" : (COLORS[group] ?? OTHER_COLOR);
    context.strokeStyle = "rgb(0 0 0 / .75)";
    context.fill();
    context.stroke();
  }
}

function limited(offset) {
  return Math.max(-1, Math.min(1, offset));
}
