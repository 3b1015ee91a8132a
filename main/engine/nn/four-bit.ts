// Weights in four bits, as the graph decodes them: NF4 and FP4 as bitsandbytes stores them (QLoRA: Dettmers et al. 2023,
// arXiv:2305.14314) and evenly spaced int4. How they are made is quantization/four-bit.ts's.
import type { GraphBuilder } from '../graph/builder.ts';
import type { ExternalData, Tensor } from '../graph/tensor.ts';

export type FourBitType = 'nf4' | 'fp4' | 'int4';

/** A weight [out, in]: element = code * scale of its block. */
export type FourBitWeight = {
  type: FourBitType;
  shape: readonly number[];
  /** Two a byte. nf4, fp4: the first in the upper half, filled up to a whole block; int4: the first in the lower half. */
  codes: ExternalData;
  /** One for each block: float32, or uint8 where `nested`. */
  scales: ExternalData;
  /** The scales are themselves in blocks: scale = map[byte] * outer scale of its block + offset. */
  nested?: NestedScales;
};

export type NestedScales = {
  /** float32 [blocks / nestedBlockSize, rounded up] */
  scales: ExternalData;
  /** float32 [1] */
  offset: ExternalData;
  /** float32 [256]; the same for all weights. */
  map: ExternalData;
};

/**
 * Elements that share a scale. nf4 and fp4 run through the weight row by row as if it were flat; blocks of int4 end with
 * a row.
 */
export const fourBitBlock: Readonly<Record<FourBitType, number>> = { nf4: 64, fp4: 64, int4: 32 };
/** Scales that share an outer scale. */
export const nestedBlock = 256;

const fp4Magnitudes = [0, 0.0625, 8, 12, 4, 6, 2, 3].map((value) => value / 12);

/** What the 16 codes of a type stand for, as bitsandbytes has them. */
export const fourBitCodes: Readonly<Record<Exclude<FourBitType, 'int4'>, Float32Array>> = {
  // Quantiles of a normal distribution
  nf4: Float32Array.of(
    -1,
    -0.6961928009986877,
    -0.5250730514526367,
    -0.39491748809814453,
    -0.28444138169288635,
    -0.18477343022823334,
    -0.09105003625154495,
    0,
    0.07958029955625534,
    0.16093020141124725,
    0.24611230194568634,
    0.33791524171829224,
    0.44070982933044434,
    0.5626170039176941,
    0.7229568362236023,
    1,
  ),
  // A sign, two bits of exponent and one of mantissa, scaled so that the largest is 1
  fp4: Float32Array.from([...fp4Magnitudes, ...fp4Magnitudes.map((value) => -value)]),
};

/** Decodes weights in a graph: [out, in] float32, of nodes that depend on nothing but the weight. */
export function fourBitDecoder(g: GraphBuilder): (name: string, weight: FourBitWeight) => Tensor {
  const tables = new Map<FourBitType, Tensor>();
  const tableOf = (type: Exclude<FourBitType, 'int4'>): Tensor => {
    const table = tables.get(type) ?? g.constant(`${type} codes`, 'float32', [2 ** 16, 4], fourAtOnce(type));
    tables.set(type, table);
    return table;
  };
  return (name, { type, shape, codes, scales, nested }) => {
    const [out = 0, width = 0] = shape;
    const elements = out * width;
    const block = fourBitBlock[type];
    if (type === 'int4') {
      const numbers = g.weight(name, 'int4', shape, codes);
      const rows = [out, Math.ceil(width / block)];
      return g.op('DequantizeLinear', [numbers, g.weight(`${name}.absmax`, 'float32', rows, scales)], {
        blockSize: block,
      });
    }
    const blocks = Math.ceil(elements / block);
    const quads = g.cast(g.weight(name, 'uint16', [(blocks * block) / 4], codes), 'int32');
    const values = g.reshape(g.gather(tableOf(type), quads), [blocks, block]);
    const scale = nested
      ? nestedScales(g, name, blocks, scales, nested)
      : g.weight(`${name}.absmax`, 'float32', [blocks, 1], scales);
    const flat = g.reshape(g.mul(values, scale), [blocks * block]);
    return g.reshape(blocks * block === elements ? flat : g.slice(flat, 0, 0, elements), shape);
  };
}

/** [blocks, 1] */
function nestedScales(
  g: GraphBuilder,
  name: string,
  blocks: number,
  codes: ExternalData,
  nested: NestedScales,
): Tensor {
  const outer = Math.ceil(blocks / nestedBlock);
  const bytes = g.cast(g.weight(`${name}.absmax`, 'uint8', [outer * nestedBlock], codes), 'int32');
  const map = g.weight('nested_quant_map', 'float32', [nestedBlock], nested.map);
  const values = g.reshape(g.gather(map, bytes), [outer, nestedBlock]);
  const scaled = g.mul(values, g.weight(`${name}.nested_absmax`, 'float32', [outer, 1], nested.scales));
  const flat = g.reshape(scaled, [outer * nestedBlock, 1]);
  const used = outer * nestedBlock === blocks ? flat : g.slice(flat, 0, 0, blocks);
  return g.add(used, g.weight(`${name}.nested_offset`, 'float32', [1], nested.offset));
}

/**
 * The four elements that two bytes stand for, by the number that they are together. One look-up for four elements takes
 * half the time of one for two, and no more than evenly spaced numbers do.
 */
function fourAtOnce(type: Exclude<FourBitType, 'int4'>): Float32Array {
  const codes = fourBitCodes[type];
  return Float32Array.from({ length: 2 ** 16 * 4 }, (_, i) => {
    const bytes = i >> 2;
    const byte = (i & 2) === 0 ? bytes & 0xff : bytes >> 8;
    return codes[(i & 1) === 0 ? byte >> 4 : byte & 15] ?? 0;
  });
}
