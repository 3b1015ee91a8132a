// The 8-bit data type of bitsandbytes' optimizers: a table of 256 values between -1 and 1, dense near 0 (Dettmers 2015,
// arXiv:1511.04561), scaled by the largest magnitude of each block (Dettmers et al. 2021, arXiv:2110.02861).

/** Elements that share a scale. */
export const blockSize = 256;

/**
 * The values in ascending order. Seven decades, 1e-6 to 1, each with twice as many values as the one below: middles of
 * equal parts of [0.1, 1], in float32 arithmetic. 0 and 1 complete them.
 */
export function dynamicCode(signed: boolean): Float32Array {
  const values = [0, 1];
  for (let decade = 0; decade < 7; decade++) {
    const middles = middlesOfParts(2 ** (signed ? decade : decade + 1));
    for (const middle of middles) {
      const value = Math.fround(Math.fround(10 ** (decade - 6)) * middle);
      values.push(value);
      if (signed) values.push(-value);
    }
  }
  return Float32Array.from(values).sort();
}

function middlesOfParts(parts: number): number[] {
  const { fround } = Math;
  const step = fround(fround(1 - fround(0.1)) / parts);
  // From the nearer end and rounded once, as torch.linspace does where the processor multiplies and adds in one.
  const boundary = (i: number): number => fround(i < (parts + 1) / 2 ? fround(0.1) + step * i : 1 - step * (parts - i));
  return Array.from({ length: parts }, (_, i) => fround(fround(boundary(i) + boundary(i + 1)) / 2));
}

export type DynamicQuantizer = {
  /** The table: an element is `code[byte] * scale of its block`. */
  readonly code: Float32Array;
  /**
   * Writes the nearest codes of the first `count` of `values` from `codes[offset]` on, and returns their scale. Values
   * in the middle go to the lower code. Overwrites `values`.
   */
  quantize(values: Float32Array, count: number, codes: Uint8Array, offset: number): number;
};

export function dynamicQuantizer(signed: boolean): DynamicQuantizer {
  const code = dynamicCode(signed);
  // middles[c] is the largest value that still belongs to code c.
  const middles = Float32Array.from(code, (value, c) =>
    c === 255 ? Infinity : Math.fround(value + (code[c + 1] ?? 0)) / 2,
  );
  const firstCode = firstCodes(middles);
  return {
    code,
    quantize: (values, count, codes, offset) => {
      let scale = 0;
      for (let i = 0; i < count; i++) scale = Math.max(scale, Math.abs(values[i] ?? 0));
      const inverse = Math.fround(1 / Math.max(scale, 1e-38));
      for (let i = 0; i < count; i++) values[i] = (values[i] ?? 0) * inverse;
      // A loop of its own: reading the bits right after writing the value would wait for it.
      const bits = new Uint32Array(values.buffer, values.byteOffset, count);
      for (let i = 0; i < count; i++) {
        const value = values[i] ?? 0;
        let c = firstCode[(bits[i] ?? 0) >>> 16] ?? 0;
        while (value > (middles[c] ?? 0)) c++;
        codes[offset + i] = c;
      }
      return scale;
    },
  };
}

/**
 * For the upper 16 bits of a float32, the code of the lowest value that begins with them: from there the search has
 * one or two codes to go.
 */
function firstCodes(middles: Float32Array): Uint8Array {
  const bits = new Uint32Array(1);
  const value = new Float32Array(bits.buffer);
  return Uint8Array.from({ length: 2 ** 16 }, (_, upper) => {
    bits[0] = upper * 2 ** 16 + (upper < 2 ** 15 ? 0 : 0xffff); // a negative one is the lower the larger its rest
    return nearestCode(value[0] ?? 0, middles);
  });
}

/** Binary search for the first code whose upper middle is not below `value`. */
function nearestCode(value: number, middles: Float32Array): number {
  let [from, to] = [0, middles.length - 1];
  while (from < to) {
    const half = (from + to) >> 1;
    if (value <= (middles[half] ?? 0)) to = half;
    else from = half + 1;
  }
  return from;
}
