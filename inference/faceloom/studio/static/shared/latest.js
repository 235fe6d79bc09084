// Work of which only the newest matters.

/**
 * Runs one task at a time; of those that wait, the newest replaces the others. A task that fails does not keep the
 * next one from running.
 */
export class Latest {
  #running = false;
  #next = null;

  /** Run a task now, or when the one that runs has ended. */
  run(task) {
    this.#next = task;
    if (!this.#running) this.#loop();
  }

  async #loop() {
    this.#running = true;
    while (this.#next) {
      const task = this.#next;
      this.#next = null;
      // The browser's console shows the error.
      await task().catch(reportError);
    }
    this.#running = false;
  }

  /** Whether a newer task waits. */
  get isOutdated() {
    return this.#next !== null;
  }
}
