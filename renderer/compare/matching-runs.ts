// Which runs a person means by some words.
import type { RunSummary } from '../../preload/contract.ts';

/** Runs in which every word stands somewhere: in the id, name, method, model, data, status or a tag. */
export function matchingRuns(runs: readonly RunSummary[], search: string): readonly RunSummary[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return runs;
  return runs.filter(({ id, name, method, modelName, dataName, status, tags }) => {
    const text = [id, name ?? '', method, modelName, dataName, status, ...tags].join('\n').toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
