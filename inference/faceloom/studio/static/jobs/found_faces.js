// The newest faces of a running extraction.

import { get } from "../shared/api.js";
import { isActive } from "../shared/events.js";
import { fill } from "../shared/texts.js";

// Milliseconds between two requests for the faces of an extraction.
const REQUEST_MS = 1000;
// Time of the last request by element; none while its job does not run.
const requested = new WeakMap();

/** Show the newest faces of a job in an element; hide it if the job extracts none or does not run. */
export async function showFoundFaces(box, job) {
  if (!job.extracts_faces || !isActive(job)) {
    requested.delete(box);
    box.hidden = true;
    return;
  }
  if (performance.now() - (requested.get(box) ?? -REQUEST_MS) < REQUEST_MS) return;
  requested.set(box, performance.now());
  const address = `/jobs/${job.number}/faces`;
  let found;
  try {
    found = await get(address);
  } catch {
    // The next request tries again; the page shows a message if the studio has ended.
    return;
  }
  // The job has ended meanwhile.
  if (!requested.has(box)) return;
  box.hidden = found.count === 0;
  const text = box.querySelector("span");
  text.textContent = fill(text.dataset.text, found.count.toLocaleString("en"));
  showPictures(box.querySelector(".row"), found.newest.map((name) => `${address}/${name}`));
}

function showPictures(row, urls) {
  const shown = new Map([...row.children].map((image) => [image.getAttribute("src"), image]));
  row.replaceChildren(...urls.map((url) => shown.get(url) ?? picture(url)));
}

function picture(url) {
  const image = new Image(64, 64);
  image.alt = "";
  image.src = url;
  image.addEventListener("error", () => image.remove());
  return image;
}
