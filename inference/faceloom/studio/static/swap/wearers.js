// Who wears what: the people of a video, each with a bundle.

import { get, orMessage } from "../shared/api.js";

const list = document.getElementById("wearers");
const template = document.getElementById("wearer");

// The video whose people are asked for.
let shown = "";

/** Return the people who wear a bundle, as values of `Wearer`. */
export function readWearers() {
  return [...(list?.children ?? [])]
    .map((row) => ({ number: Number(row.dataset.number), bundle: row.querySelector("select").value }))
    .filter(({ bundle }) => bundle);
}

function wearer(clip, { number, pictures }, onPictures) {
  const row = template.content.firstElementChild.cloneNode(true);
  row.dataset.number = number;
  row.querySelector("img").src = `/people/${clip}/portrait/${number}`;
  const text = row.querySelector("label").firstChild;
  text.textContent = text.textContent.replace("{0}", number);
  row.querySelector("button").addEventListener("click", () => onPictures(pictures));
  return row;
}

/**
 * Show the people of a video; they keep their own faces.
 * @param {string} clip - its id.
 * @param {(paths: string[]) => void} onPictures - takes the pictures of a person to swap only.
 */
export async function showWearers(clip, onPictures) {
  shown = clip;
  list.replaceChildren();
  document.getElementById("find-people").href = `/people/${clip}`;
  const answer = await orMessage(() => get(`/people/${clip}/list`));
  if (shown !== clip) return;
  const people = answer?.people ?? [];
  list.replaceChildren(...people.map((person) => wearer(clip, person, onPictures)));
  document.getElementById("wearers-empty").hidden = people.length > 0;
  document.getElementById("wearers-hint").hidden = people.length === 0;
}
