// Drags the bounds of sections on their bar with a pointer.

/**
 * Follow the pointer from a press on a bound to its release.
 * @param {HTMLElement} bar - has a child for each section, with a handle of each bound: an element with
 *   `data-bound` "start" or "stop".
 * @param {object} on - `move(index, bound, share)` is called while a bound of a section is dragged, with
 *   its place as a share of the bar's width, 0 to 1; `end(isCancelled)` is called when the drag ends.
 */
export function connectDrag(bar, on) {
  let dragged = null;

  function move(event) {
    const box = bar.getBoundingClientRect();
    const share = (event.clientX - dragged.offset - box.left) / box.width;
    on.move(dragged.index, dragged.bound, Math.min(1, Math.max(0, share)));
  }

  bar.addEventListener("pointerdown", (event) => {
    const handle = event.target.closest("[data-bound]");
    if (!handle || event.button !== 0) return;
    event.preventDefault();
    const { bound } = handle.dataset;
    const { left, right } = handle.getBoundingClientRect();
    const index = [...bar.children].indexOf(handle.parentElement);
    dragged = { index, bound, offset: event.clientX - (bound === "start" ? left : right) };
    // The bar stays while its children are replaced.
    bar.setPointerCapture(event.pointerId);
    move(event);
  });
  bar.addEventListener("pointermove", (event) => dragged && move(event));
  for (const name of ["pointerup", "pointercancel"]) {
    bar.addEventListener(name, () => {
      if (!dragged) return;
      dragged = null;
      on.end(name === "pointercancel");
    });
  }
}
