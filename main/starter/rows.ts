// Documents -> token rows of one fixed length -> batches. Several documents share a row and never see each other:
// positions restart and visibleUntil ends with each of them.

import type { Batch } from '../data/types.ts';
import type { Document } from './corpus.ts';
import { specialIds } from './tokenizer-files.ts';

export type Encode = (text: string) => ArrayLike<number>;

/** One document: its tokens, and 1 where a token is to be predicted. */
export type Segment = { ids: number[]; trained: Uint8Array };

/** Exactly what the chat template renders. */
export function renderDocument(document: Document): string {
  if (document.kind === 'text') return `${document.text}<|im_end|>`;
  return document.messages.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join('');
}

/**
 * Every token of a plain text is trained; of a conversation the assistant's words and their end, and in every fourth
 * conversation the rest too: what people ask needs less practice than what to answer.
 */
export function* segments(documents: Iterable<Document>, encode: Encode): Generator<Segment, void> {
  let count = 0;
  for (const document of documents) {
    const ids = Array.from(encode(renderDocument(document)));
    const everything = document.kind === 'text' || count % 4 === 0;
    const trained = everything ? new Uint8Array(ids.length).fill(1) : assistantTokens(ids, encode);
    trained[0] = 0;
    if (document.kind === 'chat') count += 1;
    yield { ids, trained };
  }
}

function assistantTokens(ids: readonly number[], encode: Encode): Uint8Array {
  const header = Array.from(encode('<|im_start|>assistant\n'));
  const trained = new Uint8Array(ids.length);
  for (let i = 0; i < ids.length; i += 1) {
    if (!header.every((id, offset) => ids[i + offset] === id)) continue;
    let end = i + header.length;
    while (end < ids.length && ids[end] !== specialIds.end) end += 1;
    trained.fill(1, i + header.length, end + 1);
    i = end;
  }
  return trained;
}

/** How many segments wait for a row in which they fit. */
const waitingRoom = 64;

/** Fills rows of at most `rowLength` tokens, the longest waiting segment that fits first; longer segments are left out. */
export function* packRows(source: Iterable<Segment>, rowLength: number): Generator<Segment[], void> {
  const waiting: Segment[] = [];
  const rest = source[Symbol.iterator]();
  const refill = (): void => {
    while (waiting.length < waitingRoom) {
      const next = rest.next();
      if (next.done === true) return;
      if (next.value.ids.length <= rowLength) waiting.push(next.value);
    }
  };
  for (;;) {
    refill();
    const first = waiting.shift();
    if (first === undefined) return;
    const row = [first];
    let room = rowLength - first.ids.length;
    for (;;) {
      let best = -1;
      waiting.forEach((segment, i) => {
        if (segment.ids.length <= room && segment.ids.length > (waiting[best]?.ids.length ?? 0)) best = i;
      });
      const [fitting] = best < 0 ? [] : waiting.splice(best, 1);
      if (fitting === undefined) break;
      row.push(fitting);
      room -= fitting.ids.length;
    }
    yield row;
  }
}

/** Lays packed rows out for the graph; all arrays are [rows * rowLength]. */
export function toBatch(rows: readonly (readonly Segment[])[], rowLength: number): Batch {
  const size = rows.length * rowLength;
  const inputIds = new Int32Array(size).fill(specialIds.pad);
  const positionIds = new Int32Array(size);
  const visibleUntil = new Int32Array(size);
  const labelRows: number[] = [];
  const labelIds: number[] = [];
  let tokenCount = 0;
  rows.forEach((row, r) => {
    let start = 0;
    for (const segment of row) {
      const base = r * rowLength + start;
      inputIds.set(segment.ids, base);
      visibleUntil.fill(start + segment.ids.length, base, base + segment.ids.length);
      segment.ids.forEach((id, i) => {
        positionIds[base + i] = i;
        if (i === 0 || segment.trained[i] !== 1) return;
        labelRows.push(base + i - 1);
        labelIds.push(id);
      });
      start += segment.ids.length;
    }
    visibleUntil.fill(start, r * rowLength + start, (r + 1) * rowLength);
    tokenCount += start;
  });
  return {
    batch: rows.length,
    seq: rowLength,
    inputIds,
    positionIds,
    visibleUntil,
    labelRows: Int32Array.from(labelRows),
    labelIds: Int32Array.from(labelIds),
    sequences: 1,
    membership: new Float32Array(labelIds.length).fill(1),
    tokenCount,
  };
}
