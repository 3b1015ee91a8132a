// What the reference model says of each answer: the model as it is before the first step, which is the base model, or
// the adapter that a run continues. Computed once for each dataset, model and start, and kept on disk.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JobRecord } from '../../preload/contract.ts';
import { writeFileAtomically } from '../checkpoints/atomic.ts';
import type { Batch } from '../data/types.ts';
import { BatchLimit } from './batch-limit.ts';
import { scoreColumns } from './build-step.ts';
import { evaluateRows } from './evaluate.ts';
import type { Stepper } from './stepper.ts';

export type ReferenceOptions = {
  /** Fingerprint of the pairs' tokens. */
  dataset: string;
  settings: { ldAlpha: number | undefined; startsFromAdapter: boolean };
  modelFingerprint: () => string;
  /** As the recipe has it; fewer where memory does not reach. */
  batch: { size: number; key: string };
  which: string;
  halvings: number | undefined;
  cacheDir: string;
  post: (record: JobRecord) => void;
  signal: AbortSignal;
};

/** [2 * pairs] log-probability of the chosen and the rejected answer of each pair, in turn. */
export async function referenceLogProbs(
  stepper: Stepper,
  pairs: { length: number; batch(rows: ArrayLike<number>): Batch },
  options: ReferenceOptions,
): Promise<Float32Array> {
  const path = join(options.cacheDir, `reference-${cacheKey(stepper, options)}.bin`);
  const kept = read(path, 2 * pairs.length);
  if (kept) return kept;
  const found = new Float32Array(2 * pairs.length);
  const limit = new BatchLimit({
    rows: options.batch.size,
    halvings: options.halvings,
    // Each pair is asked about by itself.
    canCut: true,
    key: options.batch.key,
    goesOn: (rows) => `the reference is asked about ${rows} at once: the same answers, a little slower`,
    onSmaller: ({ message }) => options.post({ type: 'event', level: 'warning', message }),
  });
  const phase = `Asking the reference about the ${options.which} pairs`;
  for (let start = 0; start < pairs.length; start += options.batch.size) {
    options.signal.throwIfAborted();
    const count = Math.min(options.batch.size, pairs.length - start);
    const rows = Int32Array.from({ length: count }, (_, i) => start + i);
    const { batch, result } = await evaluateRows(stepper, { scales: () => [0] }, pairs, { rows, limit });
    const { scores } = result;
    const columns = scores.length / batch.sequences;
    for (let i = 0; i < count; i++) {
      found[2 * (start + i)] = -(scores[i * columns + scoreColumns.nll] ?? Number.NaN);
      found[2 * (start + i) + 1] = -(scores[(count + i) * columns + scoreColumns.nll] ?? Number.NaN);
    }
    options.post({ type: 'progress', phase, done: start + count, total: pairs.length });
  }
  mkdirSync(options.cacheDir, { recursive: true });
  writeFileAtomically(path, (write) => write(new Uint8Array(found.buffer)));
  return found;
}

function cacheKey(stepper: Stepper, { dataset, settings, modelFingerprint }: ReferenceOptions): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([cacheVersion, dataset, settings, modelFingerprint()]));
  // A fresh adapter changes nothing, however its A was drawn.
  if (settings.startsFromAdapter) hash.update(new Uint8Array(stepper.parameters.buffer));
  return hash.digest('hex').slice(0, 32);
}

const cacheVersion = 1;

/** What was kept, where it is whole. */
function read(path: string, length: number): Float32Array | undefined {
  if (!existsSync(path)) return undefined;
  const bytes = readFileSync(path);
  return bytes.byteLength === 4 * length ? new Float32Array(new Uint8Array(bytes).buffer) : undefined;
}
