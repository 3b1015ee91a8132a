// Rounding to four bits against bitsandbytes' torch code, code for code: test/parity/four_bit_goldens.py.
import { expect, test } from 'vitest';
import { fourBitBlock } from '../../main/engine/nn/four-bit.ts';
import {
  dequantizeFourBit,
  nestScales,
  quantizeFourBit,
  unnestScales,
} from '../../main/engine/quantization/four-bit.ts';
import { goldensFolder, readStateTensors, relativeError } from '../support/goldens.ts';

const tensors = readStateTensors(`${goldensFolder}/four-bit/rounding.safetensors`);
const names = ['whole', 'across-rows', 'ragged', 'many'];

function floats(key: string): Float32Array {
  const data = tensors.get(key)?.data;
  if (data instanceof Float32Array) return data;
  throw new Error(`no ${key}`);
}

function bytes(key: string): Uint8Array {
  const data = tensors.get(key)?.data;
  if (data instanceof Uint8Array) return data;
  throw new Error(`no ${key}`);
}

function weight(name: string): { values: Float32Array; shape: readonly [number, number] } {
  const [out = 0, width = 0] = tensors.get(`${name}.weight`)?.shape ?? [];
  return { values: floats(`${name}.weight`), shape: [out, width] };
}

test.each(names)('%s: NF4 and FP4 are those of bitsandbytes, bit for bit', (name) => {
  const { values, shape } = weight(name);
  for (const type of ['nf4', 'fp4'] as const) {
    const { codes, scales } = quantizeFourBit(type, values, shape[1]);
    expect(scales).toEqual(floats(`${name}.${type}.absmax`));
    // Ours go on to the end of the last block. FP4 has two zeros, and PyTorch's sort may prefer either.
    const theirs = bytes(`${name}.${type}.codes`);
    if (type === 'nf4') expect(codes.subarray(0, theirs.length)).toEqual(theirs);
    const back = dequantizeFourBit(type, { codes, scales }, shape);
    const expected = floats(`${name}.${type}.values`);
    expect(back.findIndex((value, i) => Math.abs(value) !== Math.abs(expected[i] ?? Number.NaN))).toBe(-1);
    expect(relativeError(back, expected)).toBe(0);
  }
});

test.each(names)('%s: double quantisation is that of bitsandbytes', (name) => {
  const { values, shape } = weight(name);
  const { codes, scales } = quantizeFourBit('nf4', values, shape[1]);
  const offset = floats(`${name}.nested.offset`)[0] ?? 0;
  const nested = nestScales(scales, offset);
  const theirs = bytes(`${name}.nested.absmax`);
  expect(nested.codes.subarray(0, theirs.length)).toEqual(theirs);
  expect(nested.scales).toEqual(floats(`${name}.nested.nested_absmax`));
  const absmax = unnestScales(nested, floats(`${name}.nested.map`), scales.length);
  const back = dequantizeFourBit('nf4', { codes, scales: absmax }, shape);
  expect(relativeError(back, floats(`${name}.nested.values`))).toBeLessThan(1e-7);
  // Their mean is a sum of float32 in an order of PyTorch's own.
  expect(Math.abs(nestScales(scales).offset / offset - 1)).toBeLessThan(1e-6);
});

test.each(names)('%s: int4 is evenly spaced within its blocks, and no more than half a step off', (name) => {
  const { values, shape } = weight(name);
  const { codes, scales } = quantizeFourBit('int4', values, shape[1]);
  const back = dequantizeFourBit('int4', { codes, scales }, shape);
  expect(relativeError(back, floats(`${name}.int4.values`))).toBeLessThan(1e-7);
  const perRow = Math.ceil(shape[1] / fourBitBlock.int4);
  for (const [i, value] of values.entries()) {
    const column = i % shape[1];
    const step = Math.abs(scales[((i - column) / shape[1]) * perRow + Math.floor(column / 32)] ?? 0);
    // What lies opposite to the largest of its block may be cut off at 7 steps of its 8.
    expect(Math.abs((back[i] ?? 0) - value)).toBeLessThanOrEqual(step * 1.0001);
  }
});

test('rounding in pieces is rounding at once', () => {
  const { values, shape } = weight('many');
  for (const [type, piece] of [
    ['nf4', 64 * 5],
    ['fp4', 64 * 7],
    ['int4', 2 * shape[1]],
  ] as const) {
    const whole = quantizeFourBit(type, values, shape[1]);
    const codes: number[] = [];
    const scales: number[] = [];
    for (let from = 0; from < values.length; from += piece) {
      const part = quantizeFourBit(type, values.subarray(from, from + piece), shape[1]);
      codes.push(...part.codes);
      scales.push(...part.scales);
    }
    expect(codes).toEqual([...whole.codes]);
    expect(scales).toEqual([...whole.scales]);
  }
});
