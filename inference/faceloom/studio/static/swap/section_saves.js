// Saves the sections of clips in the project, one request at a time.

import { orMessage, post } from "../shared/api.js";
import { Latest } from "../shared/latest.js";

// By the clip's id: the saved sections as JSON, and the sections that are not saved yet.
const saved = new Map();
const unsaved = new Map();
const saves = new Latest();

/** Remember the sections of a clip as the project has them. */
export function setSaved(clip, sections) {
  saved.set(clip, JSON.stringify(sections));
}

/** Save the sections of a clip if they have changed. */
export function saveSections(clip, sections) {
  if (!unsaved.has(clip) && JSON.stringify(sections) === saved.get(clip)) return;
  unsaved.set(clip, sections);
  saves.run(saveAll);
}

async function saveAll() {
  for (const [clip, sections] of [...unsaved]) {
    await orMessage(async () => {
      await send(clip, sections);
      setSaved(clip, sections);
      if (unsaved.get(clip) === sections) unsaved.delete(clip);
    });
  }
}

function send(clip, sections, options = {}) {
  return post(`/swap/sections/${clip}`, { sections }, options);
}

// A request with `keepalive` is sent even though the page closes.
window.addEventListener("pagehide", () => {
  for (const [clip, sections] of unsaved) {
    send(clip, sections, { keepalive: true }).catch(() => {});
  }
});
