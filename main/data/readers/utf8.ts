// Streams a text file as strictly valid UTF-8, in chunks or lines. What the text means is left to the formats.
import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { UserError, hasSystemCode, messageOf } from '../../errors.ts';

const CHUNK_BYTES = 1 << 18;
/** V8 cannot hold strings much longer than this. */
const MAX_LINE_CHARS = 400_000_000;

export type TextLine = { /** 1-based. */ line: number; text: string };

/**
 * The text of a file in pieces, without a byte order mark. `onBytes` is told how much was read.
 * Throws UserError dataset-not-utf8 with line and byte, dataset-unreadable.
 */
export async function* readUtf8(
  path: string,
  label: string,
  onBytes?: (bytes: number) => void,
  signal?: AbortSignal,
): AsyncGenerator<string> {
  let carried = Buffer.alloc(0);
  let bytesBefore = 0;
  let linesBefore = 0;
  let start = true;
  try {
    for await (const read of createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      onBytes?.(read.length);
      const bytes = carried.length > 0 ? Buffer.concat([carried, read]) : read;
      const whole = bytes.length - incompleteTail(bytes);
      const valid = bytes.subarray(0, whole);
      if (!isUtf8(valid)) throw notUtf8(label, valid, bytesBefore, linesBefore);
      carried = Buffer.from(bytes.subarray(whole));
      bytesBefore += whole;
      const text = valid.toString('utf8');
      linesBefore += countLines(valid);
      yield start && text.startsWith('\uFEFF') ? text.slice(1) : text;
      start = false;
    }
  } catch (error) {
    throw unreadable(label, error);
  }
  if (carried.length > 0) throw notUtf8(label, carried, bytesBefore, linesBefore);
}

/** The lines of a file, without their line ends (\n or \r\n). The last line may lack one. */
export async function* readLines(
  path: string,
  label: string,
  onBytes?: (bytes: number) => void,
  signal?: AbortSignal,
): AsyncGenerator<TextLine> {
  let pending: string[] = [];
  let pendingChars = 0;
  let line = 1;
  const finish = (last: string): TextLine => {
    const text = pending.length > 0 ? pending.join('') + last : last;
    pending = [];
    pendingChars = 0;
    return { line: line++, text: text.endsWith('\r') ? text.slice(0, -1) : text };
  };
  for await (const chunk of readUtf8(path, label, onBytes, signal)) {
    let from = 0;
    for (let end = chunk.indexOf('\n'); end >= 0; end = chunk.indexOf('\n', from)) {
      yield finish(chunk.slice(from, end));
      from = end + 1;
    }
    pending.push(chunk.slice(from));
    pendingChars += chunk.length - from;
    if (pendingChars > MAX_LINE_CHARS) {
      throw new UserError({
        code: 'dataset-line-too-long',
        message: `${label}:${String(line)} is one line of more than ${String(MAX_LINE_CHARS)} characters.`,
        fix: 'Write one row per line. If the file is one large JSON array, name it .json.',
      });
    }
  }
  if (pendingChars > 0) yield finish('');
}

/** Passes UserErrors and aborts on; turns the system's refusals into a UserError. */
export function unreadable(label: string, error: unknown): unknown {
  if (!hasSystemCode(error, 'EACCES', 'EPERM', 'EISDIR', 'ENOENT', 'EIO', 'EMFILE')) return error;
  return new UserError(
    {
      code: 'dataset-unreadable',
      message: `${label} cannot be read: ${messageOf(error)}.`,
      fix: 'Check that the file exists and that you may read it.',
    },
    { cause: error },
  );
}

/** How many bytes at the end begin a character whose rest is still to come (0 to 3). */
function incompleteTail(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? back : 0;
  }
  return 0;
}

function countLines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) count++;
  return count;
}

/** Index of the first byte that is not part of a valid character, by halving. */
function firstInvalidByte(bytes: Uint8Array): number {
  let good = 0;
  let bad = bytes.length;
  while (good < bad) {
    const middle = (good + bad + 1) >> 1;
    const part = bytes.subarray(0, middle);
    if (isUtf8(part.subarray(0, middle - incompleteTail(part)))) good = middle;
    else bad = middle - 1;
  }
  return good - incompleteTail(bytes.subarray(0, good));
}

function notUtf8(label: string, bytes: Uint8Array, bytesBefore: number, linesBefore: number): UserError {
  const at = firstInvalidByte(bytes);
  const line = linesBefore + 1 + countLines(bytes.subarray(0, at));
  const byte = `0x${(bytes[at] ?? 0).toString(16).toUpperCase().padStart(2, '0')}`;
  return new UserError({
    code: 'dataset-not-utf8',
    message:
      `${label}:${String(line)} is not UTF-8: byte ${byte} at offset ${String(bytesBefore + at)} cannot stand there. ` +
      'The file is likely in Windows-1252 (cp1252), as spreadsheets save it.',
    fix: `Convert it: iconv -f cp1252 -t utf-8 "${label}" > converted file, or save it again as "CSV UTF-8".`,
  });
}
