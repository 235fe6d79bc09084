// A drag of the pointer on the canvas that can be aborted.

/** Follows the pointer in one drag at a time. */
export class PointerDrag {
  #running = new AbortController();

  /** Follow the pointer until it is released; a drag that runs is aborted. */
  start(canvas, onMove, onEnd) {
    this.abort();
    const running = new AbortController();
    const { signal } = running;
    this.#running = running;
    canvas.addEventListener("pointermove", onMove, { signal });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, () => (running.abort(), onEnd()), { signal });
    }
  }

  /** End the drag without calling its `onEnd`. */
  abort() {
    this.#running.abort();
  }
}
