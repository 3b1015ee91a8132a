// Gradient checkpointing (Chen et al. 2016, arXiv:1604.06174): keep a block's inputs, recompute its inside when the
// backward pass gets there.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import { gradients } from './gradients.ts';

/**
 * `block(inputs)`, whose backward pass builds the block a second time. `zero` is a float32 scalar that the host
 * feeds as 0: it ties the second copy to the arriving gradient, so that ONNX Runtime neither merges it with the
 * first copy nor computes it early. Parameters used inside get their gradients too.
 */
export function checkpoint(
  g: GraphBuilder,
  zero: Tensor,
  inputs: readonly Tensor[],
  block: (inputs: readonly Tensor[]) => Tensor,
): Tensor {
  const firstNode = g.nodes.length;
  const output = block(inputs);
  const parameters = [
    ...new Set(
      g.nodes.slice(firstNode).flatMap((node) => node.inputs.filter(({ source }) => source.kind === 'parameter')),
    ),
  ];
  return g.withGradient(output, [...inputs, ...parameters], (dy) => {
    const nothing = g.mul(firstElement(g, dy), zero);
    const again = inputs.map((input) => g.add(input, nothing));
    const found = gradients(g, new Map([[block(again), dy]]), [...again, ...parameters]);
    return [...again, ...parameters].map((tensor) => found.get(tensor));
  });
}

/** x[0, 0, ...] with all axes kept at size 1. */
function firstElement(g: GraphBuilder, x: Tensor): Tensor {
  return x.shape.reduce((rest, _, axis) => g.slice(rest, axis, 0, 1), x);
}
