// The table of a face set: columns by name, sorted and filtered.

/** The faces of a face set as columns; a face is an index. */
export class FaceTable {
  /** @param {object} data the JSON of the server. */
  constructor(data) {
    this.files = data.files;
    this.names = data.names;
    this.columns = data.columns;
    this.version = data.version;
    this.canUndo = data.can_undo;
    this.samePerson = data.same_person;
    this.indices = new Map(data.names.map((name, index) => [name, index]));
  }

  /** Number of faces. */
  get size() {
    return this.names.length;
  }

  /** Whether a face is a near-duplicate of a sharper one. */
  isDuplicate(index) {
    return this.columns.group[index] !== index;
  }

  /** Whether a person corrected a face. */
  isCorrected(index) {
    return this.columns.corrected[index];
  }

  /** Return the names of the faces of a face's track, in the order of the frames. */
  trackOf(index) {
    const { file, track, frame } = this.columns;
    return Array.from(this.names.keys())
      .filter((other) => file[other] === file[index] && track[other] === track[index])
      .sort((a, b) => frame[a] - frame[b])
      .map((other) => this.names[other]);
  }

  /** Whether a face looks like another person. */
  isOther(index) {
    return this.columns.similarity[index] < this.samePerson;
  }

  /**
   * Return the faces to show.
   * @param {string[]} keys columns to sort by, the smallest first.
   * @param {boolean} reversed whether the largest come first.
   * @param {string} filter "all", "duplicates", "others" or "corrected".
   * @returns {Int32Array} indices in the order of the grid.
   */
  arrange(keys, reversed, filter) {
    const shown = Int32Array.from(this.names.keys()).filter((index) => this.#passes(filter, index));
    const columns = keys.map((key) => this.columns[key]);
    const sign = reversed ? -1 : 1;
    return shown.sort((a, b) => {
      for (const column of columns) {
        if (column[a] !== column[b]) return sign * (column[a] - column[b]);
      }
      return a - b;
    });
  }

  #passes(filter, index) {
    if (filter === "duplicates") return this.isDuplicate(index);
    if (filter === "corrected") return this.isCorrected(index);
    if (filter === "others") return this.isOther(index);
    return true;
  }
}
