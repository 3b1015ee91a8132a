// Linear layers, addressed by their name in the checkpoint, so that LoRA and quantisation can wrap them without a
// model file knowing.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Weights } from './weights.ts';

/** y = x W' (+ b). `x` [tokens, in] -> [tokens, out]; the weight is `<name>.weight` [out, in]. */
export type Linear = (name: string, x: Tensor) => Tensor;
/** A change to linear layers, for example a LoRA branch beside some of them. */
export type LinearTransform = (inner: Linear) => Linear;

export function linear(g: GraphBuilder, weights: Weights): Linear {
  return (name, x) =>
    g.scope(name.slice(name.lastIndexOf('.') + 1), () => {
      const bias = `${name}.bias`;
      return weights.product(`${name}.weight`, x, { c: weights.has(bias) ? weights.get(bias) : undefined });
    });
}
