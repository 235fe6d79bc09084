// Messages between the tabs of a browser, so that each shows the changes of the others.

const channel = new BroadcastChannel("changes");
const listeners = new Map();

channel.addEventListener("message", ({ data }) => listeners.get(data)?.());

/** Tell the other tabs about a change of "items" or of the page with an address. */
export function announceChange(what) {
  channel.postMessage(what);
}

/** Call a function when another tab announces a change. */
export function onChangeElsewhere(what, listener) {
  listeners.set(what, listener);
}
