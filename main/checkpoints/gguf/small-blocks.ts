// The block types of 32 elements: one scale, for some a minimum, and 4, 5 or 8 bits an element. Layouts and arithmetic
// are those of ggml-quants.c: every product is rounded to float32.
import { f16ToFloat32 } from '../float-formats.ts';

const size = 32;
const half = size / 2;
const one = new Uint16Array(1);

/** The float16 at `at`. */
export function halfAt(bytes: Uint8Array, at: number): number {
  one[0] = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
  return f16ToFloat32(one)[0] ?? 0;
}

/** d * (q - 8), the scale first. Low halves of the bytes are the first 16 elements. */
export function readQ40(blocks: Uint8Array, out: Float32Array): void {
  for (let block = 0, to = 0; to < out.length; block += 18, to += size) {
    const d = halfAt(blocks, block);
    for (let i = 0; i < half; i++) {
      const byte = blocks[block + 2 + i] ?? 0;
      out[to + i] = d * ((byte & 15) - 8);
      out[to + half + i] = d * ((byte >> 4) - 8);
    }
  }
}

/** d * q + m. */
export function readQ41(blocks: Uint8Array, out: Float32Array): void {
  for (let block = 0, to = 0; to < out.length; block += 20, to += size) {
    const [d, m] = [halfAt(blocks, block), halfAt(blocks, block + 2)];
    for (let i = 0; i < half; i++) {
      const byte = blocks[block + 4 + i] ?? 0;
      out[to + i] = Math.fround(d * (byte & 15)) + m;
      out[to + half + i] = Math.fround(d * (byte >> 4)) + m;
    }
  }
}

/** The fifth bits stand together in 32 bits of their own. */
const highBits = (blocks: Uint8Array, at: number): number =>
  (blocks[at] ?? 0) | ((blocks[at + 1] ?? 0) << 8) | ((blocks[at + 2] ?? 0) << 16) | ((blocks[at + 3] ?? 0) << 24);

/** d * (q - 16). */
export function readQ50(blocks: Uint8Array, out: Float32Array): void {
  for (let block = 0, to = 0; to < out.length; block += 22, to += size) {
    const d = halfAt(blocks, block);
    const high = highBits(blocks, block + 2);
    for (let i = 0; i < half; i++) {
      const byte = blocks[block + 6 + i] ?? 0;
      out[to + i] = d * (((byte & 15) | (((high >>> i) & 1) << 4)) - 16);
      out[to + half + i] = d * (((byte >> 4) | (((high >>> (i + half)) & 1) << 4)) - 16);
    }
  }
}

/** d * q + m. */
export function readQ51(blocks: Uint8Array, out: Float32Array): void {
  for (let block = 0, to = 0; to < out.length; block += 24, to += size) {
    const [d, m] = [halfAt(blocks, block), halfAt(blocks, block + 2)];
    const high = highBits(blocks, block + 4);
    for (let i = 0; i < half; i++) {
      const byte = blocks[block + 8 + i] ?? 0;
      out[to + i] = Math.fround(d * ((byte & 15) | (((high >>> i) & 1) << 4))) + m;
      out[to + half + i] = Math.fround(d * ((byte >> 4) | (((high >>> (i + half)) & 1) << 4))) + m;
    }
  }
}

/** d * q, q of 8 bits with sign. */
export function readQ80(blocks: Uint8Array, out: Float32Array): void {
  for (let block = 0, to = 0; to < out.length; block += 34, to += size) {
    const d = halfAt(blocks, block);
    for (let i = 0; i < size; i++) out[to + i] = d * (((blocks[block + 2 + i] ?? 0) << 24) >> 24);
  }
}
