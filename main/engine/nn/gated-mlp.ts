// The gated feed-forward blocks of Llama and its relatives (Shazeer 2020, arXiv:2002.05202).
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Linear } from './linear.ts';

export type GatedMlpSettings = {
  activation: 'silu' | 'gelu-tanh';
  /** One layer gate_up_proj holds the rows of both. */
  isFused: boolean;
};

/** down(activation(gate(x)) * up(x)); `name` is the block's name, x [tokens, hidden]. */
export function gatedMlp(
  g: GraphBuilder,
  linear: Linear,
  name: string,
  x: Tensor,
  { activation, isFused }: GatedMlpSettings,
): Tensor {
  const activate = (y: Tensor): Tensor => g.cheap(activation === 'silu' ? g.silu(y) : g.geluTanh(y));
  if (isFused) {
    const both = linear(`${name}.gate_up_proj`, x);
    const half = Number(both.shape[1]) / 2;
    const [gate, up] = [g.cheap(g.slice(both, 1, 0, half)), g.cheap(g.slice(both, 1, half, 2 * half))];
    return linear(`${name}.down_proj`, g.cheap(g.mul(activate(gate), up)));
  }
  const gate = activate(linear(`${name}.gate_proj`, x));
  return linear(`${name}.down_proj`, g.cheap(g.mul(gate, linear(`${name}.up_proj`, x))));
}
