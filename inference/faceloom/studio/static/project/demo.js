// The panel of the demo on the page of the project.

import { getPart, orMessage, post } from "../shared/api.js";
import { onQueue } from "../shared/events.js";
import { Latest } from "../shared/latest.js";

const panel = document.getElementById("demo");
const latest = new Latest();
let shown = null;

async function showPanel() {
  const html = await getPart("/demo");
  const isOpen = panel.querySelector("details")?.open ?? false;
  panel.innerHTML = html;
  const details = panel.querySelector("details");
  if (details) details.open = isOpen;
}

panel.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-demo]");
  if (!button) return;
  button.disabled = true;
  if (await orMessage(() => post(button.dataset.demo))) location.reload();
  else button.disabled = false;
});

// The panel is loaded again when a job starts, reaches another stage, or ends.
onQueue(({ jobs }) => {
  const now = jobs.map(({ number, state, stage }) => `${number} ${state} ${stage}`).join();
  if (shown !== null && now !== shown) latest.run(() => orMessage(showPanel));
  shown = now;
});
