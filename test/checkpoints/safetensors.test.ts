import { closeSync, ftruncateSync, openSync, readFileSync, readdirSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readSafetensorsHeader, readTensorAsFloat32, writeSafetensors } from '../../main/checkpoints/safetensors.ts';
import { goldensFolder } from '../support/goldens.ts';
import { sharedData } from '../support/shared-data.ts';
import { userErrorOf } from '../support/user-error.ts';
import { lfsPointer, safetensorsBytes, scratchFolder } from './scratch.ts';

// Written by the reference implementation, see test/parity/safetensors_goldens.py.
const mixed = join(goldensFolder, 'safetensors/mixed.safetensors');

function readAll(path: string): Record<string, number[]> {
  const floats = [...readSafetensorsHeader(path).tensors.values()].filter(({ dtype }) =>
    /^(F32|F16|BF16)$/.test(dtype),
  );
  return Object.fromEntries(floats.map((info) => [info.name, [...readTensorAsFloat32(path, info)]]));
}

test('reads what the reference implementation writes', () => {
  const { tensors, metadata } = readSafetensorsHeader(mixed);
  expect(metadata).toEqual({ format: 'pt' });
  expect(tensors.get('b.weight')).toMatchObject({ dtype: 'F32', shape: [2, 3], byteLength: 24 });
  expect(tensors.get('ids')).toMatchObject({ dtype: 'I32', shape: [2], byteLength: 8 });
  expect(readAll(mixed)).toEqual({
    'a.weight': [1.5, -2, 3.25],
    'b.weight': [-0.5, -0.25, 0, 0.25, 0.5, 0.75],
    brain: [1, 2.5, -0.125],
    half: [0.5, -1],
    nothing: [],
    scalar: [7],
  });
});

test('writes the same bytes as the reference implementation', () => {
  const path = join(scratchFolder(), 'mixed.safetensors');
  writeSafetensors(
    path,
    [
      { name: 'scalar', dtype: 'F32', shape: [], data: Float32Array.of(7) },
      { name: 'bytes', dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 255) },
      { name: 'half', dtype: 'F16', shape: [1, 2], data: Float32Array.of(0.5, -1) },
      { name: 'brain', dtype: 'BF16', shape: [3], data: () => Float32Array.of(1, 2.5, -0.125) },
      { name: 'nothing', dtype: 'F32', shape: [0, 4], data: new Float32Array(0) },
      { name: 'ids', dtype: 'I32', shape: [2], data: Int32Array.of(3, -1) },
      { name: 'b.weight', dtype: 'F32', shape: [2, 3], data: Float32Array.of(-0.5, -0.25, 0, 0.25, 0.5, 0.75) },
      { name: 'a.weight', dtype: 'F32', shape: [3], data: Float32Array.of(1.5, -2, 3.25) },
    ],
    { format: 'pt' },
  );
  expect(readFileSync(path).equals(readFileSync(mixed))).toBe(true);
});

test('a view into a larger array is written without its surroundings', () => {
  const path = join(scratchFolder(), 'view.safetensors');
  writeSafetensors(path, [{ name: 'v', dtype: 'F32', shape: [2], data: Float32Array.of(1, 2, 3, 4).subarray(1, 3) }]);
  expect(readAll(path)).toEqual({ v: [2, 3] });
});

test('tensors larger than one piece are rounded and read whole', () => {
  const path = join(scratchFolder(), 'large.safetensors');
  const count = 2 ** 22 + 5;
  const data = Float32Array.from({ length: count }, (_, i) => i % 251);
  writeSafetensors(path, [{ name: 'v', dtype: 'BF16', shape: [count], data }]); // numbers below 256 are exact in BF16
  const info = readSafetensorsHeader(path).tensors.get('v');
  const read = info && readTensorAsFloat32(path, info);
  expect(read?.length).toBe(count);
  expect(read?.every((value, i) => value === i % 251)).toBe(true);
});

test('replaces a file, and leaves only it', () => {
  const folder = scratchFolder({ 'a.safetensors': 'old' });
  writeSafetensors(join(folder, 'a.safetensors'), [{ name: 'x', dtype: 'F32', shape: [1], data: Float32Array.of(5) }]);
  expect(readdirSync(folder)).toEqual(['a.safetensors']);
  expect(readAll(join(folder, 'a.safetensors'))).toEqual({ x: [5] });
});

test('data that does not fit its shape is a bug, and leaves nothing behind', () => {
  const folder = scratchFolder();
  const wrong = [{ name: 'x', dtype: 'F32' as const, shape: [3], data: Float32Array.of(1) }];
  expect(() => writeSafetensors(join(folder, 'a.safetensors'), wrong)).toThrow('"x": 4 bytes of data for F32 [3]');
  expect(readdirSync(folder)).toEqual([]);
});

test('finds tensors beyond 4 GiB', () => {
  const path = join(scratchFolder(), 'huge.safetensors');
  const many = 5 * 2 ** 30;
  const start = safetensorsBytes({
    big: { dtype: 'U8', shape: [many], data_offsets: [0, many] },
    last: { dtype: 'F32', shape: [1], data_offsets: [many, many + 4] },
  });
  const file = openSync(path, 'w'); // sparse: takes a few KB of disk
  writeSync(file, start);
  ftruncateSync(file, start.length + many);
  writeSync(file, new Uint8Array(Float32Array.of(42).buffer), 0, 4, start.length + many);
  closeSync(file);
  expect(readAll(path)).toEqual({ last: [42] });
});

test.skipIf(sharedData === undefined)('reads a real checkpoint', () => {
  const path = join(sharedData ?? '', 'models/stories260K-hf/model.safetensors');
  const { tensors } = readSafetensorsHeader(path);
  expect(tensors.size).toBe(47);
  expect(tensors.get('model.embed_tokens.weight')).toMatchObject({
    dtype: 'F32',
    shape: [512, 64],
    byteOffset: 8 + 4856,
  });
});

const f32 = (shape: number[], from: number, to: number) => ({ dtype: 'F32', shape, data_offsets: [from, to] });

const bad: [what: string, bytes: Uint8Array | string, code: string, words: RegExp][] = [
  ['an empty file', '', 'safetensors-truncated', /it has 0 bytes/],
  ['a Git LFS pointer', lfsPointer, 'git-lfs-pointer', /Git LFS pointer/],
  ['a GGUF file', 'GGUF\u0003\u0000\u0000\u0000aaaaaaaaaaaaa', 'gguf-weights', /GGUF/],
  ['a PyTorch file', 'PK\u0003\u0004\u0000\u0000\u0008\u0008aaaaaaaaaaaa', 'pytorch-weights', /PyTorch/],
  ['a web page', '<!DOCTYPE html><html><body>Log in</body></html>', 'not-safetensors', /web page/],
  ['noise', 'what is this supposed to be?', 'safetensors-invalid', /does not begin with a header/],
  ['a header cut off', safetensorsBytes({ a: f32([2], 0, 8) }).subarray(0, 30), 'safetensors-truncated', /its header alone has \d+ bytes, the file 30/],
  ['data cut off', safetensorsBytes({ a: f32([2], 0, 8), b: f32([4], 8, 24) }, 20), 'safetensors-truncated', /1 of 2 tensors are incomplete, the first is "b"/],
  ['bytes after the end', safetensorsBytes({ a: f32([2], 0, 8) }, 9), 'safetensors-invalid', /1 bytes after the last tensor/],
  ['broken JSON', safetensorsBytes('{"a": '), 'safetensors-invalid', /not JSON/],
  ['JSON that is not UTF-8', safetensorsBytes('{"\u00ff":1}').map((byte) => (byte === 0xc3 ? 0xff : byte)), 'safetensors-invalid', /not JSON/],
  ['an unknown dtype', safetensorsBytes({ a: { dtype: 'Q4', shape: [2], data_offsets: [0, 8] } }, 8), 'safetensors-invalid', /unknown dtype "Q4"/],
  ['an inherited name as dtype', safetensorsBytes({ a: { dtype: 'toString', shape: [2], data_offsets: [0, 8] } }, 8), 'safetensors-invalid', /unknown dtype/],
  ['a negative size', safetensorsBytes({ a: f32([-2], 0, 8) }, 8), 'safetensors-invalid', /impossible shape \[-2\]/],
  ['offsets in reverse', safetensorsBytes({ a: f32([2], 8, 0) }, 8), 'safetensors-invalid', /impossible data_offsets/],
  ['offsets that contradict the shape', safetensorsBytes({ a: f32([3], 0, 8) }, 8), 'safetensors-invalid', /F32 \[3\], which are not the 8 bytes/],
  ['a shape beyond counting', safetensorsBytes({ a: f32([2 ** 40, 2 ** 40], 0, 8) }, 8), 'safetensors-invalid', /which are not/],
  ['overlapping tensors', safetensorsBytes({ a: f32([2], 0, 8), b: f32([2], 4, 12) }, 12), 'safetensors-invalid', /"b" overlaps/],
  ['a gap', safetensorsBytes({ a: f32([2], 0, 8), b: f32([2], 12, 20) }, 20), 'safetensors-invalid', /"b" leaves a gap/],
  ['metadata that is no text', safetensorsBytes({ __metadata__: { n: 1 } }), 'safetensors-invalid', /__metadata__ "n"/],
]; // prettier-ignore

test.each(bad)('refuses %s', (_, bytes, code, words) => {
  const path = join(scratchFolder({ 'model.safetensors': bytes }), 'model.safetensors');
  const error = userErrorOf(() => readSafetensorsHeader(path));
  expect(error).toMatchObject({ code });
  expect(error.message).toMatch(words);
  expect(error.message).toContain(path);
  expect(error.fix).not.toBe('');
});

test('refuses what is not a file, and a file that is not there', () => {
  const folder = scratchFolder();
  expect(userErrorOf(() => readSafetensorsHeader(folder)).code).toBe('not-a-file');
  expect(userErrorOf(() => readSafetensorsHeader(join(folder, 'none'))).code).toBe('file-not-found');
});

test('refuses to read another type as numbers, and notices a file that shrank', () => {
  const ids = readSafetensorsHeader(mixed).tensors.get('ids');
  expect(userErrorOf(() => ids && readTensorAsFloat32(mixed, ids)).message).toContain('stored as I32');
  const path = join(scratchFolder({ 'a.safetensors': safetensorsBytes({ a: f32([2], 0, 8) }, 8) }), 'a.safetensors');
  const info = readSafetensorsHeader(path).tensors.get('a');
  writeFileSync(path, readFileSync(path).subarray(0, -3));
  expect(userErrorOf(() => info && readTensorAsFloat32(path, info)).code).toBe('safetensors-truncated');
});
