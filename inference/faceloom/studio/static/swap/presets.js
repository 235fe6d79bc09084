// Presets: named options of the blend, which the project keeps.

import { get, orMessage, post } from "../shared/api.js";
import { sendForm } from "../shared/forms.js";
import { fill } from "../shared/texts.js";
import { readSettings, writeSettings } from "./swap_settings.js";

const list = document.getElementById("presets");
const form = document.getElementById("preset-form");

// Which faces are swapped belongs to the video, so it stays.
function apply(settings) {
  const { select } = readSettings();
  writeSettings({ ...settings, ...(select && { select }) });
  document.getElementById("settings").dispatchEvent(new Event("change"));
}

function button(text, label, onClick) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = "button";
  element.textContent = text;
  element.setAttribute("aria-label", label);
  element.addEventListener("click", onClick);
  return element;
}

function row({ name, settings }) {
  const item = document.createElement("li");
  const label = (text) => fill(text, name);
  const remove = async () => {
    const answer = await orMessage(() => post("/presets/delete", { name }));
    if (answer) show(answer);
  };
  item.append(
    button(name, label(list.dataset.apply), () => apply(settings)),
    button("×", label(list.dataset.delete), remove),
  );
  return item;
}

function show({ presets }) {
  list.replaceChildren(...presets.map(row));
  document.getElementById("presets-empty").hidden = presets.length > 0;
}

async function load() {
  const answer = await orMessage(() => get("/presets"));
  if (answer) show(answer);
}

if (form) {
  const body = (data) => ({ name: data.get("name"), settings: readSettings() });
  sendForm(form, "/presets/save", body, (answer) => {
    form.reset();
    show(answer);
  });
  load();
}
