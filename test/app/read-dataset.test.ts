// What a window is told of a draft's data: columns and shapes without a model, and, through the errand, the same numbers
// as `lorelei preview`, row by row from the cache.
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { CommandInput, CommandName, CommandOutput, DataDraft } from '../../preload/contract.ts';
import { answer } from '../../main/app/answer.ts';
import { openApp } from '../../main/app/app.ts';
import { errands } from '../../main/app/errands.ts';
import { previewRun } from '../../main/app/preview.ts';
import { resourcePath } from '../../main/app/resources.ts';
import { storeOf } from '../support/secret-store.ts';
import { sharedData } from '../support/shared-data.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();
const app = openApp(
  {
    launchJob: () => {
      throw new Error('no jobs here');
    },
    // In this process; real ones are tested in test/hosts/errands.test.ts.
    launchErrand: (errand, input, { onProgress }) =>
      (errands[errand] as (...given: unknown[]) => Promise<never>)(app, input, onProgress),
    secretStore: storeOf({}),
  },
  join(folder.path, 'home'),
);
app.grants.grant([folder.path, ...(sharedData === undefined ? [] : [sharedData])]);
afterAll(() => app.history.close());

async function ask<C extends CommandName>(command: C, input: CommandInput<C>): Promise<CommandOutput<C>> {
  const result = await answer(app, { command, input });
  if (!result.ok) throw Object.assign(new Error(result.error.message), result.error);
  return result.value as CommandOutput<C>;
}

const model = resourcePath('starter-model');
const draftOf = (values: DataDraft['values'], method = 'sft'): { draft: DataDraft } => ({
  draft: { method, preset: null, values },
});

test('a messy file: every kind of row is counted, and opens with its place', async () => {
  const lines = [
    ...Array.from({ length: 20 }, (_, i) =>
      JSON.stringify({ question: `How are you, number ${String(i)}?`, answer: 'Well.' }),
    ),
    '{"question": "broken',
    JSON.stringify({ question: 'And this?', answer: '  ' }),
    JSON.stringify({ question: 'How are you, number 3?', answer: 'Well.' }),
    JSON.stringify({ question: 'Tell me all', answer: 'much '.repeat(200) }),
    JSON.stringify({ question: 'all '.repeat(200), answer: 'No.' }),
  ];
  const file = folder.write('messy.jsonl', lines.join('\n'));
  const given = draftOf({ model_name_or_path: model, dataset_name: file, max_length: 64, learning_rate: 'half-way' });
  const data = await ask('data.tokenize', given);
  expect(data.report).toMatchObject({
    rows: 25,
    usable: 22,
    truncated: 2,
    duplicates: 1,
    empty: 1,
    invalid: 1,
    noTrainedToken: 1,
  });
  expect(data.report.problems.map(({ kind, line }) => [line, kind])).toEqual([
    [21, 'invalid'],
    [22, 'empty'],
    [23, 'duplicate'],
    [24, 'truncated'],
    [25, 'truncated'],
    [25, 'no-trained-token'],
  ]);
  // The last row is longer than max_length too, so the line that is dragged must know it.
  expect(data.lengths.reduce((sum, [, rows]) => sum + rows, 0)).toBe(23);
  expect(data.lengths.filter(([length]) => length > 64)).toHaveLength(2);

  const page = (filter: 'all' | 'truncated' | 'duplicate', offset = 0, limit = 20) =>
    ask('data.rows', { ...data.rows, filter, offset, limit, tokens: 40, maxLength: data.maxLength });
  const all = await page('all');
  expect([all.total, all.rows.length, all.rows[0]?.line, all.rows.at(-1)?.index]).toEqual([22, 20, 1, 19]);
  const last = await page('all', 20);
  expect(last.rows.map(({ line, isDuplicate, isCut }) => [line, isDuplicate, isCut])).toEqual([
    [23, true, false],
    [24, false, true],
  ]);
  const cut = await page('truncated');
  expect(cut.rows.map(({ line, tokenCount }) => [line, tokenCount])).toEqual([[24, 64]]);
  const [part] = cut.rows[0]?.parts ?? [];
  expect([part?.tokens.length, part?.leftOut]).toEqual([40, 24]);
  expect((await page('duplicate')).rows.map(({ line }) => line)).toEqual([23]);
  expect((await page('all', 999)).rows).toEqual([]);
});

test('rows whose cache was emptied are refused', async () => {
  const nowhere = { store: `tokens-${'0'.repeat(32)}`, pieces: `pieces-${'0'.repeat(32)}.json` };
  const asked = ask('data.rows', { ...nowhere, filter: 'all', offset: 0, limit: 1, tokens: 9, maxLength: null });
  await expect(asked).rejects.toMatchObject({ code: 'rows-not-there' });
  for (const store of ['tokens-../../x', '../tokens-0', `tokens-${'0'.repeat(32)}/..`]) {
    const outside = ask('data.rows', {
      ...nowhere,
      store,
      filter: 'all',
      offset: 0,
      limit: 1,
      tokens: 9,
      maxLength: 1,
    });
    await expect(outside).rejects.toMatchObject({ code: 'bad-request' });
  }
});

test('a preset counts, and what the draft says counts more', async () => {
  const settings = (values: DataDraft['values'], preset: string | null) =>
    ask('data.settings', { draft: { method: 'sft', preset, values } });
  expect(await settings({}, null)).toEqual({
    template: 'model',
    maxLength: 1024,
    completionOnlyLoss: null,
    assistantOnlyLoss: false,
    testSplitSize: null,
    evalFiles: [],
    evaluates: false,
  });
  expect(await settings({}, 'balanced')).toMatchObject({ testSplitSize: 0.05, evaluates: true });
  expect(await settings({ test_split_size: 40, max_length: null, template: 7 }, 'balanced')).toMatchObject({
    testSplitSize: 40,
    maxLength: null,
    template: 'model',
  });
});

test('columns and shapes need no model', async () => {
  const file = folder.write(
    'objects.jsonl',
    '{"Title":"One","details":{"summary":"a","tags":[1,2]},"n":3}\n{"Title":"Two","n":null}',
  );
  const look = await ask('data.look', draftOf({ dataset_name: file }));
  expect(look.columns).toEqual([
    { name: 'Title', kind: 'text', samples: ['One', 'Two'] },
    { name: 'details', kind: 'an object', samples: ['{"summary":"a","tags":[1,2]}'] },
    { name: 'details.summary', kind: 'text', samples: ['a'] },
    { name: 'details.tags', kind: 'a list', samples: ['[1,2]'] },
    { name: 'n', kind: 'a number', samples: ['3'] },
  ]);
  expect([look.rows.shape, look.rows.problem?.code]).toEqual([null, 'dataset-no-usable-column']);
  const columns = { instruction: 'Title', output: 'details.summary' };
  const mapped = await ask('data.look', draftOf({ dataset_name: file, columns }));
  expect(mapped.rows).toEqual({
    shape: {
      name: 'instruction/[input]/output',
      columns: [
        { role: 'instruction', column: 'Title' },
        { role: 'output', column: 'details.summary' },
      ],
    },
    problem: null,
  });
  const stale = await ask('data.look', draftOf({ dataset_name: file, columns: { text: 'gone' } }));
  expect(stale.rows.problem?.code).toBe('column-not-found');
  await expect(ask('data.look', draftOf({ dataset_name: join(folder.path, 'none.jsonl') }))).rejects.toMatchObject({
    code: 'dataset-not-found',
  });
});

test('the samples are there and are what they say', async () => {
  const samples = await ask('data.samples', {});
  for (const { method, path, rows } of samples) {
    const data = await ask('data.tokenize', draftOf({ model_name_or_path: model, dataset_name: path }, method));
    expect([data.kind, data.report.rows, data.length]).toEqual([method === 'sft' ? 'rows' : 'pairs', rows, rows]);
  }
});

describe.skipIf(sharedData === undefined)('files of others', () => {
  const shared = (file: string): string => join(sharedData ?? '', 'datasets', file);

  test.each([
    ['sft', 'ms-swift/swift_multi.jsonl', undefined],
    ['sft', 'openai-cookbook/toy_chat_fine_tuning.jsonl', undefined],
    ['sft', 'messy/crlf_imdb_top_1000.csv', { instruction: 'Series_Title', output: 'Overview' }],
    ['dpo', 'llm-engineers-handbook/preference_datasets.json', undefined],
    ['dpo', 'messy/verilog_dpo_dataset.jsonl', undefined],
  ] as const)('%s %s: the numbers and tokens of lorelei preview', async (method, name, columns) => {
    const path = shared(name);
    const values = { model_name_or_path: model, dataset_name: path, max_length: 300, ...(columns && { columns }) };
    const data = await ask('data.tokenize', draftOf(values, method));
    const told = await previewRun(app, { method, values, workingDirectory: '/', rows: 3, onProgress: () => undefined });
    expect(data.report).toEqual(told.report);
    const { rows } = await ask('data.rows', {
      ...data.rows,
      filter: 'all',
      offset: 0,
      limit: 3,
      tokens: 512,
      maxLength: data.maxLength,
    });
    const tokens = told.rows.map((row) =>
      'tokens' in row ? [row.tokens] : [row.prompt.tokens, row.chosen.tokens, row.rejected.tokens],
    );
    expect(rows.map(({ parts }) => parts.map((part) => part.tokens))).toEqual(tokens);
    expect(rows.map(({ line, tokenCount, trainedCount }) => ({ line, tokenCount, trainedCount }))).toEqual(
      told.rows.map(({ line, tokenCount, trainedCount }) => ({ line, tokenCount, trainedCount })),
    );
  });

  test.each([
    ['messy/lfs-pointer_preference_sample.jsonl', 'dataset-lfs-pointer'],
    ['messy/non-utf8_25000_spend_dataset.csv', 'dataset-not-utf8'],
    ['messy/pretty-printed_input.jsonl', 'dataset-pretty-printed'],
  ])('%s is refused at the first look', async (name, code) => {
    await expect(ask('data.look', draftOf({ dataset_name: shared(name) }))).rejects.toMatchObject({ code });
  });

  test('pairs are found where single answers are asked for', async () => {
    const look = await ask('data.look', draftOf({ dataset_name: shared('messy/verilog_dpo_dataset.jsonl') }));
    expect([look.rows.problem?.code, look.pairs.shape?.name]).toEqual([
      'dataset-is-preference-data',
      'prompt/chosen/rejected',
    ]);
  });
});
