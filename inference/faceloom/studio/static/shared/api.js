// Requests to the studio, and the message that shows what went wrong.

/** Show a sentence until it is closed. */
export function showMessage(text) {
  const box = document.getElementById("message");
  box.querySelector("span").textContent = text;
  box.hidden = false;
}

/**
 * Send a request and return its answer.
 * @throws {Error} with the sentence of the studio.
 */
export async function request(url, options = {}) {
  let answer;
  try {
    answer = await fetch(url, options);
  } catch {
    throw new Error(document.body.dataset.lost);
  }
  if (!answer.ok) throw new Error(errorSentence(await answer.text()));
  return answer;
}

/** Return the sentence of a refusal: JSON of a page's handler, or plain text. */
export function errorSentence(content) {
  try {
    return JSON.parse(content).error;
  } catch {
    return content;
  }
}

/** Send JSON and return the JSON of the answer; throws as `request` does. */
export async function post(url, body = {}, options = {}) {
  const headers = { "Content-Type": "application/json" };
  const content = { method: "POST", headers, body: JSON.stringify(body) };
  return (await request(url, { ...content, ...options })).json();
}

/** Return the JSON of an address; throws as `request` does. */
export async function get(url) {
  return (await request(url)).json();
}

/** Return a part of a page as HTML; throws as `request` does. */
export async function getPart(url) {
  return (await request(url)).text();
}

/** Run some work and show its error as a message. */
export async function orMessage(work) {
  try {
    return await work();
  } catch (error) {
    showMessage(error.message);
    return undefined;
  }
}
