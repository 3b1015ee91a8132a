// LoRA (Hu et al. 2021, arXiv:2106.09685; rsLoRA: Kalajdzievski 2023, arXiv:2312.03732) as a transform over named
// linear layers.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { LinearTransform } from './linear.ts';
import type { Weights } from './weights.ts';

export type LoraSettings = {
  rank: number;
  alpha: number;
  /** Scale alpha / sqrt(rank) instead of alpha / rank. */
  useRslora: boolean;
  /** Probability of dropping an element of the branch's input, 0 for none. */
  dropout: number;
  /** Names of the adapted layers: "model.layers.0.self_attn.q_proj". */
  targets: ReadonlySet<string>;
};

export function loraScale({ rank, alpha, useRslora }: Pick<LoraSettings, 'rank' | 'alpha' | 'useRslora'>): number {
  return alpha / (useRslora ? Math.sqrt(rank) : rank);
}

/** Names of the parameters that LoRA adds to a layer: A [rank, in] and B [out, rank]. */
export function loraNames(layer: string): { a: string; b: string } {
  return { a: `${layer}.lora_A.weight`, b: `${layer}.lora_B.weight` };
}

/** Name of the input that says which elements of a layer's LoRA branch survive dropout: bool [tokens, in]. */
export function dropoutMaskName(layer: string): string {
  return `${layer}.lora_dropout`;
}

/** y + scale * dropout(x) A' B' for the target layers. */
export function withLora(g: GraphBuilder, weights: Weights, settings: LoraSettings): LinearTransform {
  const masks = new Map<string, Tensor>();
  const maskOf = (layer: string, x: Tensor): Tensor => {
    const mask = masks.get(layer) ?? g.input(dropoutMaskName(layer), 'bool', x.shape);
    masks.set(layer, mask);
    return mask;
  };
  return (inner) => (layer, x) => {
    const y = inner(layer, x);
    if (!settings.targets.has(layer)) return y;
    const [out = 0, width = 0] = weights.shape(`${layer}.weight`);
    const names = loraNames(layer);
    const a = g.parameter(names.a, [settings.rank, width]);
    const b = g.parameter(names.b, [out, settings.rank]);
    return g.scope('lora', () => {
      const kept = settings.dropout > 0 ? g.where(maskOf(layer, x), x, g.scalar(0)) : x;
      const alpha = loraScale(settings) / (1 - settings.dropout);
      return g.gemm(g.gemm(kept, a, { transB: true }), b, { transB: true, alpha, c: y });
    });
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
