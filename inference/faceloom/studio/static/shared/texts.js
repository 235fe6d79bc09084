// Texts of the templates with values.

/** Return a text with its first value for "{0}", the second one for "{1}", and so on. */
export function fill(text, ...values) {
  return text.replace(/\{(\d)\}/g, (_, index) => values[index]);
}
