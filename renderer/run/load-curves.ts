// Reads from the history what a run has measured.
import type { ErrorDetails } from '../../preload/contract.ts';
import type { Curves } from '../charts/curves.ts';
import { host } from '../state/host.ts';

/** Adds what `curves` lack; returns what went wrong. */
export async function loadCurves(id: string, curves: Curves): Promise<ErrorDetails | null> {
  const answer = await host.call('run.show', { id });
  if (!answer.ok) return answer.error;
  const { losses, metrics, step } = answer.value;
  if (step < curves.lastStep) curves.keepUpTo(0); // resumed from an earlier checkpoint
  const evaluatedUpTo = curves.evaluation.column('step').at(-1) ?? -1;
  const logged = new Map(
    metrics.filter(({ values }) => values.loss !== undefined).map((row) => [row.step, row.values]),
  );
  for (const { step, loss } of losses) {
    const values = logged.get(step);
    curves.addStep({ step, loss, ...(values && { metrics: values }) });
  }
  for (const { step, values } of metrics)
    if (values.loss === undefined && step > evaluatedUpTo) curves.addEvaluation(step, values);
  return null;
}
