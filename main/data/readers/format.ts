// Tells the format of a data file from its name and first bytes, and refuses what is no data at all
// (empty files, Git-LFS pointers, archives, web pages, UTF-16). Reading rows is left to the format's file.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { extname } from 'node:path';
import { UserError } from '../../errors.ts';
import { unreadable } from './utf8.ts';

export type DataFormat = 'jsonl' | 'json' | 'csv' | 'tsv' | 'parquet' | 'text';

export const FORMAT_OF_EXTENSION: Record<string, DataFormat> = {
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.json': 'json',
  '.csv': 'csv',
  '.tsv': 'tsv',
  '.parquet': 'parquet',
  '.txt': 'text',
  '.text': 'text',
  '.md': 'text',
};

const HEAD_BYTES = 1 << 16;

export type SniffedFile = { format: DataFormat; bytes: number };

/** Throws UserError: dataset-empty, dataset-lfs-pointer, dataset-not-utf8, dataset-format-unknown, dataset-unreadable. */
export function sniffFormat(path: string, label: string): SniffedFile {
  const { head, bytes } = readHead(path, label);
  if (bytes === 0) {
    throw new UserError({
      code: 'dataset-empty',
      message: `${label} is empty (0 bytes).`,
      fix: 'Point dataset_name at a file with rows; if it was being written or downloaded, do that again.',
    });
  }
  const named = FORMAT_OF_EXTENSION[extname(path).toLowerCase()];
  refuseOtherContent(label, head, named);
  if (named === 'json' && holdsSeveralJsonLines(head)) return { format: 'jsonl', bytes };
  if (named) return { format: named, bytes };
  if (head.subarray(0, 4).toString('latin1') === 'PAR1') return { format: 'parquet', bytes };
  throw new UserError({
    code: 'dataset-format-unknown',
    message: `${label}: the ending "${extname(path)}" is not a data format that can be read.`,
    fix: `Use one of ${Object.keys(FORMAT_OF_EXTENSION).join(', ')}.`,
  });
}

function readHead(path: string, label: string): { head: Buffer; bytes: number } {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const head = Buffer.alloc(HEAD_BYTES);
    const read = readSync(file, head, 0, HEAD_BYTES, 0);
    return { head: head.subarray(0, read), bytes: fstatSync(file).size };
  } catch (error) {
    throw unreadable(label, error);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function refuseOtherContent(label: string, head: Buffer, named: DataFormat | undefined): void {
  const text = head.subarray(0, 512).toString('latin1');
  if (text.startsWith('version https://git-lfs')) {
    const size = /^size (\d+)/m.exec(text)?.[1];
    throw new UserError({
      code: 'dataset-lfs-pointer',
      message: `${label}:1 is a Git-LFS pointer, not the data${size ? ` (the real file has ${size} bytes)` : ''}.`,
      fix: 'Run "git lfs pull" in its repository, or download the file itself.',
    });
  }
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)) {
    throw new UserError({
      code: 'dataset-not-utf8',
      message: `${label}:1 begins with a UTF-16 byte order mark; data files must be UTF-8.`,
      fix: `Convert it: iconv -f utf-16 -t utf-8 "${label}" > converted file.`,
    });
  }
  if (/^\s*<(!doctype html|html)/i.test(text)) {
    throw new UserError({
      code: 'dataset-is-a-web-page',
      message: `${label}:1 is a web page (HTML), not data.`,
      fix: 'Download the raw file; on a hub, use its "download" or "resolve" address.',
    });
  }
  if (text.startsWith('\x1f\x8b') || text.startsWith('PK\x03\x04') || text.startsWith('(\xb5/\xfd')) {
    throw new UserError({
      code: 'dataset-compressed',
      message: `${label} is compressed (${text.startsWith('PK') ? 'zip' : text.startsWith('(') ? 'zstd' : 'gzip'}).`,
      fix: 'Unpack it first and point dataset_name at the file inside.',
    });
  }
  const isParquet = text.startsWith('PAR1');
  if (named && isParquet !== (named === 'parquet')) {
    throw new UserError({
      code: 'dataset-format-mismatch',
      message: isParquet
        ? `${label} is a Parquet file, but its name says ${named}.`
        : `${label} is named .parquet but does not begin with "PAR1": it is damaged or another format.`,
      fix: isParquet ? 'Rename it to end in .parquet.' : 'Download it again, or give it the ending of its real format.',
    });
  }
}

/** True for a .json file that really is JSON lines, as many published ones are. */
function holdsSeveralJsonLines(head: Buffer): boolean {
  const lines = head
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/);
  // The last piece may be cut off, except when it is the whole file.
  const [first, ...rest] = lines.filter((line) => line.trim() !== '');
  if (first === undefined || rest.length === 0 || !first.trimStart().startsWith('{')) return false;
  try {
    JSON.parse(first);
    return rest[0]?.trimStart().startsWith('{') === true;
  } catch {
    return false;
  }
}
