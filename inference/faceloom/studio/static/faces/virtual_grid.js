// A grid that holds only the visible rows in the document and reuses their elements.

// Least width of a cell, and the height of its caption with the padding, in CSS pixels.
const CELL_WIDTH = 124;
const CAPTION_HEIGHT = 22;
// Rows above and below the visible ones that are kept.
const SPARE_ROWS = 3;

/** Shows `count` cells; `fill(cell, position)` gives a cell its content. */
export class VirtualGrid {
  /**
   * @param {HTMLElement} view the element that scrolls.
   * @param {HTMLElement} space the child that gets the height of all rows.
   * @param {HTMLTemplateElement} template the cell.
   * @param {(cell: HTMLElement, position: number) => void} fill fills a cell.
   */
  constructor(view, space, template, fill) {
    Object.assign(this, { view, space, template, fill });
    this.count = 0;
    this.columns = 1;
    this.cellWidth = this.cellHeight = CELL_WIDTH;
    this.cells = new Map();
    this.unused = [];
    this.frame = 0;
    view.addEventListener("scroll", () => this.#schedule(), { passive: true });
    new ResizeObserver(() => this.layout()).observe(view);
  }

  /** Set the number of cells and fill all visible ones again. */
  show(count) {
    this.count = count;
    this.layout();
  }

  /** Measure the view again and place all cells. */
  layout() {
    const top = this.firstVisible;
    const width = this.space.clientWidth;
    this.columns = Math.max(1, Math.floor(width / CELL_WIDTH));
    this.cellWidth = Math.floor(width / this.columns);
    const oldHeight = this.cellHeight;
    this.cellHeight = this.cellWidth + CAPTION_HEIGHT;
    this.space.style.height = `${Math.ceil(this.count / this.columns) * this.cellHeight}px`;
    if (oldHeight !== this.cellHeight) {
      this.view.scrollTop = Math.floor(top / this.columns) * this.cellHeight;
    }
    for (const position of [...this.cells.keys()]) this.#release(position);
    this.#draw();
  }

  /** Fill all cells in the document again, for a changed selection. */
  refresh() {
    for (const [position, cell] of this.cells) this.fill(cell, position);
  }

  /** The first position whose row is visible. */
  get firstVisible() {
    return Math.floor(this.view.scrollTop / this.cellHeight) * this.columns;
  }

  /** Rows that fit into the view. */
  get visibleRows() {
    return Math.max(1, Math.floor(this.view.clientHeight / this.cellHeight));
  }

  /** Scroll as little as makes a position visible. */
  reveal(position) {
    const top = Math.floor(position / this.columns) * this.cellHeight;
    const bottom = top + this.cellHeight - this.view.clientHeight;
    if (this.view.scrollTop > top) this.view.scrollTop = top;
    else if (this.view.scrollTop < bottom) this.view.scrollTop = bottom;
    this.#draw();
  }

  #schedule() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.#draw();
    });
  }

  #draw() {
    const row = Math.floor(this.view.scrollTop / this.cellHeight);
    const rows = Math.ceil(this.view.clientHeight / this.cellHeight) + 1;
    const first = Math.max(0, (row - SPARE_ROWS) * this.columns);
    const end = Math.min(this.count, (row + rows + SPARE_ROWS) * this.columns);
    for (const position of [...this.cells.keys()]) {
      if (position < first || position >= end) this.#release(position);
    }
    // Backwards, and the rows above the visible ones first: the thumbnail that is requested last
    // is loaded first.
    const top = Math.min(end, row * this.columns);
    this.#placeAll(first, top);
    this.#placeAll(top, end);
    for (const cell of this.unused) cell.hidden = true;
  }

  #placeAll(first, end) {
    for (let position = end - 1; position >= first; position -= 1) {
      if (!this.cells.has(position)) this.#place(position);
    }
  }

  #release(position) {
    this.unused.push(this.cells.get(position));
    this.cells.delete(position);
  }

  #place(position) {
    const cell = this.unused.pop() ?? this.#create();
    const x = (position % this.columns) * this.cellWidth;
    const y = Math.floor(position / this.columns) * this.cellHeight;
    cell.hidden = false;
    cell.dataset.position = position;
    cell.style.transform = `translate(${x}px, ${y}px)`;
    cell.style.width = `${this.cellWidth}px`;
    cell.style.height = `${this.cellHeight}px`;
    this.cells.set(position, cell);
    this.fill(cell, position);
  }

  #create() {
    const cell = this.template.content.firstElementChild.cloneNode(true);
    this.space.append(cell);
    return cell;
  }
}
