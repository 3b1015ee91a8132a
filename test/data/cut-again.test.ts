// Another max_length: rows are cut from those that were tokenized before, and are what tokenizing anew gives, in every
// token, count and problem.
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { loadDataset } from '../../main/data/load-dataset.ts';
import { loadPreferences } from '../../main/data/load-preferences.ts';
import { loadTokenizer } from '../../main/data/tokenizer.ts';
import type { TruncationMode } from '../../main/data/truncation.ts';
import { starterModel } from '../support/run-job.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();
const tokenizer = loadTokenizer(starterModel);
const encode = vi.spyOn(tokenizer, 'encode');
afterEach(() => encode.mockClear());

const words = 'the sea and the rose and the harbour of the night'.split(' ');
const text = (count: number, from = 0): string =>
  Array.from({ length: count }, (_, i) => words[(from + i) % words.length]).join(' ');
const lines = (rows: unknown[]): string =>
  rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row))).join('\n');

/** Short and long ones, a copy, two that are the same once they are cut, one without an answer, one that is no row. */
const rows = [
  ...Array.from({ length: 30 }, (_, i) => ({ prompt: text(1 + (i % 7), i), completion: text(1 + i, 2 * i) })),
  { prompt: text(1), completion: text(1) },
  { prompt: text(40), completion: text(3) },
  { prompt: text(2), completion: `${text(30)} one end` },
  { prompt: text(2), completion: `${text(30)} another end` },
  { prompt: text(2), completion: '' },
  'no row',
];
const pairs = [
  ...Array.from({ length: 30 }, (_, i) => ({
    prompt: text(1 + (i % 5), i),
    chosen: text(1 + i, 3),
    rejected: text(30 - i, 5),
  })),
  { prompt: text(2), chosen: text(1), rejected: text(1) },
  { prompt: text(50), chosen: text(3), rejected: text(4, 1) },
  { prompt: text(2), chosen: `${text(30)} one`, rejected: `${text(30)} two` },
  { prompt: text(2), chosen: '', rejected: text(2) },
  'no pair',
];

const cuts: [number | null, TruncationMode][] = [
  [null, 'keep_start'],
  [64, 'keep_start'],
  [12, 'keep_start'],
  [12, 'keep_end'],
  [3, 'keep_start'],
  [200, 'keep_end'],
];

describe.each(['rows', 'pairs'] as const)('%s', (kind) => {
  const file = folder.write(`${kind}.jsonl`, lines(kind === 'rows' ? rows : pairs));
  const load = async (cache: string, [maxLength, truncationMode]: (typeof cuts)[number], keepWhole: boolean) => {
    const source = { files: [file], template: 'none' as const, cacheDir: join(folder.path, cache) };
    const options = { ...source, maxLength, truncationMode, assistantOnlyLoss: false, datasetTextField: 'text' };
    const {
      dataset,
      report,
      folder: store,
    } = kind === 'rows'
      ? await loadDataset(options, tokenizer, { keepWhole })
      : await loadPreferences(options, tokenizer, { keepWhole });
    const all = Array.from({ length: dataset.length }, (_, i) => ({
      row: dataset.read(i),
      place: dataset.place(i),
      fullLength: dataset.fullLength(i),
      isDuplicate: dataset.isDuplicate(i),
    }));
    const { fingerprint, lengths } = dataset;
    dataset.close();
    return { all, report, fingerprint, lengths, store: store.slice(-32) };
  };

  test('are cut again for each max_length, and never tokenized again', async () => {
    for (const cut of cuts) {
      const anew = await load(`anew-${kind}`, cut, false);
      expect(encode).toHaveBeenCalled();
      encode.mockClear();
      const again = await load(`again-${kind}`, cut, true);
      if (cut !== cuts[0]) expect(encode).not.toHaveBeenCalled();
      encode.mockClear();
      expect(again).toEqual(anew);
    }
  });

  test('are found by a run, which keeps no whole rows of its own', async () => {
    const before = await load(`again-${kind}`, [20, 'keep_start'], true);
    encode.mockClear();
    expect(await load(`again-${kind}`, [20, 'keep_start'], false)).toEqual(before);
    await load(`again-${kind}`, [21, 'keep_start'], false);
    expect(encode).not.toHaveBeenCalled();
  });
});

test('what the cut does is what the test asks about', async () => {
  const options = { template: 'none' as const, cacheDir: join(folder.path, 'look'), assistantOnlyLoss: false };
  const file = join(folder.path, 'rows.jsonl');
  const source = { ...options, files: [file], datasetTextField: 'text', maxLength: 12 };
  const { report, dataset } = await loadDataset(source, tokenizer, { keepWhole: true });
  dataset.close();
  expect(report.rows).toBe(rows.length);
  for (const count of [report.truncated, report.noTrainedToken, report.duplicates, report.empty, report.invalid])
    expect(count).toBeGreaterThan(0);
});
