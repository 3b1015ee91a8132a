// Which runs the table shows, and in which order.
import { describe, expect, test } from 'vitest';
import type { RunSummary } from '../../preload/contract.ts';
import { filterRuns, newestFirst, noFilter, orderRuns } from '../../renderer/runs/run-order.ts';

const plain: RunSummary = {
  id: '',
  name: null,
  method: 'sft',
  status: 'completed',
  modelName: 'SmolLM2-135M',
  dataName: 'notes.jsonl',
  createdAt: 0,
  updatedAt: 0,
  step: 0,
  totalSteps: null,
  loss: null,
  bestEvalLoss: null,
  device: null,
  durationMs: null,
  tokensPerSecond: null,
  remainingMs: null,
  tags: [],
  hasNotes: false,
  archived: false,
  queuePlace: null,
  waitsFor: null,
};

/** Newest first, as the host tells them. */
const runs: RunSummary[] = [
  { ...plain, id: 'swift-trout', status: 'training', createdAt: 4, step: 5, totalSteps: 10, loss: 2 },
  { ...plain, id: 'brave-heron', name: 'Night shift', createdAt: 3, bestEvalLoss: 0.5, tags: ['paper'] },
  { ...plain, id: 'misty-reed', method: 'dpo', modelName: 'Qwen3-0.6B', createdAt: 2, bestEvalLoss: 0.25 },
  { ...plain, id: 'calm-otter', createdAt: 1, archived: true, tags: ['paper'] },
];
const ids = (some: readonly RunSummary[]): string[] => some.map(({ id }) => id);

describe('a filter', () => {
  test.each([
    [{}, ['swift-trout', 'brave-heron', 'misty-reed']],
    [{ search: 'NIGHT' }, ['brave-heron']],
    [{ search: 'heron paper' }, ['brave-heron']],
    [{ search: 'heron otter' }, []],
    [{ search: ' qwen  dpo ' }, ['misty-reed']],
    [{ method: 'dpo' }, ['misty-reed']],
    [{ status: 'training' as const }, ['swift-trout']],
    [{ tag: 'paper' }, ['brave-heron']],
    [{ tag: 'paper', archived: true }, ['calm-otter']],
  ])('%j', (filter, expected) => {
    expect(ids(filterRuns(runs, { ...noFilter, ...filter }))).toEqual(expected);
  });
});

describe('an order', () => {
  test('is the newest first at first', () => {
    expect(ids(orderRuns(runs.toReversed(), newestFirst))).toEqual(ids(runs));
  });

  test('puts runs without a value last, whichever way it goes', () => {
    const order = (descending: boolean) => ids(orderRuns(runs, { column: 'bestEvalLoss', descending }));
    expect(order(false)).toEqual(['misty-reed', 'brave-heron', 'swift-trout', 'calm-otter']);
    expect(order(true)).toEqual(['brave-heron', 'misty-reed', 'swift-trout', 'calm-otter']);
  });

  test('goes by the name that is read, large letters or small', () => {
    const order = { column: 'name', descending: false } as const;
    expect(ids(orderRuns(runs, order))).toEqual(['calm-otter', 'misty-reed', 'brave-heron', 'swift-trout']);
  });

  test('by status begins with what goes on', () => {
    expect(ids(orderRuns(runs, { column: 'status', descending: false }))[0]).toBe('swift-trout');
  });
});
