// Weights rounded to four bits, number by number: NF4 and FP4 bit for bit as bitsandbytes' torch code rounds them
// (Dettmers et al. 2023, arXiv:2305.14314), and evenly spaced int4. How a graph decodes them is nn/four-bit.ts's.
import { fourBitBlock, fourBitCodes, type FourBitType, nestedBlock } from '../nn/four-bit.ts';
import { dynamicQuantizer } from '../optim/dynamic-code.ts';

export type FourBitPart = { codes: Uint8Array; scales: Float32Array };

/**
 * Rounds a part of a weight [out, in], given row by row: whole blocks, or all up to the weight's end. `width` is the
 * length of a row.
 */
export function quantizeFourBit(type: FourBitType, values: Float32Array, width: number): FourBitPart {
  return type === 'int4' ? quantizeInt4(values, width) : quantizeByTable(type, values);
}

/** The way back; `elements` may end within the last block. */
export function dequantizeFourBit(
  type: FourBitType,
  { codes, scales }: FourBitPart,
  shape: readonly [out: number, width: number],
): Float32Array {
  const [out, width] = shape;
  const block = fourBitBlock[type];
  const result = new Float32Array(out * width);
  if (type === 'int4') {
    const perRow = Math.ceil(width / block);
    for (let i = 0; i < result.length; i++) {
      const nibble = ((codes[i >> 1] ?? 0) >> (4 * (i & 1))) & 15;
      const column = i % width;
      const scale = scales[((i - column) / width) * perRow + Math.floor(column / block)] ?? 0;
      result[i] = (nibble < 8 ? nibble : nibble - 16) * scale;
    }
    return result;
  }
  const table = fourBitCodes[type];
  for (let i = 0; i < result.length; i++) {
    const byte = codes[i >> 1] ?? 0;
    result[i] = (table[(i & 1) === 0 ? byte >> 4 : byte & 15] ?? 0) * (scales[Math.floor(i / block)] ?? 0);
  }
  return result;
}

export type NestedParts = {
  /** Filled up to a whole block. */
  codes: Uint8Array;
  scales: Float32Array;
  offset: number;
};

/** Double quantisation: what the scales have beyond their mean in 8 bits, in blocks of 256. */
export function nestScales(absmax: Float32Array, offset: number = meanOf(absmax)): NestedParts {
  const quantizer = dynamicQuantizer(true);
  const outer = Math.ceil(absmax.length / nestedBlock);
  const codes = new Uint8Array(outer * nestedBlock);
  const scales = new Float32Array(outer);
  for (let block = 0; block < outer; block++) {
    const part = absmax.slice(block * nestedBlock, (block + 1) * nestedBlock);
    for (let i = 0; i < part.length; i++) part[i] = (part[i] ?? 0) - offset;
    scales[block] = quantizer.quantize(part, part.length, codes, block * nestedBlock);
  }
  return { codes, scales, offset };
}

/** The scales again, as the graph decodes them. `map` is the table of the 8 bits. */
export function unnestScales({ codes, scales, offset }: NestedParts, map: Float32Array, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => {
    const inner = Math.fround((map[codes[i] ?? 0] ?? 0) * (scales[Math.floor(i / nestedBlock)] ?? 0));
    return inner + offset;
  });
}

function meanOf(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ?? 0;
  return Math.fround(sum / Math.max(1, values.length));
}

function quantizeByTable(type: 'nf4' | 'fp4', values: Float32Array): FourBitPart {
  const block = fourBitBlock[type];
  const { middles, order, firstRank } = (roundings[type] ??= roundingOf(type));
  const blocks = Math.ceil(values.length / block);
  const scales = new Float32Array(blocks);
  const codes = new Uint8Array((blocks * block) / 2);
  const scaled = new Float32Array(block);
  const bits = new Uint32Array(scaled.buffer);
  for (let b = 0; b < blocks; b++) {
    const from = b * block;
    const count = Math.min(values.length - from, block);
    let scale = 0;
    for (let i = 0; i < count; i++) {
      const size = Math.abs(values[from + i] ?? 0);
      if (size > scale) scale = size;
    }
    const divisor = Math.max(scale, smallestScale);
    // The last block, if it is not whole, is divided in bitsandbytes; the others are multiplied.
    const isWhole = count === block;
    scales[b] = isWhole ? scale : divisor;
    const inverse = fround(1 / divisor);
    if (isWhole) for (let i = 0; i < block; i++) scaled[i] = (values[from + i] ?? 0) * inverse;
    // Nothing lies beyond the end; one code times any scale is as good as another there.
    else for (let i = 0; i < block; i++) scaled[i] = (values[from + i] ?? 0) / divisor;
    for (let i = 0; i < block; i += 2) {
      let [first, second] = [firstRank[(bits[i] ?? 0) >>> 16] ?? 0, firstRank[(bits[i + 1] ?? 0) >>> 16] ?? 0];
      const [a, c] = [scaled[i] ?? 0, scaled[i + 1] ?? 0];
      while (a > (middles[first] ?? 0)) first++;
      while (c > (middles[second] ?? 0)) second++;
      codes[(from + i) >> 1] = ((order[first] ?? 0) << 4) | (order[second] ?? 0);
    }
  }
  return { codes, scales };
}

const { fround } = Math;
/** What bitsandbytes divides by at least. */
const smallestScale = fround(1e-38);

type Rounding = {
  /** The codes by ascending value. */
  order: Uint8Array;
  /** Between the values of neighbouring ranks; what is a middle belongs to the lower one. */
  middles: Float32Array;
  /** For the upper 16 bits of a float32, the rank of the lowest value that begins with them. */
  firstRank: Uint8Array;
};
const roundings: Partial<Record<'nf4' | 'fp4', Rounding>> = {};

function roundingOf(type: 'nf4' | 'fp4'): Rounding {
  const values = fourBitCodes[type];
  const order = Uint8Array.from([...values.keys()].sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0)));
  const middles = Float32Array.from({ length: 16 }, (_, rank) => {
    const [low = 0, high] = [values[order[rank] ?? 0], values[order[rank + 1] ?? -1]];
    return high === undefined ? Infinity : fround(low + high) / 2;
  });
  const bits = new Uint32Array(1);
  const value = new Float32Array(bits.buffer);
  const firstRank = Uint8Array.from({ length: 2 ** 16 }, (_, upper) => {
    bits[0] = upper * 2 ** 16 + (upper < 2 ** 15 ? 0 : 0xffff); // a negative one is the lower the larger its rest
    return Math.max(
      0,
      middles.findIndex((middle) => (value[0] ?? 0) <= middle),
    );
  });
  return { order, middles, firstRank };
}

/** Codes -8 to 7; the largest magnitude of a block becomes -8, as in llama.cpp's Q4_0, which uses all of them. */
function quantizeInt4(values: Float32Array, width: number): FourBitPart {
  const block = fourBitBlock.int4;
  const perRow = Math.ceil(width / block);
  const rows = values.length / width;
  const scales = new Float32Array(rows * perRow);
  const codes = new Uint8Array(Math.ceil(values.length / 2));
  for (let b = 0; b < scales.length; b++) {
    const row = Math.floor(b / perRow);
    const from = row * width + (b % perRow) * block;
    const to = Math.min((row + 1) * width, from + block);
    let largest = 0;
    for (let i = from; i < to; i++) if (Math.abs(values[i] ?? 0) > Math.abs(largest)) largest = values[i] ?? 0;
    const scale = fround(largest / -8);
    scales[b] = scale;
    const inverse = scale === 0 ? 0 : fround(1 / scale);
    for (let i = from; i < to; i++) {
      const code = Math.min(7, Math.max(-8, Math.floor(fround((values[i] ?? 0) * inverse) + 0.5)));
      codes[i >> 1] = (codes[i >> 1] ?? 0) | ((code & 15) << (4 * (i & 1)));
    }
  }
  return { codes, scales };
}
