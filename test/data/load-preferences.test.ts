// The report, the refusals and the cache of loadPreferences, and the split of pairs.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { loadPreferences, type PreferenceOptions } from '../../main/data/load-preferences.ts';
import { pairSequences } from '../../main/data/pair.ts';
import { splitPairs } from '../../main/data/split-dataset.ts';
import { loadTokenizer } from '../../main/data/tokenizer.ts';
import type { PairDataset } from '../../main/data/types.ts';
import { UserError } from '../../main/errors.ts';
import { tokenizerFolders } from '../support/real-tokenizers.ts';
import { tempFolder } from '../support/temp-folder.ts';

const tokenizer = loadTokenizer(tokenizerFolders.mistral);
const folder = tempFolder();
let cacheDir = '';
let count = 0;
beforeEach(() => {
  cacheDir = join(folder.path, `cache-${String(count++)}`);
});

const jsonl = (rows: unknown[]) => rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row))).join('\n');
const good = (length: number) =>
  Array.from({ length }, (_, i) => ({
    prompt: `Question ${String(i)}:`,
    chosen: ` yes ${String(i)}`,
    rejected: ` not at all ${String(i)}`,
  }));

function options(file: string, more: Partial<PreferenceOptions> = {}): PreferenceOptions {
  return { files: [file], template: 'model', maxLength: null, cacheDir, ...more };
}

async function refusal(settings: PreferenceOptions): Promise<UserError> {
  const error: unknown = await loadPreferences(settings, tokenizer).catch((thrown: unknown) => thrown);
  if (error instanceof UserError) return error;
  throw new Error(`not refused: ${String(error)}`);
}

const texts = (dataset: PairDataset, i: number) => {
  const { promptIds, chosenIds, rejectedIds } = dataset.read(i);
  return [promptIds, chosenIds, rejectedIds].map((ids) => tokenizer.decode(ids));
};

describe('the report', () => {
  const long = 'far too long '.repeat(20);
  const mixed = [
    ...good(30),
    { prompt: 'a', chosen: '  ', rejected: 'b' },
    { prompt: 'a', chosen: '', rejected: '\n' },
    { prompt: 'a', chosen: 'same', rejected: 'same' },
    '{"prompt": "broken',
    { prompt: 'no answers' },
    good(4)[3],
    { prompt: long, chosen: 'x', rejected: 'y' },
    { prompt: 'short', chosen: ' and then very long'.repeat(20), rejected: ' no' },
    { prompt: 'short', chosen: `${long}x`, rejected: `${long}y` },
  ];

  test('counts every kind of pair, with places', async () => {
    const file = folder.write('mixed.jsonl', jsonl(mixed));
    const { dataset, report } = await loadPreferences(options(file, { maxLength: 40 }), tokenizer);
    expect(report).toMatchObject({
      rows: 39,
      usable: 32,
      empty: 2,
      identical: 2,
      invalid: 2,
      duplicates: 1,
      truncated: 3,
      noTrainedToken: 1,
      shape: 'prompt/chosen/rejected',
    });
    expect(report.problems.map(({ line, kind, message }) => [line, kind, message])).toEqual([
      [31, 'empty', 'the chosen answer is empty'],
      [32, 'empty', 'both answers are empty'],
      [33, 'identical', 'the two answers are the same'],
      [34, 'invalid', expect.stringContaining('JSON')],
      [35, 'invalid', 'the row has no "chosen"'],
      [36, 'duplicate', 'the same tokens as an earlier row'],
      [37, 'truncated', expect.stringMatching(/^\d+ tokens with the longer answer, cut to 40$/)],
      [
        37,
        'no-trained-token',
        expect.stringMatching(/^no token of an answer is left within max_length 40: .* \d+ tokens$/),
      ],
      [38, 'truncated', expect.any(String)],
      [39, 'truncated', expect.any(String)],
      [39, 'identical', 'the two answers are the same within max_length'],
    ]);
    expect(report.problems.every((problem) => problem.file === file)).toBe(true);
    expect(dataset.place(31)).toEqual({ file, line: 38 });
    let [tokens, trained] = [0, 0];
    for (let i = 0; i < dataset.length; i++) {
      const pair = dataset.read(i);
      const { chosen, rejected } = pairSequences(pair);
      for (const { inputIds, trained: marks } of [chosen, rejected]) {
        expect(inputIds.length).toBeLessThanOrEqual(40);
        const bits = marks.reduce((sum, bit) => sum + bit, 0);
        expect(bits).toBeGreaterThan(0);
        trained += bits;
        tokens += inputIds.length;
      }
      expect(dataset.counts(i)).toEqual({
        prompt: pair.promptIds.length,
        chosen: pair.chosenIds.length,
        rejected: pair.rejectedIds.length,
      });
    }
    expect([report.tokens, report.trainedTokens]).toEqual([tokens, trained]);
    dataset.close();
  });

  test('keep_end keeps the answers, each with as much of the prompt as fits before it', async () => {
    const file = folder.write('end.jsonl', jsonl([{ prompt: `${long}end`, chosen: ' yes it is', rejected: ' no' }]));
    const settings = options(file, { maxLength: 8, truncationMode: 'keep_end' });
    const { dataset, report } = await loadPreferences(settings, tokenizer);
    const pair = dataset.read(0);
    dataset.close();
    expect(report).toMatchObject({ usable: 1, truncated: 1, noTrainedToken: 0 });
    const { chosen, rejected } = pairSequences(pair);
    expect([chosen.inputIds.length, rejected.inputIds.length]).toEqual([8, 8]);
    expect([tokenizer.decode(pair.chosenIds), tokenizer.decode(pair.rejectedIds)]).toEqual(['yes it is</s>', 'no</s>']);
    expect([pair.chosenCut, pair.rejectedCut]).toEqual([2, 0]);
    expect(tokenizer.decode(rejected.inputIds)).toMatch(/end no<\/s>$/);
  });

  test('BOS once, EOS once, by a template as by the row itself', async () => {
    const rows = [{ prompt: '<s>q', chosen: 'a</s>', rejected: 'b</s></s>' }];
    const { dataset } = await loadPreferences(options(folder.write('ends.jsonl', jsonl(rows))), tokenizer);
    const { promptIds, chosenIds, rejectedIds } = dataset.read(0);
    dataset.close();
    const all = [...promptIds, ...chosenIds, ...rejectedIds];
    expect(promptIds[0]).toBe(tokenizer.bosId);
    expect(all.filter((id) => id === tokenizer.bosId)).toHaveLength(1);
    expect([chosenIds.at(-1), rejectedIds.at(-1)]).toEqual([tokenizer.eosId, tokenizer.eosId]);
    expect(all.filter((id) => id === tokenizer.eosId)).toHaveLength(2);
  });

  test('tokens as they are; those outside the vocabulary are told', async () => {
    const rows = [
      ...Array.from({ length: 20 }, (_, i) => ({ prompt_ids: [1, i], chosen_ids: [5, 6], rejected_ids: [7] })),
      { prompt_ids: [1], chosen_ids: [5], rejected_ids: [99_999] },
      { prompt_ids: [1], chosen_ids: [], rejected_ids: [5] },
      { prompt_ids: [], chosen_ids: [5], rejected_ids: [6, 7] },
    ];
    const { dataset, report } = await loadPreferences(options(folder.write('ids.jsonl', jsonl(rows))), tokenizer);
    const first = dataset.read(0);
    dataset.close();
    expect([[...first.promptIds], [...first.chosenIds], [...first.rejectedIds]]).toEqual([[1, 0], [5, 6], [7]]);
    expect(report.problems.map(({ line, kind }) => [line, kind])).toEqual([
      [21, 'invalid'],
      [22, 'empty'],
      [23, 'no-trained-token'],
    ]);
    expect(report.problems[0]?.message).toContain('rejected_ids holds 99999');
  });
});

describe('refusals', () => {
  test.each([
    ['only identical answers', { chosen: 'x', rejected: 'x' }, {}, /of 5 rows, 5 have two answers that are the same/],
    ['only empty answers', { chosen: 'x', rejected: '' }, {}, /5 are empty.*the rejected answer is empty/],
    [
      'only long prompts',
      { chosen: 'x', rejected: 'y' },
      { maxLength: 3 },
      /5 have no token to train.*max_length \(now 3\).*truncation_mode: keep_end/,
    ],
  ])('%s', async (name, answers, more, saying) => {
    const rows = Array.from({ length: 5 }, (_, i) => ({ prompt: `A question ${String(i)}`, ...answers }));
    const error = await refusal(options(folder.write(`${name}.jsonl`, jsonl(rows)), more));
    expect(error.code).toBe('dataset-nothing-to-train');
    expect(`${error.message} ${error.fix}`).toMatch(saying);
  });

  test('more than one row in ten invalid', async () => {
    const rows = [...good(17), ...Array.from({ length: 2 }, () => ({ prompt: 'q', chosen: 'a', rejected: [1] }))];
    const error = await refusal(options(folder.write('invalid.jsonl', jsonl(rows))));
    expect([error.code, error.message]).toEqual([
      'dataset-too-many-invalid-rows',
      expect.stringContaining('2 of 19 rows cannot be used'),
    ]);
  });

  test('single answers', async () => {
    const file = folder.write('single.jsonl', jsonl([{ prompt: 'a', completion: 'b' }]));
    expect((await refusal(options(file))).code).toBe('dataset-is-not-preference-data');
  });
});

describe('the cache', () => {
  test('the same again is opened; other settings are tokenized anew; progress is told', async () => {
    const file = folder.write('cached.jsonl', jsonl(good(40)));
    let told = 0;
    const load = async (more: Partial<PreferenceOptions> = {}) => {
      const loaded = await loadPreferences(options(file, more), tokenizer, {
        onProgress: ({ done, total }) => {
          told = done / total;
        },
      });
      loaded.dataset.close();
      return [loaded.dataset.fingerprint, loaded.report] as const;
    };
    const first = await load();
    expect(told).toBe(1);
    told = 0;
    expect(await load()).toEqual(first);
    expect([told, readdirSync(cacheDir)]).toEqual([0, [expect.stringMatching(/^pairs-[0-9a-f]{32}$/)]]);
    const [cut] = await load({ maxLength: 5, truncationMode: 'keep_end' });
    expect(cut).not.toBe(first[0]);
    const [start] = await load({ maxLength: 8 });
    expect([first[0], cut]).not.toContain(start);
    expect(readdirSync(cacheDir)).toHaveLength(3);
  });

  test('the same pairs of another file have the same fingerprint', async () => {
    const fingerprints = [];
    for (const name of ['here.jsonl', 'there.json']) {
      const file = folder.write(name, name.endsWith('l') ? jsonl(good(5)) : JSON.stringify(good(5), null, 2));
      const { dataset } = await loadPreferences(options(file), tokenizer);
      fingerprints.push(dataset.fingerprint);
      dataset.close();
    }
    expect(fingerprints[0]).toBe(fingerprints[1]);
  });

  test('stopped on the way, it leaves nothing behind', async () => {
    const file = folder.write('stopped.jsonl', jsonl(good(5000)));
    const stop = new AbortController();
    const onProgress = () => {
      stop.abort();
    };
    const loading = loadPreferences(options(file), tokenizer, { signal: stop.signal, onProgress });
    await expect(loading).rejects.toThrow(/abort/i);
    expect(readdirSync(cacheDir)).toEqual([]);
  });
});

test('the Alpaca template with an empty response, then the answers and EOS', async () => {
  const file = folder.write(
    'alpaca.jsonl',
    jsonl([{ instruction: 'Name a colour.', chosen: 'Red', rejected: 'Table' }]),
  );
  const { dataset, report } = await loadPreferences(options(file, { template: 'alpaca' }), tokenizer);
  const [prompt, chosen, rejected] = texts(dataset, 0);
  dataset.close();
  expect(prompt).toMatch(/^<s> Below is an instruction .*### Instruction:\nName a colour\.\n\n### Response:\n$/s);
  expect([chosen, rejected, report.template]).toEqual(['Red</s>', 'Table</s>', 'alpaca']);
});

test('pairs are parted like rows; a part has its own fingerprint', async () => {
  const file = folder.write('split.jsonl', jsonl(good(50)));
  const { dataset } = await loadPreferences(options(file), tokenizer);
  const { train, evaluation } = splitPairs(dataset, 0.1, 42);
  expect([train.length, evaluation.length]).toEqual([45, 5]);
  const prompts = (part: PairDataset) => Array.from({ length: part.length }, (_, i) => texts(part, i)[0]);
  expect([...prompts(train), ...prompts(evaluation)].sort()).toEqual(prompts(dataset).sort());
  const again = splitPairs(dataset, 0.1, 42);
  expect(prompts(again.evaluation)).toEqual(prompts(evaluation));
  expect(again.train.fingerprint).toBe(train.fingerprint);
  expect(new Set([dataset, train, evaluation].map((part) => part.fingerprint)).size).toBe(3);
  expect(train.counts(44).chosen).toBe(train.read(44).chosenIds.length);
  expect(() => train.read(45)).toThrow(RangeError);
  dataset.close();
});
