// LoRA (Hu et al. 2021, arXiv:2106.09685; rsLoRA: Kalajdzievski 2023, arXiv:2312.03732; DoRA: see dora.ts; PiSSA: Meng
// et al. 2024, arXiv:2404.02948) as a transform over named linear layers.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import { doraFactors } from './dora.ts';
import type { Linear, LinearTransform } from './linear.ts';
import { type LoraPattern, patternValue } from './lora-pattern.ts';
import type { Weights } from './weights.ts';

export type LoraSettings = {
  rank: number;
  alpha: number;
  /** Layers with a rank or an alpha of their own. */
  rankPattern?: LoraPattern;
  alphaPattern?: LoraPattern;
  /** Scale alpha / sqrt(rank) instead of alpha / rank. */
  useRslora: boolean;
  /** Rescale the rows of the merged weight to trained magnitudes. */
  useDora?: boolean;
  /** Take the branch's starting value off the weight (PiSSA), so that training begins at the model as it is. */
  subtractStart?: boolean;
  /** Probability of dropping an element of the branch's input, 0 for none. */
  dropout: number;
  /** Names of the adapted layers: "model.layers.0.self_attn.q_proj". */
  targets: ReadonlySet<string>;
};

export function loraScale({ rank, alpha, useRslora }: Pick<LoraSettings, 'rank' | 'alpha' | 'useRslora'>): number {
  return alpha / (useRslora ? Math.sqrt(rank) : rank);
}

type LayerFacts = Pick<LoraSettings, 'rank' | 'alpha' | 'rankPattern' | 'alphaPattern' | 'useRslora'>;

/** Rank and alpha of one layer, and the scale of its branch. */
export function layerLora(settings: LayerFacts, layer: string): { rank: number; alpha: number; scale: number } {
  const { rankPattern = {}, alphaPattern = {}, useRslora } = settings;
  const rank = patternValue(rankPattern, layer) ?? settings.rank;
  const alpha = patternValue(alphaPattern, layer) ?? settings.alpha;
  return { rank, alpha, scale: loraScale({ rank, alpha, useRslora }) };
}

/** Names of the parameters that LoRA adds to a layer: A [rank, in], B [out, rank], and for DoRA magnitudes [out]. */
export function loraNames(layer: string): { a: string; b: string; magnitude: string } {
  return { a: `${layer}.lora_A.weight`, b: `${layer}.lora_B.weight`, magnitude: `${layer}.lora_magnitude_vector` };
}

/**
 * Names of the inputs that stay as they were at the start: PiSSA's A [rank, in] and B [out, rank], and for DoRA the
 * sums of squares of the rows of the weight that the branch is added to, [1, out].
 */
export function frozenNames(layer: string): { a: string; b: string; rowSquares: string } {
  return { a: `${layer}.start_A`, b: `${layer}.start_B`, rowSquares: `${layer}.row_squares` };
}

/** Name of the input that says which elements of a layer's LoRA branch survive dropout: bool [tokens, in]. */
export function dropoutMaskName(layer: string): string {
  return `${layer}.lora_dropout`;
}

/** Name of the parameter that stands for a DoRA layer's magnitudes / norms where nothing is trained, [1, out]. */
export function rowFactorsName(layer: string): string {
  return `${layer}.row_factors`;
}

export type LoraOptions = {
  /** Nothing is trained: take DoRA's factors of the rows from outside, since they stay the same. */
  fixedRowFactors?: boolean;
};

/**
 * y + s dropout(x) A' B' for the target layers. With DoRA, and c = magnitudes / norms of the rows: c * (x W' + s x A' B')
 * + bias; under dropout y + c * (d W' + s d A' B') - d W' with d = dropout(x), as PEFT has it.
 */
export function withLora(
  g: GraphBuilder,
  weights: Weights,
  settings: LoraSettings,
  { fixedRowFactors = false }: LoraOptions = {},
): LinearTransform {
  const { dropout, targets, useDora = false } = settings;
  const inputOnce = once((name, x: Tensor) => g.input(name, 'bool', x.shape));
  const kept = (layer: string, x: Tensor): Tensor =>
    dropout > 0 ? g.where(inputOnce(dropoutMaskName(layer), x), x, g.scalar(0)) : x;

  return (inner) => {
    const base = settings.subtractStart ? withoutStart(g, weights, settings, inner) : inner;
    const product = (layer: string, x: Tensor): Tensor => {
      const bias = biasOf(weights, layer);
      return bias ? g.sub(base(layer, x), bias) : base(layer, x);
    };
    // Asked for again when the layer is recomputed: the same for all tokens, so once is enough.
    const factorsOnce = once((layer, a: Tensor, b: Tensor) => {
      const [out = 0] = weights.shape(`${layer}.weight`);
      if (fixedRowFactors) return g.parameter(rowFactorsName(layer), [1, out]);
      return doraFactors(g, g.parameter(loraNames(layer).magnitude, [out]), {
        product: (x) => product(layer, x),
        rowSquares: g.input(frozenNames(layer).rowSquares, 'float32', [1, out]),
        a,
        b,
        scale: layerLora(settings, layer).scale,
      });
    });
    return (layer, x) => {
      if (!targets.has(layer)) return inner(layer, x);
      const y = base(layer, x);
      const [out = 0, width = 0] = weights.shape(`${layer}.weight`);
      const { rank, scale } = layerLora(settings, layer);
      const names = loraNames(layer);
      const a = g.parameter(names.a, [rank, width]);
      const b = g.parameter(names.b, [out, rank]);
      return g.scope('lora', () => {
        const input = kept(layer, x);
        const branch = (alpha: number, c: Tensor): Tensor =>
          g.gemm(g.gemm(input, a, { transB: true }), b, { transB: true, alpha, c });
        if (!useDora) return branch(scale / (1 - dropout), y);
        const factors = factorsOnce(layer, a, b);
        if (dropout > 0) {
          const plain = product(layer, input);
          const change = g.sub(g.mul(branch(scale, plain), factors), plain);
          return g.add(y, g.scale(change, 1 / (1 - dropout)));
        }
        const bias = biasOf(weights, layer);
        const rows = g.mul(branch(scale, bias ? g.sub(y, bias) : y), factors);
        return bias ? g.add(rows, bias) : rows;
      });
    };
  };
}

/** inner(x) - s x A0' B0' for the target layers: the branch as it starts is taken off, in the graph and not on disk. */
function withoutStart(g: GraphBuilder, weights: Weights, settings: LoraSettings, inner: Linear): Linear {
  const inputOnce = once((name, shape: readonly number[]) => g.input(name, 'float32', shape));
  return (layer, x) => {
    const y = inner(layer, x);
    if (!settings.targets.has(layer)) return y;
    const [out = 0, width = 0] = weights.shape(`${layer}.weight`);
    const { rank, scale } = layerLora(settings, layer);
    const names = frozenNames(layer);
    const [a, b] = [inputOnce(names.a, [rank, width]), inputOnce(names.b, [out, rank])];
    return g.scope('start', () => g.gemm(g.gemm(x, a, { transB: true }), b, { transB: true, alpha: -scale, c: y }));
  };
}

function biasOf(weights: Weights, layer: string): Tensor | undefined {
  const bias = `${layer}.bias`;
  return weights.has(bias) ? weights.get(bias) : undefined;
}

/** Remembers what was made under a name: a graph input may not be made twice. */
function once<Rest extends unknown[]>(make: (name: string, ...rest: Rest) => Tensor) {
  const made = new Map<string, Tensor>();
  return (name: string, ...rest: Rest): Tensor => {
    const known = made.get(name) ?? make(name, ...rest);
    made.set(name, known);
    return known;
  };
}

/**
 * The layers that `lora_target_modules` selects, as PEFT matches them: each entry is a whole name or a name's last
 * parts ("q_proj"); "all-linear" takes every linear layer but the head.
 */
export function loraTargets(linears: readonly string[], wanted: readonly string[]): Set<string> {
  if (wanted.includes('all-linear')) return new Set(linears);
  return new Set(linears.filter((layer) => wanted.some((name) => layer === name || layer.endsWith(`.${name}`))));
}
