// The panel of the demo on the page of the project.

import { getPart, orMessage, post } from "../shared/api.js";
import { onQueue } from "../shared/events.js";
import { Latest } from "../shared/latest.js";

const panel = document.getElementById("demo");
const latest = new Latest();
let shown = "";

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

// The panel is loaded again when a job starts, reaches another stage, or ends; and at first, if there are jobs, which may
// have changed since the page was made.
onQueue(({ jobs }) => {
  const now = jobs.map(({ number, state, stage }) => `${number} ${state} ${stage}`).join();
  if (now !== shown) latest.run(() => orMessage(showPanel));
  shown = now;
});
