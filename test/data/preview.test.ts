// What `lorelei preview` shows, as data and as text.
import { expect, test } from 'vitest';
import { previewDataset } from '../../main/data/preview.ts';
import { renderPreview } from '../../main/data/preview-text.ts';
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
