// The report, the refusals and the cache of loadDataset.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { loadDataset, type DataOptions } from '../../main/data/load-dataset.ts';
import { loadTokenizer } from '../../main/data/tokenizer.ts';
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

function options(file: string, more: Partial<DataOptions> = {}): DataOptions {
  return {
    files: [file],
    datasetTextField: 'text',
    template: 'model',
    assistantOnlyLoss: false,
    maxLength: null,
    cacheDir,
    ...more,
  };
}

async function refusal(settings: DataOptions): Promise<UserError> {
  const error: unknown = await loadDataset(settings, tokenizer).catch((thrown: unknown) => thrown);
  if (error instanceof UserError) return error;
  throw new Error(`not refused: ${String(error)}`);
}

describe('the report', () => {
  test('counts every kind of row, with places', async () => {
    const good = Array.from({ length: 30 }, (_, i) => ({
      prompt: `Question ${String(i)}:`,
      completion: ` answer ${String(i)}`,
    }));
    const rows = [
      ...good,
      { prompt: 'a', completion: '   ' },
      '{"prompt": "broken',
      { prompt: 'no completion' },
      good[3],
      { prompt: 'far too long '.repeat(20), completion: 'x' },
      { prompt: 'short', completion: ' and then very long'.repeat(20) },
    ];
    const file = folder.write('mixed.jsonl', jsonl(rows));
    const { dataset, report } = await loadDataset(options(file, { maxLength: 40 }), tokenizer);
    expect(report).toMatchObject({
      rows: 36,
      usable: 32,
      empty: 1,
      invalid: 2,
      duplicates: 1,
      truncated: 2,
      noTrainedToken: 1,
      shape: 'prompt/completion',
      template: 'none',
      problemCount: 7,
    });
    expect(report.problems.map(({ line, kind }) => [line, kind])).toEqual([
      [31, 'empty'],
      [32, 'invalid'],
      [33, 'invalid'],
      [34, 'duplicate'],
      [35, 'truncated'],
      [35, 'no-trained-token'],
      [36, 'truncated'],
    ]);
    expect(report.problems.every((problem) => problem.file === file && problem.message !== '')).toBe(true);
    expect(dataset.length).toBe(32);
    expect(dataset.place(31)).toEqual({ file, line: 36 });
    expect([dataset.tokenCount(31), dataset.read(31).inputIds.length]).toEqual([40, 40]);
    const lengths = Array.from({ length: 32 }, (_, i) => dataset.tokenCount(i));
    expect(report.tokens).toBe(lengths.reduce((sum, length) => sum + length, 0));
    for (let i = 0; i < 32; i++) {
      const { trained } = dataset.read(i);
      expect(dataset.trainedCount(i)).toBe(trained.reduce((sum, bit) => sum + bit, 0));
    }
    dataset.close();
  });

  test('percentiles of the lengths before max_length', async () => {
    // A row of n words x has n tokens, and BOS and EOS.
    const file = folder.write(
      'lengths.jsonl',
      jsonl(Array.from({ length: 100 }, (_, i) => ({ text: 'x '.repeat(i + 1).trim() }))),
    );
    const { dataset, report } = await loadDataset(options(file, { maxLength: 50 }), tokenizer);
    dataset.close();
    expect(report.lengthPercentiles).toEqual({ p50: 52, p90: 92, p95: 97, p99: 101, max: 102 });
    expect(report.truncated).toBe(52);
  });

  test('several files of different shapes', async () => {
    const files = [
      folder.write('one.jsonl', jsonl([{ text: 'a' }])),
      folder.write('two.csv', 'question,answer,note\nq,a,n\n'),
    ];
    const { dataset, report } = await loadDataset({ ...options(''), files }, tokenizer);
    expect(report.files.map((file) => [file.format, file.shape, file.rows])).toEqual([
      ['jsonl', 'text', 1],
      ['csv', 'question/[context]/answer', 1],
    ]);
    expect(report.shape).toBe('text, question/[context]/answer');
    expect(report.notes.join()).toContain('columns not used: note');
    expect(dataset.place(1)).toEqual({ file: files[1], line: 2 });
    dataset.close();
  });

  test('pre-tokenized rows from Parquet', async () => {
    const { dataset, report } = await loadDataset(
      options(join(import.meta.dirname, 'fixtures', 'tokens.parquet')),
      tokenizer,
    );
    expect(report.shape).toBe('input_ids');
    expect(Array.from(dataset.read(0).inputIds)).toEqual([1, 5, 6, 7]);
    expect(Array.from(dataset.read(1).trained)).toEqual([0, 1, 1]);
    dataset.close();
  });
});

describe('refusals', () => {
  test('too many bad rows, with the first of them', async () => {
    const rows = Array.from({ length: 20 }, (_, i) =>
      i % 5 === 2 ? { messages: 'x' } : { messages: [{ role: 'user', content: 'a' }] },
    );
    const error = await refusal(options(folder.write('bad.jsonl', jsonl(rows)), { template: 'chatml' }));
    expect(error.code).toBe('dataset-too-many-invalid-rows');
    expect(error.message).toMatch(/4 of 20 rows cannot be used: .*bad.jsonl:3: "messages" should be a list.*:8: /);
  });

  test.each<[string, unknown[], Partial<DataOptions>, RegExp]>([
    [
      'prompts longer than max_length',
      [{ prompt: 'word '.repeat(50), completion: 'x' }],
      { maxLength: 10 },
      /1 have no token to train.* max_length.*Raise max_length \(now 10\)/,
    ],
    ['empty texts', [{ text: '' }, { text: ' \n' }], {}, /of 2 rows, 2 are empty.*:1: the text is empty/],
    [
      'no assistant',
      [{ messages: [{ role: 'user', content: 'a' }] }],
      { template: 'chatml', assistantOnlyLoss: true },
      /check the roles/,
    ],
  ])('nothing left: %s', async (_name, rows, more, saying) => {
    const error = await refusal(options(folder.write('nothing.jsonl', jsonl(rows)), more));
    expect(error.code).toBe('dataset-nothing-to-train');
    expect(`${error.message} ${error.fix}`).toMatch(saying);
  });

  test('what the chat template refuses is told in its words', async () => {
    const strict = tokenizer.with({ chatTemplate: "{{ raise_exception('Only one system message') }}" });
    const file = folder.write('strict.jsonl', jsonl([{ messages: [{ role: 'user', content: 'a' }] }]));
    await expect(loadDataset(options(file), strict)).rejects.toThrow(
      /the chat template refuses the row: Only one system message/,
    );
  });

  test('a file without rows, files that do not exist', async () => {
    expect((await refusal(options(folder.write('head.csv', 'text\n')))).code).toBe('dataset-no-rows');
    expect((await refusal(options('nowhere.jsonl'))).code).toBe('dataset-not-found');
    expect((await refusal({ ...options(''), files: [] })).code).toBe('dataset-missing');
  });

  test('nothing stays in the cache', async () => {
    await refusal(options(folder.write('empty.jsonl', '{"text": ""}')));
    expect(readdirSync(cacheDir)).toEqual([]);
  });

  test('a cache folder that cannot be', async () => {
    const file = folder.write('ok.jsonl', '{"text": "a"}');
    const error = await refusal(options(file, { cacheDir: join(file, 'below') }));
    expect(error.code).toBe('cache-not-writable');
  });
});

describe('the cache', () => {
  test('the same again is opened, not tokenized; any change is tokenized anew', async () => {
    const file = folder.write('cached.jsonl', jsonl([{ text: 'a b c' }, { text: 'd' }]));
    const stores = () => readdirSync(cacheDir);
    const load = async (more: Partial<DataOptions> = {}, use = tokenizer) => {
      const { dataset, report } = await loadDataset(options(file, more), use);
      const ids = Array.from({ length: dataset.length }, (_, i) => Array.from(dataset.read(i).inputIds));
      dataset.close();
      return { ids, report };
    };
    const first = await load();
    const [store = ''] = stores();
    const written = statSync(join(cacheDir, store, 'words.bin')).mtimeMs;
    expect(await load()).toEqual(first);
    expect(stores()).toEqual([store]);
    expect(statSync(join(cacheDir, store, 'words.bin')).mtimeMs).toBe(written);

    expect((await load({ maxLength: 2 })).ids[0]?.length).toBe(2);
    await load({ eosToken: '<unk>' });
    await load({}, loadTokenizer(tokenizerFolders.qwen3));
    folder.write('cached.jsonl', jsonl([{ text: 'changed' }]));
    expect((await load()).ids.length).toBe(1);
    expect(stores().length).toBe(5);
  });

  test('limit stops early', async () => {
    const file = folder.write(
      'many.jsonl',
      jsonl(Array.from({ length: 500 }, (_, i) => ({ text: `row ${String(i)}` }))),
    );
    const { dataset, report } = await loadDataset(options(file, { limit: 7 }), tokenizer);
    dataset.close();
    expect([dataset.length, report.usable]).toEqual([7, 7]);
  });

  test('progress goes from nothing to everything; an abort leaves nothing behind', async () => {
    const row = JSON.stringify({ text: 'word '.repeat(50) });
    const file = folder.write('large.jsonl', `${row}\n`.repeat(4000));
    const seen: number[] = [];
    const { dataset } = await loadDataset(options(file), tokenizer, {
      onProgress: ({ done, total }) => seen.push(done / total),
    });
    dataset.close();
    expect(seen.length).toBeGreaterThan(2);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(1);

    const abort = new AbortController();
    const stopped = loadDataset(options(file, { maxLength: 9 }), tokenizer, {
      onProgress: () => {
        abort.abort();
      },
      signal: abort.signal,
    });
    await expect(stopped).rejects.toThrow(/abort/i);
    expect(readdirSync(cacheDir).length).toBe(1);
  });
});
