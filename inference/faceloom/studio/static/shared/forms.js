// Forms whose refusal is shown in the form, in dialogs and in pages.

import { post } from "./api.js";

/** Send a form when it is submitted; show an error in the form, and call `onSent` after success. */
export function sendForm(form, url, bodyOf, onSent) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const problem = form.querySelector(".error-text");
    problem.hidden = true;
    try {
      const answer = await post(url, bodyOf(new FormData(form)));
      form.closest("dialog")?.close();
      onSent(answer);
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    }
  });
}
