// Plain text: a row is a paragraph (a block between blank lines); where the file has no blank line, each line is one.
import type { RowReader } from './reader.ts';
import { readLines } from './utf8.ts';

/** So many lines without a blank one mean that the file is a list of lines. */
const LINES_TO_DECIDE = 2000;

export const readText: RowReader = async function* (path, context) {
  const row = (text: string, line: number) => ({ values: { text }, file: context.label, line });
  let block: string[] = [];
  let blockStart = 1;
  let byLine = false;
  let sawBlank = false;
  for await (const { line, text } of readLines(path, context.label, context.onBytes, context.signal)) {
    const blank = text.trim() === '';
    if (byLine) {
      if (!blank) yield row(text, line);
      continue;
    }
    if (!blank) {
      if (block.length === 0) blockStart = line;
      block.push(text);
      if (!sawBlank && block.length >= LINES_TO_DECIDE) {
        byLine = true;
        for (const [i, one] of block.entries()) yield row(one, blockStart + i);
        block = [];
      }
    } else if (block.length > 0) {
      sawBlank = true;
      yield row(block.join('\n'), blockStart);
      block = [];
    }
  }
  if (block.length > 0) {
    byLine = !sawBlank;
    if (byLine) for (const [i, one] of block.entries()) yield row(one, blockStart + i);
    else yield row(block.join('\n'), blockStart);
  }
  context.note(`${context.label}: plain text, one row per ${byLine ? 'line' : 'paragraph (blank lines part them)'}`);
};
