// The ways in which a GGUF file stores the elements of a tensor, by their numbers in ggml.h: how many make a block, how
// many bytes it takes, and how it is read.
import { bf16ToFloat32, f16ToFloat32 } from '../float-formats.ts';
import { readQ2K, readQ3K, readQ4K, readQ5K, readQ6K } from './k-blocks.ts';
import { readQ40, readQ41, readQ50, readQ51, readQ80 } from './small-blocks.ts';

/** Writes the elements of whole blocks into `out`, which has room for exactly them. */
export type ReadBlocks = (blocks: Uint8Array, out: Float32Array) => void;

export type BlockType = {
  name: string;
  elements: number;
  bytes: number;
  /** Absent for types that are known by name and size only. */
  read?: ReadBlocks;
};

const readF32: ReadBlocks = (blocks, out) => {
  new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(blocks);
};
const words = (blocks: Uint8Array): Uint16Array => new Uint16Array(blocks.slice().buffer);

/** What ggml.h numbers, without types that no released model uses any more. */
export const blockTypes: ReadonlyMap<number, BlockType> = new Map<number, BlockType>([
  [0, { name: 'F32', elements: 1, bytes: 4, read: readF32 }],
  [1, { name: 'F16', elements: 1, bytes: 2, read: (blocks, out) => out.set(f16ToFloat32(words(blocks))) }],
  [2, { name: 'Q4_0', elements: 32, bytes: 18, read: readQ40 }],
  [3, { name: 'Q4_1', elements: 32, bytes: 20, read: readQ41 }],
  [6, { name: 'Q5_0', elements: 32, bytes: 22, read: readQ50 }],
  [7, { name: 'Q5_1', elements: 32, bytes: 24, read: readQ51 }],
  [8, { name: 'Q8_0', elements: 32, bytes: 34, read: readQ80 }],
  [10, { name: 'Q2_K', elements: 256, bytes: 84, read: readQ2K }],
  [11, { name: 'Q3_K', elements: 256, bytes: 110, read: readQ3K }],
  [12, { name: 'Q4_K', elements: 256, bytes: 144, read: readQ4K }],
  [13, { name: 'Q5_K', elements: 256, bytes: 176, read: readQ5K }],
  [14, { name: 'Q6_K', elements: 256, bytes: 210, read: readQ6K }],
  [16, { name: 'IQ2_XXS', elements: 256, bytes: 66 }],
  [17, { name: 'IQ2_XS', elements: 256, bytes: 74 }],
  [18, { name: 'IQ3_XXS', elements: 256, bytes: 98 }],
  [19, { name: 'IQ1_S', elements: 256, bytes: 50 }],
  [20, { name: 'IQ4_NL', elements: 32, bytes: 18 }],
  [21, { name: 'IQ3_S', elements: 256, bytes: 110 }],
  [22, { name: 'IQ2_S', elements: 256, bytes: 82 }],
  [23, { name: 'IQ4_XS', elements: 256, bytes: 136 }],
  [24, { name: 'I8', elements: 1, bytes: 1 }],
  [25, { name: 'I16', elements: 1, bytes: 2 }],
  [26, { name: 'I32', elements: 1, bytes: 4 }],
  [27, { name: 'I64', elements: 1, bytes: 8 }],
  [28, { name: 'F64', elements: 1, bytes: 8 }],
  [29, { name: 'IQ1_M', elements: 256, bytes: 56 }],
  [30, { name: 'BF16', elements: 1, bytes: 2, read: (blocks, out) => out.set(bf16ToFloat32(words(blocks))) }],
  [34, { name: 'TQ1_0', elements: 256, bytes: 54 }],
  [35, { name: 'TQ2_0', elements: 256, bytes: 66 }],
  [39, { name: 'MXFP4', elements: 32, bytes: 17 }],
  [40, { name: 'NVFP4', elements: 64, bytes: 36 }],
]);

export const readableTypes: readonly string[] = [...blockTypes.values()].flatMap(({ name, read }) =>
  read ? [name] : [],
);
