// Reads from the history what a run has measured.
import type { ErrorDetails } from '../../preload/contract.ts';
import type { Curves } from '../charts/curves.ts';
import { host } from '../state/host.ts';

/** Adds what `curves` lack; returns what went wrong. */
export async function loadCurves(id: string, curves: Curves): Promise<ErrorDetails | null> {
  const evaluatedAfter = curves.evaluation.column('step').at(-1) ?? -1;
  const after = curves.lastStep;
  const answer = await host.call('run.curves', { id, after, evaluatedAfter });
  if (!answer.ok) return answer.error;
  if (answer.value.lastStep < after) {
    // It was resumed from an earlier checkpoint, and may be told by records already.
    curves.keepUpTo(0);
    return loadCurves(id, curves);
  }
  curves.addRows(answer.value);
  return null;
}
