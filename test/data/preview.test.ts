// What `lorelei preview` shows, as data and as text.
import { describe, expect, test } from 'vitest';
import { previewDataset, previewPreferences } from '../../main/data/preview.ts';
import { renderPairPreview, renderPreview } from '../../main/data/preview-text.ts';
import { loadTokenizer } from '../../main/data/tokenizer.ts';
import { tokenizerFolders } from '../support/real-tokenizers.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();
const tokenizer = loadTokenizer(tokenizerFolders.qwen3);
const rows = [
  { prompt: 'Say hi\n', completion: 'hi ☕' },
  { prompt: 'x', completion: '' },
  { prompt: 'count', completion: ' one two three four five six seven eight nine ten' },
];
const file = folder.write('rows.jsonl', rows.map((row) => JSON.stringify(row)).join('\n'));
const preview = await previewDataset(
  {
    files: [file],
    datasetTextField: 'text',
    template: 'model',
    assistantOnlyLoss: false,
    maxLength: 10,
    cacheDir: folder.path,
  },
  tokenizer,
  { rows: 5, maxTokens: 6 },
);

test('tokens with what is trained, places and counts', () => {
  expect(
    preview.rows.map(({ line, tokenCount, trainedCount, leftOut }) => [line, tokenCount, trainedCount, leftOut]),
  ).toEqual([
    [1, 7, 4, 1],
    [3, 10, 9, 4],
  ]);
  const [first] = preview.rows;
  expect(first?.tokens.map(({ text, trained }) => [text, trained])).toEqual([
    ['Say', false],
    [' hi', false],
    ['\n', false],
    // The cup is three bytes in two tokens.
    [' \\xE2\\x98', true],
    ['\\x95', true],
    ['<|im_end|>', true],
  ]);
});

test('plain text: trained stretches in brackets, every problem with its place', () => {
  const text = renderPreview(preview, { color: false });
  expect(text.replaceAll(file, 'rows.jsonl')).toMatchInlineSnapshot(`
    "Row 1  rows.jsonl:1  7 tokens, 4 trained (57.1 %)
    Say| hi|⏎

    … 1 more token …
    ⟦ \\xE2\\x98|\\x95|<|im_end|>⟧

    Row 2  rows.jsonl:3  10 tokens, 9 trained (90.0 %)
    count⟦ one| two⟧
    … 4 more tokens …
    ⟦ seven| eight| nine⟧

    Dataset
      rows.jsonl: 3 rows, jsonl, read as prompt/completion
      template: none
      usable rows: 2 of 3
      tokens: 17, trained 13 (76.5 %)
      tokens in a row: half have at most 7, 90 % 12, 95 % 12, 99 % 12, the longest 12

    Problems
      1 empty, left out
        rows.jsonl:2: the answer is empty
      1 cut to max_length
        rows.jsonl:3: 12 tokens, cut to 10
    "
  `);
  expect(text).not.toContain('\u001B');
});

test('colours: they end before each line does', () => {
  const text = renderPreview(preview, { color: true });
  expect(text).toContain('\u001B[30;42m');
  for (const line of text.split('\n')) expect(line.lastIndexOf('\u001B[0m')).toBe(line.lastIndexOf('\u001B'));
});

describe('preference pairs', async () => {
  const pairs = [
    { prompt: 'Say hi\n', chosen: 'hi ☕', rejected: 'no' },
    { prompt: 'x', chosen: 'same', rejected: 'same' },
    { prompt: 'x', chosen: 'y', rejected: '' },
    { prompt: 'count', chosen: ' one two three four five six seven eight nine ten', rejected: ' 1' },
  ];
  const pairsFile = folder.write('pairs.jsonl', pairs.map((row) => JSON.stringify(row)).join('\n'));
  const shown = await previewPreferences(
    { files: [pairsFile], template: 'model', maxLength: 10, cacheDir: folder.path },
    tokenizer,
    { rows: 5, maxTokens: 6 },
  );

  test('the three parts with what is trained', () => {
    expect(shown.rows.map(({ line, tokenCount, trainedCount }) => [line, tokenCount, trainedCount])).toEqual([
      [1, 12, 6],
      [4, 14, 12],
    ]);
    const [first, second] = shown.rows;
    expect(first?.prompt.tokens.map(({ text, trained }) => [text, trained])).toEqual([
      ['Say', false],
      [' hi', false],
      ['\n', false],
    ]);
    expect(first?.rejected.tokens.map(({ text, trained }) => [text, trained])).toEqual([
      ['no', true],
      ['<|im_end|>', true],
    ]);
    expect([second?.chosen.tokenCount, second?.chosen.trainedCount, second?.chosen.leftOut]).toEqual([9, 9, 3]);
  });

  test('plain text', () => {
    const text = renderPairPreview(shown, { color: false });
    expect(text.replaceAll(pairsFile, 'pairs.jsonl')).toMatchInlineSnapshot(`
      "Row 1  pairs.jsonl:1  12 tokens in both sequences, 6 trained (50.0 %)
      prompt  3 tokens
      Say| hi|⏎

      chosen  4 tokens
      ⟦hi| \\xE2\\x98|\\x95|<|im_end|>⟧
      rejected  2 tokens
      ⟦no|<|im_end|>⟧

      Row 2  pairs.jsonl:4  14 tokens in both sequences, 12 trained (85.7 %)
      prompt  1 token
      count
      chosen  9 tokens
      ⟦ one| two| three⟧
      … 3 more tokens …
      ⟦ seven| eight| nine⟧
      rejected  3 tokens
      ⟦ |1|<|im_end|>⟧

      Dataset
        pairs.jsonl: 4 rows, jsonl, read as prompt/chosen/rejected
        template: none
        usable rows: 2 of 4
        tokens: 26, trained 18 (69.2 %)
        tokens in a row: half have at most 7, 90 % 12, 95 % 12, 99 % 12, the longest 12

      Problems
        1 empty, left out
          pairs.jsonl:3: the rejected answer is empty
        1 with two answers that are the same, left out
          pairs.jsonl:2: the two answers are the same
        1 cut to max_length
          pairs.jsonl:4: 12 tokens with the longer answer, cut to 10
      "
    `);
  });

  test('colours end before each line does', () => {
    const text = renderPairPreview(shown, { color: true });
    expect(text).toContain('\u001B[30;42m');
    for (const line of text.split('\n')) expect(line.lastIndexOf('\u001B[0m')).toBe(line.lastIndexOf('\u001B'));
  });
});
