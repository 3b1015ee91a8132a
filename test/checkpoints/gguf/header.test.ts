// Whatever a GGUF file holds: either its tensors lie within it and can be read, or there is a UserError that says where.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readGgufHeader } from '../../../main/checkpoints/gguf/header.ts';
import { openGguf } from '../../../main/checkpoints/gguf/model.ts';
import { readGgufTensor } from '../../../main/checkpoints/gguf/read-tensor.ts';
import { UserError } from '../../../main/errors.ts';
import { goldensFolder } from '../../support/goldens.ts';
import { scratchFolder } from '../scratch.ts';
import { ggufBytes, type Parts } from './write-gguf.ts';

const good = readFileSync(join(goldensFolder, 'gguf', 'qwen2.gguf'));
const { headerBytes } = readGgufHeader(join(goldensFolder, 'gguf', 'qwen2.gguf'));

/** Numbers in [0, below), the same on every run (xorshift32). */
function randomSource(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function readsOrRefuses(path: string, bytes: Uint8Array, open = readGgufHeader as (path: string) => unknown): string {
  writeFileSync(path, bytes);
  try {
    for (const tensor of readGgufHeader(path).tensors.values()) {
      expect(tensor.byteOffset + tensor.byteLength).toBeLessThanOrEqual(bytes.length);
      if (tensor.type.read && tensor.byteLength < 1e5) readGgufTensor(tensor);
    }
    open(path);
    return 'read';
  } catch (error) {
    if (error instanceof UserError) return error.code;
    throw error;
  }
}

test('cut at any byte of its header or in its data, a file is refused', () => {
  const path = join(scratchFolder(), 'cut.gguf');
  for (let length = 0; length < headerBytes; length += length < 600 ? 1 : 37)
    expect(readsOrRefuses(path, good.subarray(0, length)), `cut at ${length}`).toMatch(/^gguf-(invalid|truncated)$/);
  expect(readsOrRefuses(path, good.subarray(0, good.length - 1))).toBe('gguf-truncated');
  expect(readsOrRefuses(path, good, openGguf)).toBe('read');
});

test('any wrong byte of the header is survived, by the reader and by what makes a model of it', () => {
  const path = join(scratchFolder(), 'byte.gguf');
  const random = randomSource(1);
  let refused = 0;
  const tries = 1500;
  for (let i = 0; i < tries; i++) {
    const copy = Uint8Array.from(good);
    // The sizes and types are at the beginning and at the end of it; between them is the vocabulary.
    const at = i % 3 === 0 ? random(headerBytes) : i % 3 === 1 ? random(1200) : headerBytes - 1 - random(2500);
    copy[at] = (copy[at] ?? 0) ^ (1 + random(255));
    if (readsOrRefuses(path, copy, openGguf) !== 'read') refused++;
  }
  expect(refused).toBeGreaterThan(tries / 2);
});

test('noise is survived', () => {
  const path = join(scratchFolder(), 'noise.gguf');
  const random = randomSource(2);
  for (let i = 0; i < 300; i++) {
    const noise = Uint8Array.from({ length: random(400) }, () => random(256));
    // Most get past the first checks: magic, version, few tensors and entries.
    if (i % 4 && noise.length > 32)
      noise.set([0x47, 0x47, 0x55, 0x46, 3, 0, 0, 0, random(3), 0, 0, 0, 0, 0, 0, 0, random(4), 0, 0, 0, 0, 0, 0, 0]);
    expect(readsOrRefuses(path, noise)).not.toBe('');
  }
});

const tensor = (over: Partial<NonNullable<Parts['tensors']>[number]>) => ({
  name: 'a',
  sizes: [32, 2],
  type: 0,
  offset: 0,
  ...over,
});

test.each<[string, Parts, code: string, told: RegExp]>([
  ['another kind of file', { magic: 'PK\u0003\u0004' }, 'gguf-invalid', /at byte 0, it does not begin with "GGUF"/],
  ['big-endian', { version: 0x03000000 }, 'gguf-unsupported', /big-endian/],
  ['an old version', { version: 1 }, 'gguf-unsupported', /version 1; 2 and 3/],
  [
    '2^64 - 1 tensors',
    { counts: [2n ** 64n - 1n, 0n] },
    'gguf-invalid',
    /at byte 8, the number of tensors is 18446744073709551615/,
  ],
  ['2^40 entries', { counts: [0n, 2n ** 40n] }, 'gguf-invalid', /at byte 16, the number of metadata entries/],
  ['more entries than bytes', { counts: [0n, 9n] }, 'gguf-truncated', /its header goes on after byte/],
  ['an impossible alignment', { metadata: { 'general.alignment': { u32: 33 } } }, 'gguf-invalid', /alignment is 33/],
  ['a tensor twice', { tensors: [tensor({}), tensor({ offset: 256 })], data: 512 }, 'gguf-invalid', /"a" stands twice/],
  [
    'tensors that overlap',
    { tensors: [tensor({}), tensor({ name: 'b', offset: 224 })], data: 512 },
    'gguf-invalid',
    /the data of b overlaps/,
  ],
  [
    'an offset between alignments',
    { tensors: [tensor({ offset: 8 })], data: 512 },
    'gguf-invalid',
    /begins at 8, no multiple of 32/,
  ],
  [
    'data beyond the end',
    { tensors: [tensor({})], data: 255 },
    'gguf-truncated',
    /1 of 1 tensors are incomplete, the first is a/,
  ],
  [
    'an offset of 2^63',
    { tensors: [tensor({ offset: 2n ** 63n })] },
    'gguf-invalid',
    /the offset of a is 9223372036854775808/,
  ],
  ['a size of zero', { tensors: [tensor({ sizes: [0] })] }, 'gguf-invalid', /impossible shape \[0\]/],
  [
    'sizes whose product overflows',
    { tensors: [tensor({ sizes: [2n ** 40n, 2n ** 40n] })] },
    'gguf-invalid',
    /impossible shape/,
  ],
  ['no dimension', { tensors: [tensor({ sizes: [] })] }, 'gguf-invalid', /0 dimensions/],
  ['five dimensions', { tensors: [tensor({ sizes: [1, 1, 1, 1, 1] })] }, 'gguf-invalid', /5 dimensions/],
  [
    'half a block in a row',
    { tensors: [tensor({ sizes: [48, 2], type: 8 })] },
    'gguf-invalid',
    /rows of 48 elements, no multiple of the 32/,
  ],
  ['a type from the future', { tensors: [tensor({ type: 777 })] }, 'gguf-unsupported', /type 777/],
])('%s is refused with its place', (_, parts, code, told) => {
  const path = join(scratchFolder(), 'wrong.gguf');
  writeFileSync(path, ggufBytes(parts));
  const refusal = (() => {
    try {
      readGgufHeader(path);
    } catch (error) {
      return error as UserError;
    }
  })();
  expect(refusal?.code).toBe(code);
  expect(refusal?.message).toMatch(told);
});

test('a list is not allocated before it is known to be there', () => {
  const path = join(scratchFolder(), 'list.gguf');
  const bytes = ggufBytes({ metadata: { a: { numbers: [1, 2] } } });
  for (const count of [3_000_000n, 2n ** 31n, 2n ** 64n - 1n]) {
    bytes.writeBigUInt64LE(count, 24 + 9 + 8);
    expect(readsOrRefuses(path, bytes), `${count}`).toMatch(/^gguf-(invalid|truncated)$/);
  }
});
