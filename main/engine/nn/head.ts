// From hidden states to logits: the projection to the vocabulary, and the cap that Gemma 2 puts on its logits.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Weights } from './weights.ts';

export type Head = {
  /** The tensor that turns hidden states into logits, [vocab, hidden]. */
  weight: string;
  /** Logits z become c tanh(z / c). */
  softcap?: number | undefined;
};

/** Logits [rows, vocab] of normed hidden states [rows, hidden]; with a cap, also the tanh in them. */
export function headLogits(
  g: GraphBuilder,
  weights: Weights,
  { weight, softcap }: Head,
  rows: Tensor,
): { logits: Tensor; tanh: Tensor | undefined } {
  if (softcap === undefined) return { logits: weights.product(weight, rows), tanh: undefined };
  const tanh = g.tanh(weights.product(weight, rows, { alpha: 1 / softcap }));
  return { logits: g.scale(tanh, softcap), tanh };
}
