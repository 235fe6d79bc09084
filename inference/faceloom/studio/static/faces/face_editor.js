// The editor in the large view: moves landmarks, paints the mask, and saves each change.

import { get, post } from "../shared/api.js";
import { Latest } from "../shared/latest.js";
import { EditorCanvas } from "./editor_canvas.js";
import { LandmarkTool } from "./landmark_tool.js";
import { MaskTool, readMask } from "./mask_tool.js";
import { PointerDrag } from "./pointer_drag.js";

// Milliseconds after the last arrow key until the landmarks are saved.
const SAVE_MILLISECONDS = 350;
const BRUSH_FACTOR = 1.2;

const element = (id) => document.getElementById(id);

const isCorrected = (face) => Boolean(face.origin) || face.painted;

/** Edits the face that the large view shows. */
export class FaceEditor {
  #face = null;
  #name = "";
  #loads = new Latest();
  #saving = Promise.resolve();
  #timer = 0;
  // What keys mean that were pressed while the face is being read; null while none is.
  #waiting = null;
  #pointer = new PointerDrag();

  /**
   * @param {string} url the address of the face set's page.
   * @param {DOMStringMap} texts the data of the page.
   * @param {object} host the page, which has the table of faces: `neighbor(step)` and `track()` return names of the
   *   face's track; `onCorrected(name, isCorrected)` and `onMany(names, isUndo)` are called after changes.
   */
  constructor(url, texts, host) {
    this.url = url;
    this.texts = texts;
    this.host = host;
    this.mode = "view";
    this.root = element("editor");
    this.picture = element("large-picture");
    this.view = new EditorCanvas(element("editor-canvas"));
    this.landmarks = new LandmarkTool(
      JSON.parse(this.root.dataset.groups),
      JSON.parse(this.root.dataset.rings),
    );
    this.mask = new MaskTool(element("editor-brush"));
    this.#listen();
    this.setMode("view");
  }

  /** Whether landmarks or the mask are edited. */
  get isEditing() {
    return this.mode !== "view";
  }

  /** Show a face, of which the picture is being loaded. */
  show(name) {
    if (name === this.#name) return;
    this.flush();
    this.#name = name;
    this.#showProblem("");
    this.#forget();
    if (this.isEditing) this.reload();
  }

  /**
   * Run some work and show its error in the large view, which lies above messages of the page.
   * The error names the face if another one is shown meanwhile.
   */
  async #attempt(work, name = this.#name) {
    try {
      return await work();
    } catch (error) {
      this.#showProblem(name === this.#name ? error.message : `${name}: ${error.message}`);
      return undefined;
    }
  }

  #showProblem(text) {
    element("editor-problem").textContent = text;
  }

  /** Allow no change until the face that is shown has been read. */
  #forget() {
    this.#pointer.abort();
    this.#face = null;
    this.#waiting = null;
    this.mask.isLoaded = false;
    this.#showState("");
  }

  /** Read the face again when its changes are saved, for example after an undo. */
  reload() {
    const name = this.#name;
    this.#waiting ??= [];
    this.#loads.run(async () => {
      const read = await this.#attempt(() => this.#readSaved(name), name);
      if (name !== this.#name) return;
      const waiting = this.#waiting;
      this.#waiting = null;
      if (!read) return;
      const [face, image] = read;
      this.mask.isLoaded = false;
      this.#pointer.abort();
      if (image) this.mask.load(image);
      this.#take(face);
      this.landmarks.load(face);
      this.draw();
      for (const command of waiting ?? []) command();
    });
  }

  /** Read a face and its mask with all changes, those that are made meanwhile too. */
  async #readSaved(name) {
    while (name === this.#name) {
      const saving = this.flush();
      await saving;
      const url = `${this.url}/face/${name}`;
      const face = await get(url);
      const isMask = this.mode === "mask";
      const image = isMask && (await this.#attempt(() => readMask(url, this.texts.noMask), name));
      await this.picture.decode().catch(() => {});
      if (saving === this.#saving && !this.#timer) return [face, image];
    }
    return undefined;
  }

  /** Change between "view", "landmarks" and "mask". */
  setMode(mode) {
    this.flush();
    this.mode = mode;
    for (const tab of this.root.querySelectorAll("[data-mode]")) {
      tab.setAttribute("aria-pressed", String(tab.dataset.mode === mode));
    }
    for (const part of this.root.querySelectorAll("[data-in]")) {
      part.hidden = !part.dataset.in.split(" ").includes(mode);
    }
    this.landmarks.selected.clear();
    this.#forget();
    if (this.isEditing && this.#name) this.reload();
  }

  /** Save what waits to be saved; resolves when all is saved. */
  flush() {
    if (this.#timer) this.#saveLandmarks();
    return this.#saving;
  }

  /** Do what a key means in the editor, once the face has been read; returns whether it means anything. */
  key(event) {
    const control = event.ctrlKey || event.metaKey;
    const key = control ? `Control+${event.key.toLowerCase()}` : event.key;
    const mode = { v: "view", l: "landmarks", m: "mask" }[key];
    if (mode) return this.setMode(mode), true;
    if (!this.isEditing) return false;
    const command = this.#commands()[key];
    // Undo and redo concern the face set and need no face.
    if (command && !this.#face && !control) this.#waiting?.push(() => command(event));
    else command?.(event);
    return Boolean(command);
  }

  #commands() {
    const common = {
      "Control+z": (event) => this.#step(event.shiftKey ? "redo" : "undo"),
      "Control+y": () => this.#step("redo"),
      z: () => this.#setZoom(this.view.zoom === 1 ? 2 : 1),
      c: () => this.#copy(-1),
      C: () => this.#copy(1),
      r: () => this.#change("reset", { part: this.mode }),
    };
    if (this.mode === "landmarks") {
      const nudges = this.landmarks.arrows.map((key) => [key, (event) => this.#nudge(event)]);
      const others = { i: () => this.interpolate(), k: () => this.#saveLandmarks() };
      return { ...common, ...Object.fromEntries(nudges), ...others };
    }
    return {
      ...common,
      x: () => this.#setAdds(!this.mask.adds),
      "[": () => this.#setBrush(this.mask.brush / BRUSH_FACTOR),
      "]": () => this.#setBrush(this.mask.brush * BRUSH_FACTOR),
    };
  }

  /** Draw the face again. */
  draw() {
    if (!this.#face || !this.isEditing) return;
    const tool = this.mode === "mask" ? this.mask : this.landmarks;
    this.view.draw(this.picture, this.#face.outline, this.mode === "mask", (...on) =>
      tool.draw(...on),
    );
    const selected = this.landmarks.selectedGroup();
    for (const button of this.root.querySelectorAll("[data-group]")) {
      button.setAttribute("aria-pressed", String(button.dataset.group === selected));
    }
  }

  #take(face) {
    this.#face = face;
    this.view.size = face.size;
    this.host.onCorrected(this.#name, isCorrected(face));
    element("editor-undo").disabled = !face.can_undo;
    element("editor-redo").disabled = !face.can_redo;
    const ofMask = face.painted ? "painted" : "parsed";
    this.#showState(this.mode === "mask" ? ofMask : face.origin || "detected");
  }

  #showState(state) {
    for (const text of this.root.querySelectorAll("[data-state-text]")) {
      text.hidden = text.dataset.stateText !== state;
    }
    element("editor-reset").disabled = ["", "detected", "parsed"].includes(state);
  }

  /** Send a change of the face; what is drawn meanwhile stays. */
  #send(action, body) {
    const name = this.#name;
    this.#showProblem("");
    this.#saving = this.#saving.then(async () => {
      const face = await this.#attempt(() => post(`${this.url}/face/${name}/${action}`, body), name);
      if (face) this.host.onCorrected(name, isCorrected(face));
      if (name !== this.#name) return;
      if (!face) this.reload();
      else this.#take(face);
      this.draw();
    });
    return this.#saving;
  }

  #saveLandmarks() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    return this.#send("move", { offsets: this.landmarks.offsets() });
  }

  async #change(action, body) {
    await this.flush();
    await this.#send(action, body);
    this.reload();
  }

  #nudge({ key, shiftKey }) {
    this.landmarks.nudge(key, shiftKey);
    this.draw();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#saveLandmarks(), SAVE_MILLISECONDS);
  }

  #copy(step) {
    const source = this.host.neighbor(step);
    if (!source) this.#showProblem(step < 0 ? this.texts.noPrevious : this.texts.noNext);
    else this.#change("copy", { source, part: this.mode });
  }

  /** Interpolate between the corrected faces before and after this one. */
  async interpolate() {
    await this.flush();
    this.#showProblem("");
    const body = { names: this.host.track(), around: this.#name };
    const answer = await this.#attempt(() => post(`${this.url}/interpolate`, body));
    if (answer) this.#afterMany(answer.names, false);
  }

  async #step(direction) {
    await this.flush();
    this.#showProblem("");
    const answer = await this.#attempt(() => post(`${this.url}/correction/${direction}`));
    if (answer) this.#afterMany(answer.names, true);
    else this.reload();
  }

  #afterMany(names, isUndo) {
    this.reload();
    this.host.onMany(names, isUndo);
  }

  #setZoom(zoom) {
    this.view.zoom = zoom;
    for (const button of this.root.querySelectorAll("[data-zoom]")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.zoom) === zoom));
    }
    this.draw();
    this.view.center(this.landmarks.center());
  }

  #setAdds(adds) {
    this.mask.adds = adds;
    element("editor-add").setAttribute("aria-pressed", String(adds));
    element("editor-remove").setAttribute("aria-pressed", String(!adds));
  }

  #setBrush(diameter) {
    // The slider rounds, and keeps its limits.
    element("editor-brush").value = diameter;
    element("editor-brush-value").textContent = this.mask.brush;
    this.draw();
  }

  #setRadius(radius) {
    this.landmarks.radius = radius;
    element("editor-radius-value").textContent = radius;
  }

  #press(event) {
    if (!this.#face || event.button > (this.mode === "mask" ? 2 : 0)) return;
    event.preventDefault();
    this.view.canvas.focus({ preventScroll: true });
    this.view.canvas.setPointerCapture(event.pointerId);
    if (this.mode === "mask") this.#paint(event);
    else this.#drag(event);
  }

  #drag(event) {
    const start = this.view.place(event);
    const index = this.landmarks.at(start, this.view.zoom);
    if (index < 0) {
      this.landmarks.selected.clear();
      this.draw();
      return;
    }
    if (!this.landmarks.selected.has(index)) this.landmarks.select(index);
    const move = this.landmarks.startMove();
    let hasMoved = false;
    this.#pointer.start(this.view.canvas, (pointer) => {
      const [x, y] = this.view.place(pointer);
      hasMoved = true;
      move(x - start[0], y - start[1]);
      this.draw();
    }, () => hasMoved && this.#saveLandmarks());
    this.draw();
  }

  #paint(event) {
    if (!this.mask.isLoaded) return;
    const adds = event.button === 2 ? !this.mask.adds : this.mask.adds;
    let last = this.view.place(event);
    this.mask.stroke(last, last, adds);
    this.#pointer.start(this.view.canvas, (pointer) => {
      const place = this.view.place(pointer);
      this.mask.stroke(last, place, adds);
      last = place;
    }, () => this.#send("paint", { png: this.mask.toPng() }));
    this.draw();
  }

  #hover(event) {
    if (this.mode !== "mask") return;
    this.mask.cursor = event.type === "pointerleave" ? null : this.view.place(event);
    this.draw();
  }

  #listen() {
    const { canvas } = this.view;
    canvas.addEventListener("pointerdown", (event) => this.#press(event));
    canvas.addEventListener("pointermove", (event) => this.#hover(event));
    canvas.addEventListener("pointerleave", (event) => this.#hover(event));
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    this.picture.addEventListener("load", () => this.draw());
    this.root.addEventListener("click", (event) => this.#click(event.target.closest("button")));
    element("editor-scope").addEventListener("change", ({ target }) => {
      this.landmarks.scope = target.value;
      this.landmarks.selected.clear();
      this.draw();
    });
    element("editor-radius").addEventListener("input", ({ target }) => this.#setRadius(Number(target.value)));
    element("editor-all").addEventListener("change", ({ target }) => {
      this.landmarks.showAll = target.checked;
      this.draw();
    });
    element("editor-brush").addEventListener("input", ({ target }) => this.#setBrush(Number(target.value)));
    // Keys belong to the editor again when a field has its new value.
    this.root.addEventListener("change", () => canvas.focus({ preventScroll: true }));
    this.#setRadius(Number(element("editor-radius").value));
    this.#setBrush(this.mask.brush);
    window.addEventListener("pagehide", () => this.flush());
  }

  #click(button) {
    if (!button) return;
    const { mode, group, zoom, act } = button.dataset;
    if (mode) this.setMode(mode);
    if (zoom) this.#setZoom(Number(zoom));
    if (group && this.#face) {
      this.landmarks.selectGroup(group);
      this.view.canvas.focus({ preventScroll: true });
      this.draw();
    }
    const actions = {
      previous: () => this.#copy(-1),
      next: () => this.#copy(1),
      interpolate: () => this.interpolate(),
      confirm: () => this.#saveLandmarks(),
      reset: () => this.#change("reset", { part: this.mode }),
      undo: () => this.#step("undo"),
      redo: () => this.#step("redo"),
      add: () => this.#setAdds(true),
      remove: () => this.#setAdds(false),
    };
    if (this.#face) actions[act]?.();
  }
}
