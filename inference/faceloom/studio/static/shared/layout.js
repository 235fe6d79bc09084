// What every page has: the color scheme, messages, dialogs, keys, and the running job.

import { isActive, isOpen, onQueue } from "./events.js";

const theme = document.getElementById("theme");
const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");

function isDark() {
  const chosen = localStorage.getItem("theme");
  return chosen ? chosen === "dark" : prefersDark.matches;
}

function showTheme() {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
  theme.textContent = isDark() ? theme.dataset.light : theme.dataset.dark;
}

theme.addEventListener("click", () => {
  localStorage.setItem("theme", isDark() ? "light" : "dark");
  showTheme();
});
prefersDark.addEventListener("change", showTheme);
showTheme();

document.querySelector("#message button").addEventListener("click", () => {
  document.getElementById("message").hidden = true;
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  if (opener) document.getElementById(opener.dataset.open).showModal();
  const closer = event.target.closest("[data-close]");
  if (closer) closer.closest("dialog").close();
});

// Fields that need the keys that are typed; sliders and checkboxes do not.
const FIELDS = "textarea, select, input:not([type=range], [type=checkbox], [type=radio])";
const links = [...document.querySelectorAll("nav [data-key]")];
const keys = document.getElementById("keys-dialog");

document.addEventListener("keydown", ({ key, target, ctrlKey, metaKey, altKey }) => {
  if (ctrlKey || metaKey || altKey || target.matches(FIELDS)) return;
  if (key === "?" && !keys.open) keys.showModal();
  else if (!document.querySelector("dialog[open]")) links.find((link) => link.dataset.key === key)?.click();
});

onQueue(({ jobs }) => {
  const open = jobs.filter(isOpen);
  const badge = document.getElementById("queue-badge");
  badge.hidden = open.length === 0;
  badge.textContent = open.length;
  const running = document.getElementById("running");
  const job = jobs.find(isActive);
  running.hidden = !job;
  if (!job) return;
  running.querySelector(".running-title").textContent = job.title;
  const bar = running.querySelector("progress");
  if (job.total) bar.value = job.done / job.total;
  else bar.removeAttribute("value");
});
