// Changes that one tab of the browser makes and the other ones show.

const channel = new BroadcastChannel("changes");
const listeners = new Map();

channel.addEventListener("message", ({ data }) => listeners.get(data)?.());

/** Tell the other tabs that something has changed, such as "items" or the address of a page. */
export function announceChange(what) {
  channel.postMessage(what);
}

/** Call a function when another tab has changed something. */
export function onChangeElsewhere(what, listener) {
  listeners.set(what, listener);
}
