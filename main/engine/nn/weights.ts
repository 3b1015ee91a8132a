// Where a model's weights come from: frozen in the files of a checkpoint, or parameters that training changes.
import type { GraphBuilder } from '../graph/builder.ts';
import type { DType, ExternalData, Tensor } from '../graph/tensor.ts';
import { fourBitGraph, type FourBitWeight } from './four-bit.ts';
import { isPaired, pairsDType, sixteenBitGraph } from './sixteen-bit.ts';

/** A checkpoint's tensor as it is. */
export type PlainWeight = { dtype: DType; shape: readonly number[]; data: ExternalData };
/** A checkpoint's tensor, by its name there. */
export type StoredWeight = PlainWeight | FourBitWeight;

export type ProductOptions = { alpha?: number; c?: Tensor | undefined };

export type Weights = {
  has(name: string): boolean;
  shape(name: string): readonly number[];
  /** The weight as float32. Stored in 16 or 4 bits, it is decoded at each use rather than kept decoded. */
  get(name: string): Tensor;
  /** alpha x W' (+ c) for a weight W [out, in] and x [rows, in]. */
  product(name: string, x: Tensor, more?: ProductOptions): Tensor;
  /** alpha y W for y [rows, out]: the way back through a product. */
  back(name: string, y: Tensor, more?: Pick<ProductOptions, 'alpha'>): Tensor;
  /** Rows of a table, decoded after the look-up. `ids` int32, any shape. */
  rows(name: string, ids: Tensor): Tensor;
  /** Whether products decode it part by part. */
  isCut(name: string): boolean;
};

export type FrozenWeightOptions = {
  fed?: boolean;
  partElements?: number;
  /** Four-bit weights are decoded within their product where there is an op for it; it has no 16-bit form of its own. */
  fusesFourBit?: boolean;
};

/**
 * Weights that get no gradient. They stay in the checkpoint's files, or, where `fed`, are inputs under their names, so
 * that the graphs of a run share one copy on a device: tables in 16 bits as pairs (see sixteen-bit.ts), the others in
 * float32. Four-bit ones stay in their files either way. Pairs of more than `partElements` numbers are multiplied part by
 * part, so that a head is never decoded as a whole.
 */
export function frozenWeights(
  g: GraphBuilder,
  stored: ReadonlyMap<string, StoredWeight>,
  { fed = false, partElements = 2 ** 22, fusesFourBit = true }: FrozenWeightOptions = {},
): Weights {
  const find = (name: string): StoredWeight => {
    const weight = stored.get(name);
    if (!weight) throw new Error(`the checkpoint has no tensor "${name}"`);
    return weight;
  };
  const fourBit = fourBitGraph(g, { fuses: fusesFourBit });
  const sixteenBit = sixteenBitGraph(g);
  const decoded = (
    name: string,
    weight: PlainWeight,
    pick: (stored: Tensor) => Tensor = (stored) => stored,
  ): Tensor => {
    const { dtype, shape, data } = weight;
    if (!fed) return g.cast(pick(g.weight(name, dtype, shape, data)), 'float32');
    if (!isPaired(weight)) return pick(g.fedWeight(name, 'float32', shape));
    const [rows = 0, width = 0] = shape;
    return sixteenBit.decode(pick(g.fedWeight(name, pairsDType, [rows, width / 2])), weight.dtype);
  };
  const get = (name: string): Tensor => {
    const weight = find(name);
    return 'codes' in weight ? fourBit.decode(name, weight) : decoded(name, weight);
  };
  /** Rows of a weight in pairs, none where it is multiplied as a whole. */
  const partsOf = (weight: StoredWeight): readonly RowRange[] => {
    const [rows = 0, width = 0] = weight.shape;
    if (!fed || 'codes' in weight || !isPaired(weight) || rows * width <= partElements) return [];
    const size = Math.max(1, Math.floor(partElements / width));
    return Array.from(
      { length: Math.ceil(rows / size) },
      (_, i) => [i * size, Math.min(rows, (i + 1) * size)] as const,
    );
  };
  const indices = new Map<string, Tensor>();
  /** The only op that takes rows out of integers on WebGPU is a look-up. */
  const part = (name: string, [start, end]: RowRange): Tensor => {
    const key = `rows ${start} to ${end}`;
    const places = Int32Array.from({ length: end - start }, (_, i) => start + i);
    const ids = indices.get(key) ?? g.constant(key, 'int32', [end - start], places);
    indices.set(key, ids);
    return rows(name, ids);
  };
  const rows = (name: string, ids: Tensor): Tensor => {
    const weight = find(name);
    return 'codes' in weight
      ? g.gather(fourBit.decode(name, weight), ids)
      : decoded(name, weight, (stored) => g.gather(stored, ids));
  };
  return {
    has: (name) => stored.has(name),
    shape: (name) => find(name).shape,
    get,
    product: (name, x, { alpha = 1, c } = {}) => {
      const weight = find(name);
      if ('codes' in weight) {
        const y = g.scale(fourBit.product(name, weight, x), alpha);
        return c ? g.add(y, c) : y;
      }
      const parts = partsOf(weight);
      if (parts.length === 0) return timesTransposed(g, x, get(name), { alpha, c });
      const y = g.concat(
        parts.map((range) => timesTransposed(g, x, part(name, range), { alpha })),
        1,
      );
      return c ? g.add(y, c) : y;
    },
    back: (name, y, { alpha = 1 } = {}) => {
      const parts = partsOf(find(name));
      if (parts.length === 0) return g.gemm(y, get(name), { alpha });
      const [first, ...others] = parts.map((range) => [g.slice(y, 1, ...range), part(name, range)] as const);
      if (!first) throw new Error(`${name} has no rows`);
      return others.reduce(
        (sum, [columns, rows]) => g.gemm(columns, rows, { alpha, c: sum }),
        g.gemm(...first, { alpha }),
      );
    },
    rows,
    isCut: (name) => partsOf(find(name)).length > 0,
  };
}

/** Rows of a weight, without the last. */
type RowRange = readonly [start: number, end: number];

/** The same weights, of which one is decoded once for all its products. One that is cut is not: that is what cuts are for. */
export function decodedOnce(g: GraphBuilder, weights: Weights, once: string): Weights {
  if (weights.isCut(once)) return weights;
  const value = weights.get(once);
  return {
    ...weights,
    get: (name) => (name === once ? value : weights.get(name)),
    product: (name, x, more) => (name === once ? timesTransposed(g, x, value, more) : weights.product(name, x, more)),
    back: (name, y, more) => (name === once ? g.gemm(y, value, more) : weights.back(name, y, more)),
  };
}

/** Weights that are all trained, for models made from nothing. */
export function trainableWeights(g: GraphBuilder, shapes: ReadonlyMap<string, readonly number[]>): Weights {
  const find = (name: string): readonly number[] => {
    const shape = shapes.get(name);
    if (!shape) throw new Error(`the model has no tensor "${name}"`);
    return shape;
  };
  const get = (name: string): Tensor => g.parameter(name, find(name));
  return {
    has: (name) => shapes.has(name),
    shape: find,
    get,
    product: (name, x, more) => timesTransposed(g, x, get(name), more),
    back: (name, y, more) => g.gemm(y, get(name), more),
    rows: (name, ids) => g.gather(get(name), ids),
    isCut: () => false,
  };
}

function timesTransposed(g: GraphBuilder, x: Tensor, weight: Tensor, { alpha = 1, c }: ProductOptions = {}): Tensor {
  return g.gemm(x, weight, c ? { transB: true, alpha, c } : { transB: true, alpha });
}
