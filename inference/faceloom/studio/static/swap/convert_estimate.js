// The estimate of a conversion's time and size, measured at a click.

import { post } from "../shared/api.js";

const button = document.getElementById("estimate-button");
const line = document.getElementById("estimate");

function show(text, isOutdated = false) {
  line.textContent = text;
  line.hidden = !text;
  line.toggleAttribute("data-outdated", isOutdated);
}

/**
 * Show the estimate of a conversion when the button is clicked.
 * @param {() => object} conversion - returns the body of the request, as for the command line.
 */
export function connectEstimate(conversion) {
  if (!button) return;
  // The conversion of the shown estimate, without the output's name and the sections.
  let shown = "";
  const key = () => JSON.stringify({ ...conversion(), name: "", sections: [] });

  button.addEventListener("click", async () => {
    const asked = key();
    const body = conversion();
    button.disabled = true;
    show(line.dataset.working);
    try {
      const { sentence, is_busy: isBusy } = await post("/swap/estimate", body);
      shown = asked;
      const notes = [body.sections.length && line.dataset.sections, isBusy && line.dataset.busy];
      show([sentence, ...notes.filter(Boolean)].join(" "), asked !== key());
    } catch (error) {
      show(error.message);
    } finally {
      button.disabled = false;
    }
  });
  document.addEventListener("change", () => {
    if (!line.hidden && !button.disabled) line.toggleAttribute("data-outdated", shown !== key());
  });
}
