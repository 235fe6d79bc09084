// The state of the queue, shared by all modules of a page.

let latest = null;
const listeners = new Set();

/** Call a function with the state of the queue now and at each change. */
export function onQueue(listener) {
  listeners.add(listener);
  if (latest) listener(latest);
}

const source = new EventSource("/jobs/events");
source.addEventListener("message", (event) => {
  latest = JSON.parse(event.data);
  for (const listener of listeners) listener(latest);
});
// An open stream would keep the page's connection while the next page loads.
window.addEventListener("pagehide", () => source.close());
