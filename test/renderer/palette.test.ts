import { expect, test } from 'vitest';
import type { RunSummary } from '../../preload/contract.ts';
import { matchingEntries, runEntries } from '../../renderer/palette/entries.ts';

const run = (id: string, name: string | null, modelName: string): RunSummary =>
  ({ id, name, modelName, method: 'dpo', status: 'completed' }) as RunSummary;
const runs = runEntries(
  [run('calm-otter', 'Runs well', 'SmolLM'), run('brave-heron', null, 'Qwen')],
  (id) => `#/runs/${id}`,
);
const groups = [
  { title: 'Screens', entries: [{ id: 'screen:runs', name: 'Runs', about: 'Screen', to: '#/runs' }] },
  { title: 'Runs', entries: runs },
];
const found = (typed: string): string[] =>
  matchingEntries(groups, typed).flatMap(({ entries }) => entries.map(({ name }) => name));

test('runs are found by name, id, model and method', () => {
  expect(runs[0]).toEqual({
    id: 'run:calm-otter',
    name: 'Runs well',
    about: 'DPO · SmolLM · completed · calm-otter',
    to: '#/runs/calm-otter',
  });
  expect(found('')).toEqual(['Runs', 'Runs well', 'brave-heron']);
  expect(found('runs')).toEqual(['Runs', 'Runs well']);
  expect(found('OTTER')).toEqual(['Runs well']);
  expect(found('dpo qwen')).toEqual(['brave-heron']);
  expect(found('qwen otter')).toEqual([]);
});

test('what begins with the words comes first, and no kind fills the list', () => {
  const many = Array.from({ length: 50 }, (_, i) =>
    run(`id-${String(i)}`, i === 49 ? 'otter' : `an otter ${String(i)}`, 'm'),
  );
  const [group] = matchingEntries([{ title: 'Runs', entries: runEntries(many, (id) => id) }], 'otter');
  expect(group?.entries).toHaveLength(8);
  expect(group?.entries[0]?.name).toBe('otter');
});
