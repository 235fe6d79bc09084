// Thumbnails that are loaded only where the grid rests: faces that scroll past are not asked for.

// Milliseconds for which a cell must show the same face before its thumbnail is loaded.
const REST_MILLISECONDS = 90;
// Thumbnails that have been loaded and are shown at once; the browser keeps their bytes.
const MAX_KNOWN = 4000;

const waiting = new Map();
const known = new Set();
let timer = 0;

/** Show a picture in an <img>: at once if it was loaded before, else when the grid rests. */
export function showPicture(image, url) {
  if (image.dataset.url === url) return;
  image.dataset.url = url;
  image.classList.remove("broken");
  if (known.has(url)) {
    waiting.delete(image);
    image.src = url;
    return;
  }
  image.removeAttribute("src");
  waiting.set(image, url);
  clearTimeout(timer);
  timer = setTimeout(loadWaiting, REST_MILLISECONDS);
}

/** Note that a picture has been loaded; call it for each "load" event. */
export function notePicture(image) {
  known.add(image.dataset.url);
  if (known.size > MAX_KNOWN) known.delete(known.values().next().value);
}

function loadWaiting() {
  for (const [image, url] of waiting) image.src = url;
  waiting.clear();
}
