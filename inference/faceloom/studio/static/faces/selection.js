// Which faces are selected, by name, and which one has the focus.

/** The selection; positions are places in the order that the grid shows. */
export class Selection {
  /** @param {(position: number) => string} nameAt returns the name at a position. */
  constructor(nameAt) {
    this.nameAt = nameAt;
    this.names = new Set();
    this.current = 0;
    this.anchor = 0;
  }

  /** Select one face alone. */
  only(position) {
    this.names = new Set([this.nameAt(position)]);
    this.current = this.anchor = position;
  }

  /** Select one more face, or leave it out. */
  toggle(position) {
    const name = this.nameAt(position);
    if (!this.names.delete(name)) this.names.add(name);
    this.current = this.anchor = position;
  }

  /** Select the faces from the anchor to a position, and no other one. */
  extendTo(position) {
    this.names.clear();
    const [first, last] = [Math.min(this.anchor, position), Math.max(this.anchor, position)];
    for (let each = first; each <= last; each += 1) this.names.add(this.nameAt(each));
    this.current = position;
  }

  /** Move the focus and select nothing more. */
  moveTo(position) {
    this.current = this.anchor = position;
  }

  /** Select all faces of a list. */
  all(names) {
    this.names = new Set(names);
  }

  /** Keep only selected faces that satisfy a test. */
  keep(test) {
    this.names = new Set([...this.names].filter(test));
  }
}
