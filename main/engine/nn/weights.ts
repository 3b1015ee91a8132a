// Where a model's weights come from: frozen in the files of a checkpoint, or parameters that training changes.
import type { GraphBuilder } from '../graph/builder.ts';
import type { DType, ExternalData, Tensor } from '../graph/tensor.ts';
import { fourBitGraph, type FourBitWeight } from './four-bit.ts';

/** A checkpoint's tensor as it is. */
export type PlainWeight = { dtype: DType; shape: readonly number[]; data: ExternalData };
/** A checkpoint's tensor, by its name there. */
export type StoredWeight = PlainWeight | FourBitWeight;

export type Weights = {
  has(name: string): boolean;
  shape(name: string): readonly number[];
  /** The weight as float32. Stored in 16 or 4 bits, it is decoded at each use rather than kept decoded. */
  get(name: string): Tensor;
  /** x W' (+ c) for a weight W [out, in] and x [rows, in]. */
  product(name: string, x: Tensor, c?: Tensor): Tensor;
  /** Rows of a table, decoded after the look-up. `ids` int32, any shape. */
  rows(name: string, ids: Tensor): Tensor;
};

/**
 * Weights that get no gradient. They stay in the checkpoint's files, or, where `fed`, are float32 inputs under their
 * names, so that the graphs of a run share one copy on a device; four-bit ones stay in their files either way.
 */
export function frozenWeights(
  g: GraphBuilder,
  stored: ReadonlyMap<string, StoredWeight>,
  { fed = false }: { fed?: boolean } = {},
): Weights {
  const find = (name: string): StoredWeight => {
    const weight = stored.get(name);
    if (!weight) throw new Error(`the checkpoint has no tensor "${name}"`);
    return weight;
  };
  const fourBit = fourBitGraph(g);
  const inputs = new Map<string, Tensor>();
  const plain = (name: string, { dtype, shape, data }: PlainWeight): Tensor => {
    if (!fed) return g.weight(name, dtype, shape, data);
    const input = inputs.get(name) ?? g.input(name, 'float32', shape);
    inputs.set(name, input);
    return input;
  };
  const get = (name: string): Tensor => {
    const weight = find(name);
    return 'codes' in weight ? fourBit.decode(name, weight) : g.cast(plain(name, weight), 'float32');
  };
  return {
    has: (name) => stored.has(name),
    shape: (name) => find(name).shape,
    get,
    product: (name, x, c) => {
      const weight = find(name);
      if (!('codes' in weight)) return timesTransposed(g, x, get(name), c);
      const y = fourBit.product(name, weight, x);
      return c ? g.add(y, c) : y;
    },
    rows: (name, ids) => {
      const weight = find(name);
      return 'codes' in weight
        ? g.gather(fourBit.decode(name, weight), ids)
        : g.cast(g.gather(plain(name, weight), ids), 'float32');
    },
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
    product: (name, x, c) => timesTransposed(g, x, get(name), c),
    rows: (name, ids) => g.gather(get(name), ids),
  };
}

function timesTransposed(g: GraphBuilder, x: Tensor, weight: Tensor, c: Tensor | undefined): Tensor {
  return g.gemm(x, weight, c ? { transB: true, c } : { transB: true });
}
