// The gated feed-forward block of Llama and its relatives (Shazeer 2020, arXiv:2002.05202).
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Linear } from './linear.ts';

/** down(silu(gate(x)) * up(x)); `name` is the block's name, x [tokens, hidden]. */
export function swiglu(g: GraphBuilder, linear: Linear, name: string, x: Tensor): Tensor {
  const gate = g.cheap(g.silu(linear(`${name}.gate_proj`, x)));
  return linear(`${name}.down_proj`, g.cheap(g.mul(gate, linear(`${name}.up_proj`, x))));
}
