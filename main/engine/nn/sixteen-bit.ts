// Weights in 16 bits on a device that neither stores nor casts them (WebGPU has no bfloat16, and float16 only with some
// adapters): they are fed as their bytes, two numbers a uint32, and looked up in a table of all 65536 numbers of the
// format. Every bit comes out as the format says, subnormal numbers, infinities and NaN included.
import type { GraphBuilder } from '../graph/builder.ts';
import { multiplyDims } from '../graph/dims.ts';
import type { DType, Tensor } from '../graph/tensor.ts';

export type SixteenBitFormat = 'float16' | 'bfloat16';

/** What pairs are fed as: the first number is in the lower half, as it lies in the file. */
export const pairsDType = 'uint32';

/** Whether a weight is fed in pairs: a table with an even width. Vectors are too small to be worth it. */
export function isPaired<T extends { dtype: DType; shape: readonly number[] }>(
  weight: T,
): weight is T & { dtype: SixteenBitFormat } {
  const { dtype, shape } = weight;
  return (dtype === 'float16' || dtype === 'bfloat16') && shape.length === 2 && Number(shape[1]) % 2 === 0;
}

export type SixteenBitGraph = {
  /** uint32 [..., pairs] -> float32 [..., 2 * pairs] */
  decode: (pairs: Tensor, format: SixteenBitFormat) => Tensor;
};

/** Sixteen-bit weights in one graph. Nothing decoded outlives the product that it is decoded for. */
export function sixteenBitGraph(g: GraphBuilder): SixteenBitGraph {
  const tables = new Map<SixteenBitFormat, Tensor>();
  const tableOf = (format: SixteenBitFormat): Tensor => {
    const table = tables.get(format) ?? g.constant(`${format} numbers`, 'float32', [numbers], allNumbers(format));
    tables.set(format, table);
    return table;
  };
  let half: Tensor | undefined;
  return {
    decode: (pairs, format) => {
      half ??= g.constant('half of a pair', pairsDType, [], Uint32Array.of(numbers));
      const upper = g.div(pairs, half);
      const lower = g.sub(pairs, g.mul(upper, half));
      const look = (codes: Tensor): Tensor =>
        g.reshape(g.gather(tableOf(format), g.cast(codes, 'int32')), [...codes.shape, 1]);
      const [rows, width = 1] = [pairs.shape.slice(0, -1), pairs.shape.at(-1)];
      return g.reshape(g.concat([look(lower), look(upper)], pairs.shape.length), [...rows, multiplyDims(2, width)]);
    },
  };
}

const numbers = 2 ** 16;

/** What each code of a format stands for. */
function allNumbers(format: SixteenBitFormat): Float32Array {
  if (format === 'float16') return Float32Array.from({ length: numbers }, (_, code) => float16Value(code));
  return new Float32Array(Uint32Array.from({ length: numbers }, (_, code) => code << 16).buffer);
}

/** The number that a code of IEEE 754's binary16 stands for. */
export function float16Value(code: number): number {
  const sign = code & 0x8000 ? -1 : 1;
  const exponent = (code >>> 10) & 0x1f;
  const fraction = code & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
