// The findings beside the grid: loaded as a part of the page, renewed when a job of theirs ends.

import { getPart, orMessage, post } from "../shared/api.js";
import { isOpen, onQueue } from "../shared/events.js";

/**
 * Keep the findings up to date.
 * @param {HTMLElement} panel the element of the findings.
 * @param {string} url the address of the face set's page.
 * @param {(job: number) => void} onQueued called when a job was added.
 * @param {() => void} onChanged called when a job that may change the faces has ended.
 * @returns {() => Promise<void>} loads the findings again.
 */
export function openFindings(panel, url, onQueued, onChanged) {
  const pendingJob = () => Number(panel.querySelector("[data-job]")?.dataset.job ?? 0);

  async function load() {
    const content = await orMessage(() => getPart(`${url}/findings`));
    if (content !== undefined) panel.innerHTML = content;
  }

  async function add(path, body) {
    const answer = await orMessage(() => post(`${url}/${path}`, body));
    if (!answer) return;
    onQueued(answer.job);
    await load();
  }

  panel.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.command) add("remove", { command: button.dataset.command });
    else if (button?.id === "review") add("review");
  });
  onQueue(({ jobs }) => {
    const pending = jobs.find((job) => job.number === pendingJob());
    if (!pendingJob() || (pending && isOpen(pending))) return;
    panel.querySelector("[data-job]").removeAttribute("data-job");
    onChanged();
  });
  return load;
}
