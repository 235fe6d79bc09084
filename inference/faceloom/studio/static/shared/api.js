// Requests to the studio, and the message that shows what went wrong.

/** Show a sentence until it is closed. */
export function showMessage(text) {
  const box = document.getElementById("message");
  box.querySelector("span").textContent = text;
  box.hidden = false;
}

/**
 * Send JSON and return the JSON of the answer.
 * @throws {Error} with the sentence of the studio.
 */
export async function post(url, body = {}) {
  return answerOf(() =>
    fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    }),
  );
}

/** Return the JSON of an address; throws as `post` does. */
export async function get(url) {
  return answerOf(() => fetch(url));
}

async function answerOf(send) {
  let answer;
  try {
    answer = await send();
  } catch {
    throw new Error(document.body.dataset.lost);
  }
  const isJson = answer.headers.get("content-type")?.startsWith("application/json");
  const content = isJson ? await answer.json() : await answer.text();
  if (!answer.ok) throw new Error(isJson ? content.error : content);
  return content;
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
