// bitsandbytes' 8-bit table, and the nearest codes of values all over its range.
import { describe, expect, test } from 'vitest';
import { blockSize, dynamicCode, dynamicQuantizer } from '../../../main/engine/optim/dynamic-code.ts';
import { goldensFolder, readStateTensors } from '../../support/goldens.ts';

const golden = readStateTensors(`${goldensFolder}/optim/dynamic-code.safetensors`);
const tensor = (name: string): Float32Array | Uint8Array => golden.get(name)?.data ?? new Float32Array();

describe.each(['signed', 'unsigned'])('%s', (kind) => {
  const quantizer = dynamicQuantizer(kind === 'signed');

  test('the table has the same bits', () => {
    expect(dynamicCode(kind === 'signed')).toEqual(tensor(`${kind}.code`));
  });

  test('every value of every block gets the same code', () => {
    const values = tensor(`${kind}.values`);
    const codes = new Uint8Array(values.length);
    const scales = new Float32Array(Math.ceil(values.length / blockSize));
    for (const [block] of scales.entries()) {
      const part = Float32Array.from(values.slice(block * blockSize, (block + 1) * blockSize));
      scales[block] = quantizer.quantize(part, part.length, codes, block * blockSize);
    }
    expect(codes).toEqual(tensor(`${kind}.codes`));
    expect(scales).toEqual(tensor(`${kind}.absmax`));
  });

  test('each code is the nearest to its own value, and a middle goes to the lower one', () => {
    const { code } = quantizer;
    const middle = (i: number): number => Math.fround(((code[i] ?? 0) + (code[i + 1] ?? 0)) / 2);
    for (const [values, expected] of [
      [Array.from(code), Array.from(code, (_, i) => i)],
      [Array.from({ length: 255 }, (_, i) => middle(i)), Array.from({ length: 255 }, (_, i) => i)],
    ] as const) {
      // One more value, 1, is the block's scale.
      const codes = new Uint8Array(values.length + 1);
      const scale = quantizer.quantize(Float32Array.of(...values, 1), values.length + 1, codes, 0);
      expect(scale).toBe(1);
      expect([...codes.subarray(0, -1)]).toEqual(expected);
    }
  });
});
