// The faces that preview sheets of trainings show: pinned and released by a button or a key.

import { get, orMessage, post } from "../shared/api.js";
import { announceChange } from "../shared/tabs.js";

const buttons = document.querySelectorAll("[data-pin]");

/** The pinned faces of a face set, by name. */
export class PinnedFaces {
  #names = new Set();

  /**
   * @param {string} url - the address of the face set's page.
   * @param {() => string[]} chosen - returns the names of the faces that a button or the key acts on.
   * @param {() => void} onChange - called when the pinned faces have been read or changed.
   */
  constructor(url, chosen, onChange) {
    this.page = url;
    this.url = `${url}/pinned`;
    this.chosen = chosen;
    this.onChange = onChange;
    for (const button of buttons) button.addEventListener("click", () => this.toggle());
  }

  /** Whether a face is pinned. */
  has(name) {
    return this.#names.has(name);
  }

  /** Read the pinned faces. */
  async load() {
    this.#take(await orMessage(() => get(this.url)));
  }

  /** Pin the chosen faces; release them if all are pinned. */
  async toggle() {
    const names = this.chosen();
    if (!names.length) return;
    const pinned = !names.every((name) => this.has(name));
    const answer = await orMessage(() => post(this.url, { names, pinned }));
    if (answer) announceChange(this.page);
    this.#take(answer);
  }

  /** Show on the buttons whether the chosen faces are pinned. */
  show() {
    const names = this.chosen();
    for (const button of buttons) {
      button.disabled = !names.length;
      button.setAttribute("aria-pressed", names.length > 0 && names.every((name) => this.has(name)));
    }
  }

  #take(answer) {
    if (!answer) return;
    this.#names = new Set(answer.names);
    this.onChange();
  }
}
