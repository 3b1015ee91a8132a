// The pure parts of the wizard's Data step: lengths and cuts, tokens as they are shown, shapes and mappings in words.
import { expect, test } from 'vitest';
import { SHAPES } from '../../main/data/shapes.ts';
import { PREFERENCE_SHAPES } from '../../main/data/preference-shapes.ts';
import { KNOWN_COLUMNS } from '../../main/data/columns.ts';
import { detectPreferenceShape, detectShape } from '../../main/data/detect-shape.ts';
import type { TokenizedData } from '../../preload/contract.ts';
import { rowsCut } from '../../renderer/wizard/data/health.ts';
import { asFiles, fileName, fromFiles } from '../../renderer/wizard/data/file-names.ts';
import { binsOf, cutBy, lastShown } from '../../renderer/wizard/data/length-bins.ts';
import { likelyFiles } from '../../renderer/wizard/data/likely-files.ts';
import { layoutOf, layouts, rolesFrom, shapeWords } from '../../renderer/wizard/data/shape-words.ts';
import { rowsSetAside } from '../../renderer/wizard/data/split-size.ts';
import { runsOf } from '../../renderer/wizard/data/token-runs.ts';
import { shareText, stretchesOf } from '../../renderer/wizard/data/token-text.ts';

test('what a max_length cuts, against a count row by row', () => {
  const rows = Array.from({ length: 500 }, (_, i) => 1 + ((i * i * 7) % 311));
  const counts = new Map<number, number>();
  for (const length of rows) counts.set(length, (counts.get(length) ?? 0) + 1);
  const lengths = [...counts].sort(([a], [b]) => a - b);
  for (const max of [1, 2, 77, 150, 310, 311, 1024]) {
    expect([max, cutBy(lengths, max)]).toEqual([
      max,
      {
        rows: rows.filter((length) => length > max).length,
        tokens: rows.reduce((sum, length) => sum + Math.max(0, length - max), 0),
        ofRows: 500,
        ofTokens: rows.reduce((sum, length) => sum + length, 0),
      },
    ]);
  }
  expect(cutBy(lengths, null)).toMatchObject({ rows: 0, tokens: 0 });
  for (const [last, bars] of [
    [311, 80],
    [311, 400],
    [100, 7],
  ] as const) {
    const bins = binsOf(lengths, last, bars);
    expect(bins.length).toBeLessThanOrEqual(bars);
    for (const [i, { from, to, rows: inBin }] of bins.entries()) {
      const isLast = i === bins.length - 1;
      expect(inBin).toBe(rows.filter((length) => length >= from && (isLast || length < to)).length);
    }
  }
});

test('how many rows are too long is known at once, unless packing leaves them whole', () => {
  const lengths: [number, number][] = [
    [4, 10],
    [8, 3],
    [20, 2],
  ];
  const data = (maxLength: number, truncated: number) =>
    ({ lengths, maxLength, report: { truncated } }) as TokenizedData;
  expect(rowsCut(data(10, 2), 10)).toBe(2);
  expect(rowsCut(data(10, 2), 5)).toBe(5);
  expect(rowsCut(data(10, 2), null)).toBe(0);
  expect(rowsCut(data(10, 0), 5)).toBe(0);
});

test('few rows that are much longer do not press the others together', () => {
  expect(
    lastShown([
      [10, 500],
      [20, 499],
      [4000, 1],
    ]),
  ).toBe(30);
  expect(
    lastShown([
      [10, 500],
      [20, 499],
      [40, 1],
    ]),
  ).toBe(40);
  expect(lastShown([])).toBe(0);
  expect(binsOf([], 0, 80)).toEqual([{ from: 1, to: 2, rows: 0 }]);
});

test('nothing in a token is invisible', () => {
  expect(stretchesOf('  a\tb\n')).toEqual([
    { kind: 'glyph', text: '··' },
    { kind: 'text', text: 'a' },
    { kind: 'glyph', text: '⇥' },
    { kind: 'text', text: 'b' },
    { kind: 'line', text: '↵' },
  ]);
  expect(stretchesOf('\u001b[31m')).toEqual([{ kind: 'text', text: '␛[31m' }]);
  expect(stretchesOf('naïve☕')).toEqual([{ kind: 'text', text: 'naïve☕' }]);
});

test('the bar of a row', () => {
  const token = (trained: boolean) => ({ id: 1, text: 'x', trained, special: false });
  const tokens = [token(false), token(false), token(true), token(true)];
  const part = { name: 'row' as const, tokens, tokenCount: 10, trainedCount: 6, leftOut: 6 };
  expect(runsOf({ parts: [part], tokenCount: 10, fullLength: 15 })).toEqual([
    { from: 0, to: 2, kind: 'read' },
    { from: 2, to: 8, kind: 'unknown' },
    { from: 8, to: 10, kind: 'trained' },
    { from: 10, to: 15, kind: 'cut' },
  ]);
  expect(runsOf({ parts: [{ ...part, leftOut: 0 }], tokenCount: 4, fullLength: 4 }).map(({ to }) => to)).toEqual([
    2, 4,
  ]);
});

test('shares never claim all or nothing where it is not so', () => {
  expect([shareText(0, 9), shareText(9, 9), shareText(999, 1000), shareText(1, 1000), shareText(1, 3)]).toEqual([
    '0 %',
    '100 %',
    '99.9 %',
    '0.1 %',
    '33 %',
  ]);
});

test('every shape has words, and those of pairs speak of two', () => {
  for (const { name } of SHAPES) expect(shapeWords(name, 'rows')).not.toMatch(/better|undefined/);
  for (const { name } of PREFERENCE_SHAPES) expect(shapeWords(name, 'pairs')).toMatch(/better|[Pp]airs/);
  expect(shapeWords('conversations', 'rows')).toBe('Conversations with user and assistant turns');
  expect(shapeWords('chosen/rejected', 'pairs')).toBe('Two whole conversations each, a better and a worse one');
});

test('what the mapper writes is understood as what it says', () => {
  for (const kind of ['rows', 'pairs'] as const) {
    for (const layout of layouts[kind]) {
      const given = layout.roles.filter(({ required }) => required).map(({ name }) => name);
      expect(KNOWN_COLUMNS).toEqual(expect.arrayContaining(layout.roles.map(({ name }) => name)));
      const mapped = new Map(given.map((name) => [name as 'text', `column of ${name}`]));
      const columns = { mapped, all: mapped, available: [...mapped.values()], label: 'x' };
      const shape = (kind === 'rows' ? detectShape : detectPreferenceShape)(columns, false);
      expect([...shape.needs].sort()).toEqual([...given].sort());
      expect(layoutOf(kind, given).id).toBe(layout.id);
    }
  }
  // From what was found by itself, under the mapper's names.
  const found = [
    { role: 'query', column: 'Q' },
    { role: 'response', column: 'A' },
    { role: 'history', column: 'H' },
  ];
  const layout = layoutOf(
    'rows',
    found.map(({ role }) => role),
  );
  expect([layout.id, rolesFrom(found, layout)]).toEqual(['question', { instruction: 'Q', output: 'A' }]);
});

test('files and what is set aside', () => {
  expect([asFiles(undefined), asFiles(''), asFiles('a'), asFiles(['a', 7, 'b'])]).toEqual([[], [], ['a'], ['a', 'b']]);
  expect([fromFiles([]), fromFiles(['a']), fromFiles(['a', 'b'])]).toEqual([undefined, 'a', ['a', 'b']]);
  expect([fileName('/x/y.jsonl'), fileName('C:\\x\\y.csv'), fileName('/x/folder/')]).toEqual([
    'y.jsonl',
    'y.csv',
    'folder',
  ]);
  expect([rowsSetAside(320, 0.05), rowsSetAside(321, 0.05), rowsSetAside(320, 40)]).toEqual([16, 17, 40]);
});

test('of a dataset on the Hub, what its names say is for training', () => {
  const parquet = ['data/test-00000-of-1.parquet', 'data/train-00000-of-2.parquet', 'data/train-00001-of-2.parquet'];
  expect(likelyFiles(parquet)).toEqual(parquet.slice(1));
  expect(likelyFiles(['constraint.json', 'valid.json', 'dev_set.csv'])).toEqual(['constraint.json']);
  expect(likelyFiles(['test.json'])).toEqual(['test.json']);
  expect(likelyFiles(['latest.json', 'evaluation.json'])).toEqual(['latest.json', 'evaluation.json']);
});
