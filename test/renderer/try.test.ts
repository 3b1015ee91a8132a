import { expect, test } from 'vitest';
import type { KnownModel, RunSummary } from '../../preload/contract.ts';
import { checkpointChoices } from '../../renderer/try/checkpoint-choices.ts';
import { promptLine, withPrompt } from '../../renderer/try/past-prompts.ts';
import { samplingProblems, usualSampling } from '../../renderer/try/sampling.ts';
import { matching, modelSources, referenceOf, runSources } from '../../renderer/try/sources.ts';

const run = (id: string, more: Partial<RunSummary> = {}): RunSummary =>
  ({
    id,
    name: null,
    method: 'sft',
    modelName: 'SmolLM',
    status: 'completed',
    step: 9,
    archived: false,
    ...more,
  }) as RunSummary;

test('runs with something learned can be asked, unless they train or are put away', () => {
  const runs = [
    run('calm-otter', { name: 'First try' }),
    run('busy-eel', { status: 'training' }),
    run('next-heron', { status: 'queued' }),
    run('new-trout', { step: 0, status: 'failed' }),
    run('old-pike', { archived: true }),
    run('cut-reed', { status: 'interrupted', method: 'dpo' }),
  ];
  expect(runSources(runs)).toEqual([
    { id: 'run:calm-otter', name: 'First try', about: 'SFT · SmolLM · calm-otter' },
    { id: 'run:cut-reed', name: 'cut-reed', about: 'DPO · SmolLM' },
  ]);
  const problem = { code: 'x', message: '', fix: '' };
  const models = [
    { reference: '/a', name: 'A', problem: null },
    { reference: '/b', name: 'B', problem },
  ] as KnownModel[];
  expect(modelSources(models).map(({ id }) => id)).toEqual(['/a']);
});

test('sources are found by any words of theirs', () => {
  const sources = runSources([run('calm-otter', { name: 'First try' }), run('cut-reed', { method: 'dpo' })]);
  expect(matching(sources, '')).toHaveLength(2);
  expect(matching(sources, 'OTTER first').map(({ id }) => id)).toEqual(['run:calm-otter']);
  expect(matching(sources, 'dpo').map(({ id }) => id)).toEqual(['run:cut-reed']);
  expect(matching(sources, 'dpo first')).toEqual([]);
});

test('a checkpoint belongs to a run only', () => {
  expect(referenceOf('run:calm-otter', 'last')).toBe('run:calm-otter');
  expect(referenceOf('run:calm-otter', '40')).toBe('run:calm-otter@40');
  expect(referenceOf('/models/a', 'best')).toBe('/models/a');
});

test('the last checkpoint comes first, then the best, then all from the newest', () => {
  const adapters = [
    { step: 10, evalLoss: 0.5 },
    { step: 20, evalLoss: 0.25 },
    { step: 30, evalLoss: 0.75 },
    { step: 35, evalLoss: null },
  ];
  expect(checkpointChoices(adapters, 35).map(({ value, text }) => `${value}: ${text}`)).toEqual([
    'last: Last (step 35)',
    'best: Best (step 20, eval loss 0.2500)',
    '35: Step 35',
    '30: Step 30, eval loss 0.7500',
    '20: Step 20, eval loss 0.2500',
    '10: Step 10, eval loss 0.5000',
  ]);
  expect(checkpointChoices([{ step: 7, evalLoss: null }], 7).map(({ value }) => value)).toEqual(['last', '7']);
});

test('prompts are kept once, the newest first', () => {
  expect(withPrompt(['b', 'a'], 'a')).toEqual(['a', 'b']);
  const many = Array.from({ length: 30 }, (_, i) => String(i)).reduce<string[]>(withPrompt, []);
  expect([many.length, many[0], many.at(-1)]).toEqual([20, '29', '10']);
  expect(promptLine('  one\n two ')).toBe('one two');
  expect(promptLine('x'.repeat(80))).toHaveLength(60);
});

test('what cannot be sampled with is said at its field', () => {
  const good = { temperature: null, topP: null, maxNewTokens: null, seed: null };
  expect(samplingProblems(usualSampling)).toEqual(good);
  const wrong = (change: Partial<typeof usualSampling>): string[] =>
    Object.entries(samplingProblems({ ...usualSampling, ...change })).flatMap(([key, problem]) =>
      problem === null ? [] : key,
    );
  expect(wrong({ temperature: -1 })).toEqual(['temperature']);
  expect(wrong({ topP: 0 })).toEqual(['topP']);
  expect(wrong({ topP: 1.1 })).toEqual(['topP']);
  expect(wrong({ maxNewTokens: 1.5, seed: null })).toEqual(['maxNewTokens', 'seed']);
});
