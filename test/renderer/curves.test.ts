import { expect, test } from 'vitest';
import { bestEvaluation, chartsFor, linesOf, metricsOf } from '../../renderer/charts/chart-table.ts';
import { Columns } from '../../renderer/charts/columns.ts';
import { Curves } from '../../renderer/charts/curves.ts';
import { valueAt } from '../../renderer/charts/line.ts';

function fiveSteps(): Curves {
  const curves = new Curves();
  for (let step = 1; step <= 5; step++) {
    const metrics = step % 2 === 0 ? { metrics: { loss: 1, num_tokens: 100 * step, grad_norm: step } } : {};
    curves.addStep({ step, loss: 6 - step, stepMs: 500 * step, tokensPerSecond: 100, ...metrics });
  }
  return curves;
}

test('columns grow, and a name that comes late is NaN before', () => {
  const table = new Columns();
  for (let i = 0; i < 1000; i++) table.append(i < 999 ? { a: i } : { a: i, b: 1 });
  expect([table.length, table.column('a')[600], table.column('b')[600], table.column('b')[999]]).toEqual([
    1000,
    600,
    Number.NaN,
    1,
  ]);
  table.truncate(999);
  table.append({ a: 7 });
  expect(table.column('b')[999]).toBeNaN(); // not what was forgotten
});

test('a place in time is the time trained until a step was done, in tokens by proportion', () => {
  const curves = fiveSteps();
  const steps = Float64Array.of(0, 1, 2, 3, 5);
  // Steps took 0.5, 1, 1.5, 2 and 2.5 s.
  expect([...curves.placesOf(steps, 'time')]).toEqual([0, 0.5, 1.5, 3, 7.5]);
  // 200 tokens were logged at step 2 and 400 at step 4; the line runs on.
  expect([...curves.placesOf(steps, 'tokens')]).toEqual([0, 100, 200, 300, 500]);
  expect(curves.placesOf(steps, 'step')).toBe(steps);
  expect([new Curves().hasAxis('time'), curves.hasAxis('time')]).toEqual([false, true]);
});

test('a step told twice counts once; a run resumed at step 3 computes 4 and 5 again', () => {
  const curves = fiveSteps();
  curves.addStep({ step: 5, loss: 99 });
  expect([...curves.train.column('loss')]).toEqual([5, 4, 3, 2, 1]);
  curves.addEvaluation(2, { eval_loss: 2 });
  curves.addEvaluation(4, { eval_loss: 1 });
  curves.addRecord({ type: 'start', totalSteps: 5, startStep: 3 });
  curves.addRecord({ type: 'step', step: 4, loss: 1.5, stepMs: 1000, tokensPerSecond: 1 });
  expect([...curves.train.column('loss')]).toEqual([5, 4, 3, 1.5]);
  expect([...curves.train.column('seconds')]).toEqual([0.5, 1.5, 3, 4]);
  expect([...curves.logged.column('step')]).toEqual([2]);
  expect([...curves.evaluation.column('eval_loss')]).toEqual([2]);
});

test('an evaluation told twice keeps the later values', () => {
  const curves = new Curves();
  for (const value of [3, 2]) curves.addEvaluation(10, { eval_loss: value });
  expect([...curves.evaluation.column('eval_loss')]).toEqual([2]);
});

test('the best evaluation is the first that no later one betters', () => {
  const curves = new Curves();
  [1.5, 1.2, 1.2, 1.4].forEach((value, i) => curves.addEvaluation(10 * (i + 1), { eval_loss: value }));
  expect(bestEvaluation(curves, 'eval_loss', false)).toEqual({ step: 20, value: 1.2 });
  expect(bestEvaluation(curves, 'eval_loss', true)).toEqual({ step: 10, value: 1.5 });
  expect(bestEvaluation(curves, 'eval_nothing', true)).toBeNull();
});

test('for preferences the margin comes first; pairs share a chart, also those that no table knows', () => {
  const metrics = 'step loss eval_loss rewards/chosen rewards/rejected rewards/margins rewards/accuracies logps/chosen';
  const unknown = 'logps/rejected logits/chosen logits/rejected nll_loss epoch num_tokens eval_runtime learning_rate';
  const charts = chartsFor(`${metrics} ${unknown}`.split(' '));
  expect(charts.map(({ id }) => id)).toEqual([
    'rewards/margins',
    'loss',
    'rewards',
    'rewards/accuracies',
    'logps',
    'learning_rate',
    'logits',
    'nll_loss',
  ]);
  expect(charts.find(({ id }) => id === 'logits')?.quantities.map(({ metric }) => metric)).toEqual([
    'logits/chosen',
    'logits/rejected',
  ]);
  expect(chartsFor(['loss', 'grad_norm', 'mean_token_accuracy'])[0]?.id).toBe('loss');
});

test('a chart draws each step faint, smoothed strong and evaluations as points; a schedule is drawn as it is', () => {
  const curves = fiveSteps();
  curves.addEvaluation(5, { eval_loss: 1.1 });
  const kinds = chartsFor(metricsOf(curves));
  const [loss] = kinds;
  if (!loss) throw new Error('no chart of the loss');
  const lines = linesOf(curves, loss, { axis: 'step', smoothing: 0.5 });
  expect(lines.map(({ label, look }) => [label, look])).toEqual([
    ['Each step', 'faint'],
    ['Smoothed', 'strong'],
    ['Evaluation', 'points'],
  ]);
  expect(linesOf(curves, loss, { axis: 'step', smoothing: 0 }).map(({ look }) => look)).toEqual(['strong', 'points']);
});

test('a line says its last value up to the crosshair', () => {
  const line = { x: Float64Array.of(10, 20, 30), y: Float64Array.of(1, 2, Number.NaN) };
  expect([5, 10, 19, 20, 99, null].map((place) => valueAt(line, place))).toEqual([undefined, 1, 1, 2, 2, 2]);
});

test('what the history has, with nulls where there was no number, becomes the same columns', () => {
  const curves = new Curves();
  curves.addRows({
    train: { step: [1, 2], columns: { loss: [2, null], step_ms: [500, 1500], tokens_per_second: [10, 20] } },
    logged: { step: [2], columns: { grad_norm: [0.5], entropy: [null] } },
    evaluation: { step: [2], columns: { eval_loss: [1.5] } },
  });
  expect([...curves.train.column('loss')]).toEqual([2, Number.NaN]);
  expect([...curves.train.column('seconds')]).toEqual([0.5, 2]);
  expect([...curves.logged.column('grad_norm')]).toEqual([0.5]);
  expect(curves.logged.has('entropy')).toBe(false);
  expect([...curves.evaluation.column('eval_loss')]).toEqual([1.5]);
});
