// The metrics of a run, read piece by piece while it grows.

import { get } from "../shared/api.js";

// Keys of a row of training steps that are no curve of their own.
const NO_LOSSES = new Set(["step", "seconds", "learning_rate", "skipped_steps"]);

function append(lines, label, x, y) {
  const line = (lines[label] ??= { label, xs: [], ys: [] });
  // A run that continues from a checkpoint may log a step again: the newest value counts.
  if (line.xs.length && line.xs.at(-1) >= x) return;
  line.xs.push(x);
  line.ys.push(y);
}

/** Reads the rows of one run and keeps its curves. */
export class RunMetrics {
  #run;
  #cursor = "";

  constructor(run) {
    this.#run = run;
    this.#forget();
  }

  #forget() {
    this.losses = {};
    this.judged = {};
  }

  /** Read the new rows; return whether there were any. */
  async update() {
    let hasNew = false;
    for (;;) {
      const answer = await get(`/runs/${this.#run}/rows?cursor=${encodeURIComponent(this.#cursor)}`);
      if (answer.restart) this.#forget();
      hasNew ||= answer.restart || answer.rows.length > 0;
      this.#cursor = answer.cursor;
      answer.rows.forEach((row) => this.#add(row));
      if (!answer.more) return hasNew;
    }
  }

  /** The lines of a loss, one at most. */
  lossLines(name) {
    const line = this.losses[name];
    return line ? [line] : [];
  }

  /** The lines of a judged metric, one for each direction or person. */
  judgedLines(metric) {
    return Object.values(this.judged[metric] ?? {});
  }

  /** The mean score of all directions at each evaluation. */
  meanScore(label) {
    const sums = new Map();
    for (const { xs, ys } of this.judgedLines("score")) {
      xs.forEach((x, index) => sums.set(x, [...(sums.get(x) ?? []), ys[index]]));
    }
    const xs = [...sums.keys()].sort((a, b) => a - b);
    const ys = xs.map((x) => sums.get(x).reduce((a, b) => a + b, 0) / sums.get(x).length);
    return { label, xs, ys };
  }

  #add(row) {
    if (row.swap !== undefined || row.reconstruction !== undefined) this.#addJudged(row);
    else if (row.seconds !== undefined) this.#addLosses(row);
  }

  #addLosses(row) {
    for (const [name, value] of Object.entries(row)) {
      if (!NO_LOSSES.has(name) && typeof value === "number") append(this.losses, name, row.step, value);
    }
  }

  #addJudged(row) {
    const subject = row.swap ?? row.reconstruction;
    for (const [name, value] of Object.entries(row)) {
      if (name === "step" || typeof value !== "number") continue;
      append((this.judged[name] ??= {}), subject, row.step, value);
    }
  }
}
