// float32 to and from the two 16-bit formats of checkpoints, value by value. Knows nothing of files.
import { float16Value } from '../engine/nn/sixteen-bit.ts';

/** bfloat16 is the upper half of a float32. Rounds to nearest, ties to even; NaN stays NaN. */
export function float32ToBf16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const result = new Uint16Array(values.length);
  for (let i = 0; i < result.length; i++) {
    const word = bits[i] ?? 0;
    const isNaN = (word & 0x7fffffff) > 0x7f800000;
    result[i] = isNaN ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return result;
}

/** Exact. */
export function bf16ToFloat32(values: Uint16Array): Float32Array {
  const bits = new Uint32Array(values.length);
  for (let i = 0; i < bits.length; i++) bits[i] = (values[i] ?? 0) << 16;
  return new Float32Array(bits.buffer);
}

/** IEEE 754 binary16. Rounds to nearest, ties to even, with subnormals; from 65520 on the result is infinite. */
export function float32ToF16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const result = new Uint16Array(values.length);
  for (let i = 0; i < result.length; i++) {
    const word = bits[i] ?? 0;
    result[i] = ((word >>> 16) & 0x8000) | magnitudeToF16(word & 0x7fffffff);
  }
  return result;
}

function magnitudeToF16(word: number): number {
  if (word > 0x7f800000) return 0x7e00 | ((word >>> 13) & 0x3ff); // NaN
  if (word >= 0x47800000) return 0x7c00; // from 2^16 on
  if (word >= 0x38800000) {
    // From 2^-14 on: change the exponent's bias, then round 13 bits away. A carry into the exponent is right.
    const rebiased = word - 0x38000000;
    return (rebiased + 0xfff + ((rebiased >>> 13) & 1)) >>> 13;
  }
  // Subnormal: a multiple of 2^-24. The mantissa of exponent e is worth 2^(e-150).
  const shift = 126 - (word >>> 23);
  if (shift > 24) return 0;
  const mantissa = (word & 0x7fffff) | 0x800000;
  const quotient = mantissa >>> shift;
  const rest = mantissa & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return rest > half || (rest === half && (quotient & 1) === 1) ? quotient + 1 : quotient;
}

let f16Table: Float32Array | undefined;

/** Exact. */
export function f16ToFloat32(values: Uint16Array): Float32Array {
  f16Table ??= Float32Array.from({ length: 0x10000 }, (_, bits) => float16Value(bits));
  const result = new Float32Array(values.length);
  for (let i = 0; i < result.length; i++) result[i] = f16Table[values[i] ?? 0] ?? 0;
  return result;
}
