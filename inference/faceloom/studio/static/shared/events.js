// The state of the queue, shared by all modules of a page.

import { showMessage } from "./api.js";

let latest = null;
let source = null;
const listeners = new Set();

/** Call a function with the state of the queue now and at each change. */
export function onQueue(listener) {
  listeners.add(listener);
  if (latest) listener(latest);
}

/** Whether the command of a job runs, or saves its work before it ends. */
export function isActive(job) {
  return job.state === "running" || job.state === "stopping";
}

/** Whether a job has not ended. */
export function isOpen(job) {
  return job.state === "waiting" || isActive(job);
}

function open() {
  if (source) return;
  source = new EventSource("/jobs/events");
  source.addEventListener("message", (event) => {
    latest = JSON.parse(event.data);
    for (const listener of listeners) listener(latest);
  });
  source.addEventListener("error", () => {
    // A browser tries again by itself unless the studio refuses, as after its next start.
    if (source?.readyState === EventSource.CLOSED) showMessage(document.body.dataset.lost);
  });
}

function close() {
  source?.close();
  source = null;
}

// A browser has few connections to a server for all tabs, so only the visible page listens.
document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
window.addEventListener("pagehide", close);
window.addEventListener("pageshow", open);
open();
