// The block types of 256 elements ("K"): scales of 16 or 32 elements, themselves in 4, 6 or 8 bits, under one or two
// float16 scales of the whole. Layouts and arithmetic are those of ggml-quants.c: every product is rounded to float32.
import { halfAt } from './small-blocks.ts';

const size = 256;
const { fround } = Math;

/** 16 pairs of scale and minimum of 4 bits, 2 bits an element. */
export function readQ2K(blocks: Uint8Array, out: Float32Array): void {
  for (let block = 0, to = 0; to < out.length; block += 84, to += size) {
    const [d, dmin] = [halfAt(blocks, block + 80), halfAt(blocks, block + 82)];
    for (let group = 0; group < 16; group++) {
      const scales = blocks[block + group] ?? 0;
      const [dl, ml] = [fround(d * (scales & 15)), fround(dmin * (scales >> 4))];
      // 32 bytes hold 128 elements: their lowest two bits the first 32, and so on.
      const from = block + 16 + 32 * (group >> 3) + 16 * (group & 1);
      const shift = 2 * ((group >> 1) & 3);
      for (let i = 0; i < 16; i++)
        out[to + 16 * group + i] = fround(dl * (((blocks[from + i] ?? 0) >> shift) & 3)) - ml;
    }
  }
}

/** 16 scales of 6 bits with an offset of 32; 3 bits an element, the third one apart and inverted. */
export function readQ3K(blocks: Uint8Array, out: Float32Array): void {
  for (let block = 0, to = 0; to < out.length; block += 110, to += size) {
    const d = halfAt(blocks, block + 108);
    for (let group = 0; group < 16; group++) {
      const low = ((blocks[block + 96 + (group & 7)] ?? 0) >> (4 * (group >> 3))) & 15;
      const high = ((blocks[block + 104 + (group & 3)] ?? 0) >> (2 * (group >> 2))) & 3;
      const dl = fround(d * ((low | (high << 4)) - 32));
      const from = block + 32 + 32 * (group >> 3) + 16 * (group & 1);
      const mask = block + 16 * (group & 1);
      const [shift, bit] = [2 * ((group >> 1) & 3), group >> 1];
      for (let i = 0; i < 16; i++) {
        const q = ((blocks[from + i] ?? 0) >> shift) & 3;
        out[to + 16 * group + i] = dl * (((blocks[mask + i] ?? 0) >> bit) & 1 ? q : q - 4);
      }
    }
  }
}

/** Scale and minimum number `group` of the 8 pairs of 6 bits that share 12 bytes. */
function sixBits(blocks: Uint8Array, at: number, group: number): [scale: number, minimum: number] {
  const byte = (i: number): number => blocks[at + i] ?? 0;
  if (group < 4) return [byte(group) & 63, byte(group + 4) & 63];
  const shared = byte(group + 4);
  return [(shared & 15) | ((byte(group - 4) >> 6) << 4), (shared >> 4) | ((byte(group) >> 6) << 4)];
}

/** 4 bits an element: the low halves of 32 bytes are one group, the high halves the next. */
export function readQ4K(blocks: Uint8Array, out: Float32Array): void {
  for (let block = 0, to = 0; to < out.length; block += 144, to += size) {
    const [d, dmin] = [halfAt(blocks, block), halfAt(blocks, block + 2)];
    for (let group = 0; group < 8; group++) {
      const [scale, minimum] = sixBits(blocks, block + 4, group);
      const [dl, ml] = [fround(d * scale), fround(dmin * minimum)];
      const from = block + 16 + 32 * (group >> 1);
      const shift = 4 * (group & 1);
      for (let i = 0; i < 32; i++)
        out[to + 32 * group + i] = fround(dl * (((blocks[from + i] ?? 0) >> shift) & 15)) - ml;
    }
  }
}

/** As Q4_K, with a fifth bit of each element in 32 bytes before. */
export function readQ5K(blocks: Uint8Array, out: Float32Array): void {
  for (let block = 0, to = 0; to < out.length; block += 176, to += size) {
    const [d, dmin] = [halfAt(blocks, block), halfAt(blocks, block + 2)];
    for (let group = 0; group < 8; group++) {
      const [scale, minimum] = sixBits(blocks, block + 4, group);
      const [dl, ml] = [fround(d * scale), fround(dmin * minimum)];
      const from = block + 48 + 32 * (group >> 1);
      const shift = 4 * (group & 1);
      for (let i = 0; i < 32; i++) {
        const fifth = ((blocks[block + 16 + i] ?? 0) >> group) & 1;
        const q = (((blocks[from + i] ?? 0) >> shift) & 15) | (fifth << 4);
        out[to + 32 * group + i] = fround(dl * q) - ml;
      }
    }
  }
}

/** 16 scales of 8 bits with sign; 6 bits an element with an offset of 32, the upper two apart. */
export function readQ6K(blocks: Uint8Array, out: Float32Array): void {
  for (let block = 0, to = 0; to < out.length; block += 210, to += size) {
    const d = halfAt(blocks, block + 208);
    for (let group = 0; group < 16; group++) {
      const dl = fround(d * (((blocks[block + 192 + group] ?? 0) << 24) >> 24));
      // Of 128 elements each: 64 bytes with four bits of two elements, 32 with two bits of four.
      const within = group & 7;
      const low = block + 64 * (group >> 3) + 16 * (within & 3);
      const high = block + 128 + 32 * (group >> 3) + 16 * (within & 1);
      const [lowShift, highShift] = [4 * (within >> 2), 2 * (within >> 1)];
      for (let i = 0; i < 16; i++) {
        const q = (((blocks[low + i] ?? 0) >> lowShift) & 15) | ((((blocks[high + i] ?? 0) >> highShift) & 3) << 4);
        out[to + 16 * group + i] = dl * (q - 32);
      }
    }
  }
}
