// Sections of a clip as sorted lists of {start, stop, swap, settings}; every function returns a new
// list and leaves the given one as it is.

/** Return the index of the section that contains a frame; -1 if none does. */
export function indexAt(list, frame) {
  return list.findIndex(({ start, stop }) => start <= frame && frame < stop);
}

/**
 * Start a section at a frame: a new one up to the next section, or the rest of the one that contains
 * the frame.
 * @param {object[]} list - the sections.
 * @param {number} frame - its first frame.
 * @param {number} frames - number of frames of the clip.
 * @param {object} settings - the settings of a new section.
 */
export function startAt(list, frame, frames, settings) {
  const index = indexAt(list, frame);
  if (index < 0) {
    const next = list.find(({ start }) => start > frame);
    const stop = next ? next.start : frames;
    return sorted([...list, { start: frame, stop, swap: true, settings: { ...settings } }]);
  }
  const split = list[index];
  if (split.start === frame) return list;
  const rest = { ...split, start: frame, settings: { ...split.settings } };
  return sorted([...list.with(index, { ...split, stop: frame }), rest]);
}

/** End a section with a frame: the section that contains the frame, else the one before it. */
export function endAt(list, frame) {
  const inside = indexAt(list, frame);
  const index = inside < 0 ? list.findLastIndex(({ start }) => start <= frame) : inside;
  if (index < 0 || list[index].stop === frame + 1) return list;
  return list.with(index, { ...list[index], stop: frame + 1 });
}

/**
 * Move a bound of a section, at most to the neighboring sections.
 * @param {object[]} list - the sections.
 * @param {number} index - the section.
 * @param {string} bound - "start" or "stop".
 * @param {number} frame - the bound's new value.
 * @param {number} frames - number of frames of the clip.
 */
export function moveBound(list, index, bound, frame, frames) {
  const { start, stop } = list[index];
  const [low, high] =
    bound === "start"
      ? [list[index - 1]?.stop ?? 0, stop - 1]
      : [start + 1, list[index + 1]?.start ?? frames];
  const value = Math.min(high, Math.max(low, frame));
  return value === list[index][bound] ? list : changed(list, index, { [bound]: value });
}

/** Return the sections without one. */
export function without(list, index) {
  return list.filter((_, other) => other !== index);
}

/** Return the sections with other values of one. */
export function changed(list, index, values) {
  return list.with(index, { ...list[index], ...values });
}

/** Return the sections that fit into a clip. */
export function clipped(list, frames) {
  const inside = list.filter(({ start }) => start < frames);
  return inside.map((section) => ({ ...section, stop: Math.min(section.stop, frames) }));
}

/** Return the sections that a frame and the frames before it are in. */
export function near(list, frame, before) {
  return list.filter(({ start, stop }) => start <= frame && stop > frame - before);
}

function sorted(list) {
  return list.toSorted((one, other) => one.start - other.start);
}
