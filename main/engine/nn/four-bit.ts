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

export type FourBitGraph = {
  /** The weight [out, in] as float32, of nodes that depend on nothing but the weight. */
  decode: (name: string, weight: FourBitWeight) => Tensor;
  /** x W' for x [rows, in], decoded within the product where there is an op for it. */
  product: (name: string, weight: FourBitWeight, x: Tensor) => Tensor;
};

/** Four-bit weights in one graph. Nothing decoded outlives the product that it is decoded for. */
export function fourBitGraph(g: GraphBuilder, { fuses }: { fuses: boolean }): FourBitGraph {
  const tables = new Map<FourBitType, Tensor>();
  const tableOf = (type: TableType): Tensor => {
    const table = tables.get(type) ?? g.constant(`${type} codes`, 'float32', [256, 2], twoAtOnce(type));
    tables.set(type, table);
    return table;
  };
  const decode: FourBitGraph['decode'] = (name, weight) => {
    const { type, shape, scales } = weight;
    const [out = 0, width = 0] = shape;
    const block = fourBitBlock[type];
    if (type === 'int4') {
      const numbers = g.weight(name, 'int4', shape, weight.codes);
      const rows = [out, Math.ceil(width / block)];
      return g.op('DequantizeLinear', [numbers, g.weight(`${name}.absmax`, 'float32', rows, scales)], {
        blockSize: block,
      });
    }
    const blocks = Math.ceil((out * width) / block);
    const values = g.gather(tableOf(type), g.cast(codesOf(g, name, weight), 'int32'));
    const scaled = g.mul(g.reshape(values, [blocks, block]), g.reshape(scalesOf(g, name, weight), [blocks, 1]));
    if (blocks * block === out * width) return g.reshape(scaled, shape);
    return g.reshape(g.slice(g.reshape(scaled, [blocks * block]), 0, 0, out * width), shape);
  };
  const product: FourBitGraph['product'] = (name, weight, x) => {
    const { type, shape } = weight;
    const [out = 0, width = 0] = shape;
    const blockSize = fourBitBlock[type];
    if (!fuses || type === 'int4' || (out * width) % blockSize !== 0)
      return g.gemm(x, decode(name, weight), { transB: true });
    const inputs = [x, codesOf(g, name, weight), scalesOf(g, name, weight)];
    const quantType = type === 'nf4' ? 1 : 0;
    const y = g.op('MatMulBnb4', inputs, { out, width, blockSize, quantType });
    // ONNX Runtime's op takes no weight that is not to be transposed, although it has an attribute for it.
    return g.withGradient(y, [x], (dy) => [g.gemm(dy, decode(name, weight))]);
  };
  return { decode, product };
}

/** uint8 [blocks * block / 2] */
function codesOf(g: GraphBuilder, name: string, { type, shape, codes }: FourBitWeight): Tensor {
  const block = fourBitBlock[type];
  const blocks = Math.ceil(elementsOf(shape) / block);
  return g.weight(name, 'uint8', [(blocks * block) / 2], codes);
}

/** float32 [blocks] */
function scalesOf(g: GraphBuilder, name: string, { type, shape, scales, nested }: FourBitWeight): Tensor {
  const blocks = Math.ceil(elementsOf(shape) / fourBitBlock[type]);
  if (!nested) return g.weight(`${name}.absmax`, 'float32', [blocks], scales);
  const outer = Math.ceil(blocks / nestedBlock);
  const bytes = g.cast(g.weight(`${name}.absmax`, 'uint8', [outer * nestedBlock], scales), 'int32');
  const map = g.weight('nested_quant_map', 'float32', [nestedBlock], nested.map);
  const values = g.reshape(g.gather(map, bytes), [outer, nestedBlock]);
  const scaled = g.mul(values, g.weight(`${name}.nested_absmax`, 'float32', [outer, 1], nested.scales));
  const flat = g.reshape(scaled, [outer * nestedBlock]);
  const used = outer * nestedBlock === blocks ? flat : g.slice(flat, 0, 0, blocks);
  return g.add(used, g.weight(`${name}.nested_offset`, 'float32', [1], nested.offset));
}

function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

type TableType = Exclude<FourBitType, 'int4'>;

/** The two elements that each byte stands for. */
function twoAtOnce(type: TableType): Float32Array {
  const codes = fourBitCodes[type];
  return Float32Array.from({ length: 256 * 2 }, (_, i) => codes[(i & 1) === 0 ? i >> 5 : (i >> 1) & 15] ?? 0);
}
