import { expect, test } from 'vitest';
import type { Metrics, RunSummary } from '../../preload/contract.ts';
import { Curves } from '../../renderer/charts/curves.ts';
import { comparedCharts, comparedExtent, comparedLines } from '../../renderer/compare/compared-charts.ts';
import { finalMetrics } from '../../renderer/compare/final-metrics.ts';
import { matchingRuns } from '../../renderer/compare/matching-runs.ts';
import { recipeDiff } from '../../renderer/compare/recipe-diff.ts';

test('of recipes only what differs is shown, in groups, with a dash where a method lacks the key', () => {
  const sft = { method: 'sft', learning_rate: 1e-4, lora_r: 8, seed: 1, dataset_name: ['a.jsonl'], output_dir: '/x' };
  const dpo = { ...sft, method: 'dpo', learning_rate: 2e-5, beta: 0.1, dataset_name: ['a.jsonl', 'b.jsonl'] };
  expect(recipeDiff([sft, { ...dpo, output_dir: '/y' }])).toEqual([
    { title: 'Model', rows: [{ key: 'method', values: ['sft', 'dpo'] }] },
    { title: 'Data', rows: [{ key: 'dataset_name', values: ['a.jsonl', 'a.jsonl, b.jsonl'] }] },
    { title: 'Preferences', rows: [{ key: 'beta', values: ['–', '0.1'] }] },
    { title: 'Training', rows: [{ key: 'learning_rate', values: ['0.0001', '0.00002'] }] },
  ]);
  expect(recipeDiff([sft, { ...sft }])).toEqual([]);
});

function run(losses: number[], rest: { evalLoss?: number[]; accuracy?: number } = {}): Curves {
  const curves = new Curves();
  losses.forEach((loss, i) => {
    const accuracy: Metrics = rest.accuracy === undefined ? {} : { mean_token_accuracy: rest.accuracy };
    curves.addStep({ step: i + 1, loss, stepMs: 1000, tokensPerSecond: 10, metrics: { loss, ...accuracy } });
  });
  rest.evalLoss?.forEach((value, i) => curves.addEvaluation(i + 1, { eval_loss: value }));
  return curves;
}

test('the best of a row is marked where better means something and someone is better', () => {
  const runs = [
    run([3, 2], { evalLoss: [1.5, 1.8], accuracy: 0.5 }),
    run([3, 2.5], { evalLoss: [1.7, 1.6], accuracy: 0.7 }),
    run([3, 2]),
  ];
  const rows = finalMetrics(runs);
  const row = (title: string) => {
    const { values, best } = rows.find((one) => one.title === title) ?? {};
    return [values, best];
  };
  expect(row('Lowest loss, evaluated')).toEqual([[1.5, 1.6, undefined], [0]]);
  expect(row('Loss, evaluated')).toEqual([[1.8, 1.6, undefined], [1]]);
  expect(row('Loss')).toEqual([
    [2, 2.5, 2],
    [0, 2],
  ]);
  expect(row('Token accuracy')).toEqual([[0.5, 0.7, undefined], [1]]);
  expect(row('Tokens per second')).toEqual([[10, 10, 10], []]); // all the same
  expect(row('Steps')).toEqual([[2, 2, 2], []]);
  expect(rows[0]?.title).toBe('Lowest loss, evaluated');
});

test('runs share the charts of what at least two have measured, losses first, one line a run', () => {
  const runs = [run([3, 2, 1], { accuracy: 0.5 }), run([3, 2], { evalLoss: [1], accuracy: 0.6 })];
  const charts = comparedCharts(runs);
  expect(charts.map(({ metric }) => metric)).toEqual(['loss', 'eval_loss', 'mean_token_accuracy', 'tokens_per_second']);
  const [loss, evaluation] = charts;
  if (!loss || !evaluation) throw new Error('charts are missing');
  const compared = runs.map((curves, i) => ({
    label: `run ${String(i)}`,
    look: { color: `--run-${String(i + 1)}` },
    curves,
  }));
  const lines = comparedLines(compared, loss, { axis: 'time', smoothing: 0 });
  expect(lines.map(({ label, x, y }) => [label, [...x], [...y]])).toEqual([
    ['run 0', [1, 2, 3], [3, 2, 1]],
    ['run 1', [1, 2], [3, 2]],
  ]);
  expect(comparedLines(compared, evaluation, { axis: 'step', smoothing: 0.5 }).map(({ look }) => look)).toEqual([
    'points',
  ]);
  expect(comparedExtent(runs, 'step')).toEqual({ min: 0, max: 3 });
});

test('runs that fell alike stay on one line, however long the others went on', () => {
  const long = Array.from({ length: 400 }, (_, i) => 3 - i / 200 + (i % 2) / 10);
  const runs = [run(long), run(long.slice(0, 50))].map((curves, i) => ({
    label: String(i),
    look: { color: '' },
    curves,
  }));
  const chart = { metric: 'loss', title: 'Loss', canLog: true, exact: false };
  const [whole, part] = comparedLines(runs, chart, { axis: 'step', smoothing: 0.5 });
  expect([...(whole?.y.slice(0, 50) ?? [])]).toEqual([...(part?.y ?? [])]);
});

test('every word must stand somewhere in the run', () => {
  const summary = { method: 'sft', status: 'completed', dataName: 'notes.jsonl', name: null } as RunSummary;
  const runs: RunSummary[] = [
    { ...summary, id: 'calm-otter', modelName: 'SmolLM2-135M', tags: ['paper'] },
    { ...summary, id: 'late-heron', modelName: 'Qwen3-0.6B', tags: [], name: 'Second try' },
  ];
  const found = (search: string): string[] => matchingRuns(runs, search).map(({ id }) => id);
  expect([found(''), found('  NOTES '), found('smol paper'), found('second qwen'), found('smol second')]).toEqual([
    ['calm-otter', 'late-heron'],
    ['calm-otter', 'late-heron'],
    ['calm-otter'],
    ['late-heron'],
    [],
  ]);
});
