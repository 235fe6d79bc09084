// The faces that a running extraction finds, while it finds them.

import { get } from "../shared/api.js";
import { isActive } from "../shared/events.js";

// Milliseconds between two looks at an extraction.
const LOOK_MS = 1000;
const looked = new WeakMap();

/** Show the newest faces of a job in an element; nothing if the job finds none or does not run. */
export async function showFoundFaces(box, job) {
  if (!job.finds_faces || !isActive(job)) {
    box.hidden = true;
    return;
  }
  if (performance.now() - (looked.get(box) ?? -LOOK_MS) < LOOK_MS) return;
  looked.set(box, performance.now());
  const address = `/jobs/${job.number}/faces`;
  let found;
  try {
    found = await get(address);
  } catch {
    // The next look tries again; the page says itself if the studio has ended.
    return;
  }
  box.hidden = found.count === 0;
  const text = box.querySelector("span");
  text.textContent = text.dataset.text.replace("{count}", found.count.toLocaleString("en"));
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
