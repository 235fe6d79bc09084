// Loads a few thumbnails at a time, and none for faces that scroll past.

// Milliseconds for which a cell must show the same face before its thumbnail is loaded.
const REST_MILLISECONDS = 80;
// Thumbnails that are loaded at once: a browser has six connections, and one is for the events.
const MAX_LOADING = 5;
// Thumbnails that have been loaded and are shown at once; the browser keeps their bytes.
const MAX_KNOWN = 4000;

// The pictures to load, with their address and the time at which the cell began to show it. The
// newest one that has rested is loaded next, since it stays in view for the longest time.
const waiting = new Map();
const loading = new Set();
const known = new Set();
let timer = 0;

/** Show a picture in an <img>: at once if it was loaded before, else when it has rested. */
export function showPicture(image, url) {
  if (image.dataset.url === url) return;
  image.dataset.url = url;
  image.classList.remove("broken");
  waiting.delete(image);
  loading.delete(image);
  if (known.has(url)) {
    image.src = url;
    return;
  }
  image.removeAttribute("src");
  waiting.set(image, { url, since: performance.now() });
  timer ||= setTimeout(loadNext, REST_MILLISECONDS);
}

/** Note that a picture has been loaded, or cannot be; call it for each "load" and "error" event. */
export function endPicture(image, isLoaded) {
  if (isLoaded) known.add(image.dataset.url);
  if (known.size > MAX_KNOWN) known.delete(known.values().next().value);
  image.classList.toggle("broken", !isLoaded);
  loading.delete(image);
  // Always: a reused cell leaves `loading` without an event of its old picture.
  loadNext();
}

function loadNext() {
  clearTimeout(timer);
  timer = 0;
  const rested = performance.now() - REST_MILLISECONDS;
  for (const [image, { url, since }] of [...waiting].reverse()) {
    if (loading.size >= MAX_LOADING) return;
    if (since > rested) timer ||= setTimeout(loadNext, since - rested);
    else load(image, url);
  }
}

function load(image, url) {
  waiting.delete(image);
  if (image.parentElement.hidden) {
    // The cell is unused; it requests its picture again when it is used.
    delete image.dataset.url;
    return;
  }
  loading.add(image);
  image.src = url;
}
