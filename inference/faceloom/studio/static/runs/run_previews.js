// The preview sheets of a run: the newest, or any of them by a slider that plays as a time-lapse.

const FRAME_MS = 400;

/** Shows one sheet; stays at the newest while the slider is at its end. */
export class PreviewLapse {
  #run;
  #steps = [];
  #timer = 0;
  #image = document.getElementById("preview");
  #slider = document.getElementById("lapse-slider");
  #play = document.getElementById("lapse-play");

  constructor(run) {
    this.#run = run;
    this.#slider.addEventListener("input", () => {
      this.#stop();
      this.#showSheet();
    });
    this.#play.addEventListener("click", () => (this.#timer ? this.#stop() : this.#start()));
  }

  /** Show the sheets of these steps. */
  show(steps) {
    if (steps.join() === this.#steps.join() && steps.length) return;
    const isAtEnd = Number(this.#slider.value) >= this.#steps.length - 1;
    this.#steps = steps;
    document.getElementById("no-preview").hidden = steps.length > 0;
    document.getElementById("lapse").hidden = steps.length < 2;
    this.#image.hidden = steps.length === 0;
    this.#slider.max = Math.max(0, steps.length - 1);
    if (isAtEnd) this.#slider.value = this.#slider.max;
    if (steps.length) this.#showSheet();
  }

  #showSheet() {
    const step = this.#steps[Number(this.#slider.value)];
    const caption = document.getElementById("preview-step");
    caption.textContent = `${caption.dataset.text}${Number(step)}`;
    this.#slider.setAttribute("aria-valuetext", caption.textContent);
    this.#image.src = `/runs/${this.#run}/previews/${step}`;
  }

  #start() {
    if (this.#slider.value === this.#slider.max) this.#slider.value = 0;
    this.#play.textContent = this.#play.dataset.stop;
    this.#showSheet();
    this.#timer = setInterval(() => this.#advance(), FRAME_MS);
  }

  #advance() {
    if (!this.#image.complete) return;
    if (this.#slider.value === this.#slider.max) {
      this.#stop();
      return;
    }
    this.#slider.value = Number(this.#slider.value) + 1;
    this.#showSheet();
  }

  #stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#play.textContent = this.#play.dataset.play;
  }
}
