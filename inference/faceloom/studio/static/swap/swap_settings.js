// The settings of the swap page: from and to the form, and what a bundle suggests for "auto".

import { fill } from "../shared/texts.js";

const form = document.getElementById("settings");
const texts = document.getElementById("swap").dataset;
const sliders = form ? [...form.querySelectorAll("[data-slider]")].map(toSlider) : [];

function toSlider(element) {
  const input = element.querySelector("input[type=range]");
  return {
    name: element.dataset.slider,
    element,
    input,
    auto: element.querySelector("input[type=checkbox]"),
    output: element.querySelector("output"),
    fallback: input.dataset.default ?? "0",
  };
}

function choices() {
  return ["mask", "glasses", "color"].map((name) => form.elements[name]);
}

/** Return the settings that are not the default, as values of `SwapSettings`. */
export function readSettings() {
  const settings = {};
  if (!form) return settings;
  const select = form.elements.select.value;
  if (select === "track") settings.select = `track:${Number(form.elements.track.value) || 0}`;
  else if (select) settings.select = select;
  for (const choice of choices()) {
    if (choice.selectedIndex !== defaultIndex(choice)) settings[choice.name] = choice.value;
  }
  for (const { name, input, auto, fallback } of sliders) {
    const isDefault = auto ? auto.checked : input.value === fallback;
    if (!isDefault) settings[name] = Number(input.value);
  }
  return settings;
}

/** Show settings, such as those of an address; a setting that is left out gets its default. */
export function writeSettings(settings) {
  if (!form) return;
  const [kind, track] = (settings.select ?? "").split(":");
  form.elements.select.value = kind;
  if (track) form.elements.track.value = track;
  for (const choice of choices()) {
    choice.selectedIndex = defaultIndex(choice);
    if (settings[choice.name]) choice.value = settings[choice.name];
  }
  for (const { name, input, auto, fallback } of sliders) {
    const given = settings[name] !== undefined;
    input.value = given ? settings[name] : fallback;
    if (auto) auto.checked = !given;
  }
  showValues();
}

/** Show what a bundle suggests where a setting is "auto". */
export function showSuggestions(suggested) {
  for (const { name, input, output } of sliders) {
    if (suggested[name] === undefined) continue;
    output.dataset.suggested = suggested[name];
    input.dataset.suggested = suggested[name];
  }
  const auto = form.elements.color.querySelector("[data-auto]");
  const text = form.elements.color.querySelector(`[value="${suggested.color}"]`).textContent;
  auto.textContent = fill(texts.suggested, text);
  showValues();
}

/**
 * Call a function with each change of a setting.
 * @param {(change: {draft: boolean}) => void} onChange - `draft`: a slider moves.
 */
export function onSettings(onChange) {
  if (!form) return;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => {
    const slider = sliders.find(({ input }) => input === event.target);
    if (slider?.auto) slider.auto.checked = false;
    showValues();
    if (slider) onChange({ draft: true });
  });
  form.addEventListener("change", () => {
    showValues();
    onChange({ draft: false });
  });
  document.getElementById("reset").addEventListener("click", () => {
    writeSettings({});
    onChange({ draft: false });
  });
}

function showValues() {
  document.getElementById("track-field").hidden = form.elements.select.value !== "track";
  for (const { name, element, input, auto, output } of sliders) {
    const isAuto = auto?.checked ?? false;
    const suggested = input.dataset.suggested;
    if (isAuto && suggested !== undefined) input.value = suggested;
    element.toggleAttribute("data-auto", isAuto);
    const value = isAuto && suggested === undefined ? "" : String(Number(input.value));
    const isLimit = isAuto && name === "sharpen" && value;
    output.textContent = isLimit ? fill(texts.autoSharpen, value) : value;
  }
}

function defaultIndex(choice) {
  const marked = [...choice.options].findIndex((option) => option.defaultSelected);
  return Math.max(0, marked);
}
