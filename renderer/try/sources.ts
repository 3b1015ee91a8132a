// Who can be asked: runs with something learned, and models alone; and how that stands in the address.
import type { KnownModel, RunSummary } from '../../preload/contract.ts';

export type Source = {
  /** "run:ID", or a model's folder. */
  id: string;
  name: string;
  /** What tells it from others of the same name. */
  about: string;
};

/** Those that may have an adapter and do not train now. */
export function runSources(runs: readonly RunSummary[]): Source[] {
  return runs
    .filter(({ status, step, archived }) => step > 0 && !archived && !/^(queued|preparing|training)$/.test(status))
    .map(({ id, name, method, modelName }) => ({
      id: `run:${id}`,
      name: name ?? id,
      about: [method.toUpperCase(), modelName, ...(name === null ? [] : [id])].join(' · '),
    }));
}

export function modelSources(models: readonly KnownModel[]): Source[] {
  return models
    .filter(({ problem }) => problem === null)
    .map(({ reference, name }) => ({
      id: reference,
      name,
      about: 'Model alone',
    }));
}

/** Those with every word in their name or in what is said about them. */
export function matching(sources: readonly Source[], words: string): Source[] {
  const wanted = words.toLowerCase().split(/\s+/);
  return sources.filter(({ name, about }) => wanted.every((word) => `${name} ${about}`.toLowerCase().includes(word)));
}

/** "run:ID@best" for a run's adapter; a folder as it is. */
export function referenceOf(id: string, checkpoint: string): string {
  return id.startsWith('run:') && checkpoint !== 'last' ? `${id}@${checkpoint}` : id;
}
