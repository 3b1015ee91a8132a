import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bf16ToFloat32, f16ToFloat32, float32ToBf16, float32ToF16 } from '../../main/checkpoints/float-formats.ts';
import { goldensFolder, readJson } from '../support/goldens.ts';

// test/parity/safetensors_goldens.py: subnormals, overflow, infinities and ties, as PyTorch rounds them.
const golden = readJson(join(goldensFolder, 'safetensors/rounding.json')) as {
  float32: number[];
  bf16: number[];
  f16: number[];
};
const values = new Float32Array(Uint32Array.from(golden.float32).buffer);

test('rounds to bfloat16 as PyTorch does', () => {
  expect([...float32ToBf16(values)]).toEqual(golden.bf16);
});

test('rounds to float16 as PyTorch does', () => {
  expect([...float32ToF16(values)]).toEqual(golden.f16);
});

test('NaN stays NaN, also where its set bits are rounded away', () => {
  const nan = new Float32Array(Uint32Array.of(0x7fc00000, 0x7f800001, 0xff800001, 0x7fffffff).buffer);
  expect([...bf16ToFloat32(float32ToBf16(nan))]).toEqual([NaN, NaN, NaN, NaN]);
  expect([...f16ToFloat32(float32ToF16(nan))]).toEqual([NaN, NaN, NaN, NaN]);
});

const every16Bits = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);

test('every float16 is widened exactly', () => {
  // Independent reference: the definition of IEEE 754 binary16, built from its digits.
  const digits = (bits: number): number => {
    const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
    const text = fraction.toString(2).padStart(10, '0');
    const significand = parseInt((exponent === 0 ? '0' : '1') + text, 2) / 1024;
    const size = exponent === 31 ? (fraction ? NaN : Infinity) : significand * 2 ** (Math.max(exponent, 1) - 15);
    return bits >> 15 ? -size : size;
  };
  const widened = f16ToFloat32(every16Bits);
  expect(every16Bits.every((bits) => Object.is(widened[bits], digits(bits)))).toBe(true);
});

test('16-bit values survive the way to float32 and back', () => {
  const isNumber = (value: number): boolean => !Number.isNaN(value);
  const [f16, bf16] = [f16ToFloat32(every16Bits), bf16ToFloat32(every16Bits)];
  const [f16Back, bf16Back] = [float32ToF16(f16), float32ToBf16(bf16)];
  expect(every16Bits.filter((bits) => isNumber(f16[bits] ?? 0) && f16Back[bits] !== bits)).toHaveLength(0);
  expect(every16Bits.filter((bits) => isNumber(bf16[bits] ?? 0) && bf16Back[bits] !== bits)).toHaveLength(0);
});
