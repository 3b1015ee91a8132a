// The numbers a LoRA begins with, layer by layer: A and B as PEFT draws them or from the weight's singular vectors
// (PiSSA), DoRA's magnitudes from the norms of the weight's rows. Reads one weight at a time.
import { mergeLayer } from '../checkpoints/merge-weights.ts';
import { seededRandom } from '../data/random.ts';
import { frozenNames, layerLora, loraNames, type LoraSettings } from '../engine/nn/lora.ts';
import { UserError } from '../errors.ts';
import { type FlatLayout, view } from './flat-parameters.ts';
import { normalNumbers } from './normal-numbers.ts';
import { principalPart } from './principal-part.ts';

/** A weight of the base model as float32, by its name in the checkpoint. */
export type ReadWeight = (name: string) => Float32Array;
/** Inputs of the graphs that no step changes, by name. */
export type FrozenInputs = ReadonlyMap<string, { shape: readonly number[]; data: Float32Array }>;
/** How A and B begin; a number stands for PEFT's pissa_niter_N. */
export type Initialization = { kind: 'kaiming' | 'gaussian' } | { kind: 'pissa'; iterations?: number };
/** Shape of a layer's weight. */
export type LayerShape = (layer: string) => readonly [out: number, width: number];

/** All inputs that `settings` ask for, still 0. */
export function emptyFrozenInputs(settings: LoraSettings, shapeOf: LayerShape): FrozenInputs {
  const inputs = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  const add = (name: string, ...shape: [number, number]): void => {
    inputs.set(name, { shape, data: new Float32Array(shape[0] * shape[1]) });
  };
  for (const layer of settings.targets) {
    const [out, width] = shapeOf(layer);
    const { rank } = layerLora(settings, layer);
    const names = frozenNames(layer);
    if (settings.subtractStart) {
      add(names.a, rank, width);
      add(names.b, out, rank);
    }
    if (settings.useDora) add(names.rowSquares, 1, out);
  }
  return inputs;
}

export type LoraValues = {
  settings: LoraSettings;
  shapeOf: LayerShape;
  readWeight: ReadWeight;
  frozen: FrozenInputs;
  layout: FlatLayout;
  parameters: Float32Array;
};

/** Fills in A; B stays 0. A is U(+-1 / sqrt(in)), or normal with standard deviation 1 / rank. */
export function drawA({ layout, parameters }: LoraValues, kind: 'kaiming' | 'gaussian', seed: number): void {
  const random = seededRandom(seed);
  const normal = normalNumbers(seed);
  for (const slot of layout.slots) {
    if (!slot.name.endsWith('.lora_A.weight')) continue;
    const [rank = 1, width = 1] = slot.shape;
    const values = view(parameters, slot);
    const bound = 1 / Math.sqrt(width);
    const draw = kind === 'gaussian' ? () => normal() / rank : () => (random.below(2 ** 32) / 2 ** 31 - 1) * bound;
    for (let i = 0; i < values.length; i++) values[i] = draw();
  }
}

/** Fills in what depends on the base model's weights: PiSSA's A and B, which are frozen as they begin, and magnitudes. */
export function valuesFromWeights(values: LoraValues, initialization: Initialization, seed: number): void {
  const { settings, shapeOf, readWeight, frozen } = values;
  const isPissa = initialization.kind === 'pissa';
  if (!isPissa && !settings.useDora) return;
  let index = 0;
  for (const layer of settings.targets) {
    const weight = readWeight(`${layer}.weight`);
    const names = loraNames(layer);
    if (isPissa) {
      const { rank, scale } = layerLora(settings, layer);
      checkRank(layer, rank, shapeOf(layer));
      const options = { seed: seed + index, iterations: initialization.iterations };
      const start = startOf(principalPart(weight, shapeOf(layer), rank, options), scale);
      for (const [name, frozenName, data] of [
        [names.a, frozenNames(layer).a, start.a],
        [names.b, frozenNames(layer).b, start.b],
      ] as const) {
        parameter(values, name).set(data);
        frozen.get(frozenName)?.data.set(data);
      }
    }
    if (settings.useDora) {
      parameter(values, names.magnitude).set(squaresOfRows(layer, weight, shapeOf(layer)).map(Math.sqrt));
      writeRowSquares(values, layer, weight);
    }
    index += 1;
  }
}

/** DoRA's sums of squares of rows, where A, B and magnitudes come from elsewhere. */
export function rowSquaresFromWeights(values: LoraValues): void {
  if (!values.settings.useDora) return;
  for (const layer of values.settings.targets) writeRowSquares(values, layer, values.readWeight(`${layer}.weight`));
}

/** Of the weight that the branch is added to: with PiSSA, the base model's less the starting branch. */
function writeRowSquares({ settings, shapeOf, frozen }: LoraValues, layer: string, weight: Float32Array): void {
  const names = frozenNames(layer);
  const [a, b] = [frozen.get(names.a)?.data, frozen.get(names.b)?.data];
  const { rank, scale } = layerLora(settings, layer);
  const base = a && b ? mergeLayer(weight, shapeOf(layer), { a, b, rank, scale: -scale }) : weight;
  frozen.get(names.rowSquares)?.data.set(squaresOfRows(layer, base, shapeOf(layer)));
}

function squaresOfRows(layer: string, weight: Float32Array, [out, width]: readonly [number, number]): Float64Array {
  return Float64Array.from({ length: out }, (_, row) => {
    let squares = 0;
    for (let i = row * width; i < (row + 1) * width; i++) squares += (weight[i] ?? 0) ** 2;
    if (squares === 0)
      throw new UserError({
        code: 'dora-zero-row',
        message: `use_dora: row ${row} of ${layer}.weight is all 0, and DoRA divides by its length.`,
        fix: 'Leave this layer out of lora_target_modules, or train without use_dora.',
      });
    return squares;
  });
}

/** A = sqrt(S / s) V' and B = U sqrt(S / s), so that s B A is the principal part. */
function startOf(
  { values, left, right }: ReturnType<typeof principalPart>,
  scale: number,
): { a: Float32Array; b: Float32Array } {
  const rank = values.length;
  const roots = values.map((value) => Math.sqrt(value / scale));
  const a = new Float32Array(rank * (right[0]?.length ?? 0));
  const b = new Float32Array(rank * (left[0]?.length ?? 0));
  for (const [k, root] of roots.entries()) {
    a.set(right[k]?.map((x) => x * root) ?? [], k * (a.length / rank));
    for (const [row, x] of left[k]?.entries() ?? []) b[row * rank + k] = x * root;
  }
  return { a, b };
}

function checkRank(layer: string, rank: number, [out, width]: readonly [number, number]): void {
  if (rank <= Math.min(out, width)) return;
  throw new UserError({
    code: 'pissa-rank-too-large',
    message: `init_lora_weights: pissa with rank ${rank}: ${layer}.weight is [${out}, ${width}] and has ${Math.min(out, width)} singular values.`,
    fix: `Set lora_r (or its rank_pattern) to ${Math.min(out, width)} or less.`,
  });
}

function parameter({ layout, parameters }: LoraValues, name: string): Float32Array {
  const slot = layout.slots.find((slot) => slot.name === name);
  if (!slot) throw new Error(`no parameter ${name}`);
  return view(parameters, slot);
}
