// Two videos in step: the swap leads, the original follows.

const FASTEST = 4;
// Frames by which the original may be off while both play.
const DRIFT_FRAMES = 1.2;

/** Plays the swap and keeps the original at the same frame. */
export class Player {
  #original;
  #reverse = 0;
  #speed = 1;
  /** Frame of the original that the first frame of the swap shows. */
  originalFirst = 0;

  /**
   * @param {HTMLVideoElement} swap the video that leads.
   * @param {HTMLVideoElement | null} original the video that follows.
   * @param {number} rate frames per second.
   * @param {number | null} frames number of frames, if it is known.
   * @param {() => void} onChange called when the frame or the state changes.
   */
  constructor(swap, original, rate, frames, onChange) {
    Object.assign(this, { swap, rate, frames, onChange });
    this.#original = original;
    swap.addEventListener("play", () => this.#start());
    swap.addEventListener("pause", () => this.#halt());
    swap.addEventListener("seeked", () => this.#show());
    swap.addEventListener("loadeddata", () => this.#show());
    original?.addEventListener("loadeddata", () => this.#follow());
  }

  /** The index of the frame that is shown. */
  get frame() {
    return Math.min(this.last, Math.floor(this.swap.currentTime * this.rate + 1e-3));
  }

  /** The index of the last frame. */
  get last() {
    if (this.frames) return this.frames - 1;
    return Math.max(0, Math.ceil((this.swap.duration || 0) * this.rate) - 1);
  }

  get isPlaying() {
    return !this.swap.paused || this.#reverse !== 0;
  }

  /** Show a frame: the middle of its time, since a time between two frames may give either. */
  seek(frame) {
    const inside = Math.min(this.last, Math.max(0, Math.round(frame)));
    this.swap.currentTime = (inside + 0.5) / this.rate;
    this.#follow();
  }

  /** Pause and move by some frames. */
  step(frames) {
    this.pause();
    this.seek(this.frame + frames);
  }

  setSpeed(speed) {
    this.#speed = speed;
    this.swap.playbackRate = speed;
    if (this.#original) this.#original.playbackRate = speed;
  }

  toggle() {
    if (this.isPlaying) this.pause();
    else this.play();
  }

  /** Play; return the speed. While it plays, it becomes twice as fast. */
  faster() {
    const isPlaying = !this.swap.paused;
    if (isPlaying) this.setSpeed(Math.min(FASTEST, this.#speed * 2));
    this.play();
    return this.#speed;
  }

  play() {
    this.#endReverse();
    if (this.swap.ended || this.frame >= this.last) this.seek(0);
    // A video that cannot be played has said so by its error event.
    this.swap.play().catch(() => {});
  }

  pause() {
    this.#endReverse();
    this.swap.pause();
    this.onChange();
  }

  /** Play backwards, frame by frame: browsers have no negative speed. */
  backwards() {
    this.swap.pause();
    this.#endReverse();
    this.#reverse = setInterval(() => this.#stepBack(), 1000 / this.rate / this.#speed);
    this.onChange();
  }

  #stepBack() {
    // The frame before is shown once the last one is.
    if (this.swap.seeking) return;
    if (this.frame === 0) this.pause();
    else this.seek(this.frame - 1);
  }

  #endReverse() {
    clearInterval(this.#reverse);
    this.#reverse = 0;
  }

  #start() {
    this.#follow();
    this.#original?.play().catch(() => {});
    this.#watch();
  }

  #watch() {
    if (this.swap.paused) return;
    const off = this.#original ? Math.abs(this.#original.currentTime - this.#originalTime) : 0;
    if (off * this.rate > DRIFT_FRAMES * this.#speed) this.#follow();
    this.onChange();
    requestAnimationFrame(() => this.#watch());
  }

  #halt() {
    this.#original?.pause();
    this.#show();
  }

  #show() {
    this.#follow();
    this.onChange();
  }

  get #originalTime() {
    return this.swap.currentTime + this.originalFirst / this.rate;
  }

  #follow() {
    const original = this.#original;
    if (original && original.readyState > 0 && original.currentTime !== this.#originalTime) {
      original.currentTime = this.#originalTime;
    }
  }
}
