// Which files of a dataset on the Hub one would train on, from their names alone.

const OTHER_SPLITS = /(^|[^a-z])(test|validation|valid|val|dev|eval|holdout)([^a-z]|$)/i;
const TRAINING = /(^|[^a-z])train(ing)?([^a-z]|$)/i;

/** Those named after training; without such names all that are not named after another split; else all. */
export function likelyFiles(paths: readonly string[]): string[] {
  const training = paths.filter((path) => TRAINING.test(path));
  if (training.length > 0) return training;
  const others = paths.filter((path) => !OTHER_SPLITS.test(path));
  return others.length > 0 ? others : [...paths];
}
