// The people of a video, each with a bundle or their own face.

import { get, orMessage } from "../shared/api.js";
import { fill } from "../shared/texts.js";

const list = document.getElementById("person-bundles");
const template = document.getElementById("person-bundle");

// Id of the video; an answer for another one is ignored.
let shown = "";

/** Return the people who have a bundle, as values of `PersonBundle`. */
export function readPersonBundles() {
  return [...(list?.children ?? [])]
    .map((row) => ({ number: Number(row.dataset.number), bundle: row.querySelector("select").value }))
    .filter(({ bundle }) => bundle);
}

function personRow(clip, { number, pictures }, onPictures) {
  const row = template.content.firstElementChild.cloneNode(true);
  row.dataset.number = number;
  row.querySelector("img").src = `/people/${clip}/portrait/${number}`;
  const text = row.querySelector("label").firstChild;
  text.textContent = fill(text.textContent, number);
  row.querySelector("button").addEventListener("click", () => onPictures(pictures));
  return row;
}

/**
 * Show the people of a video, each with their own face at first.
 * @param {string} clip - its id.
 * @param {(paths: string[]) => void} onPictures - called with the pictures of a person when only this person is to be swapped.
 */
export async function showPeople(clip, onPictures) {
  shown = clip;
  list.replaceChildren();
  document.getElementById("find-people").href = `/people/${clip}`;
  const answer = await orMessage(() => get(`/people/${clip}/list`));
  if (shown !== clip) return;
  const people = answer?.people ?? [];
  list.replaceChildren(...people.map((person) => personRow(clip, person, onPictures)));
  document.getElementById("person-bundles-empty").hidden = people.length > 0;
  document.getElementById("person-bundles-hint").hidden = people.length === 0;
}
