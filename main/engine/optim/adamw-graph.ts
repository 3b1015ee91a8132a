// AdamW as nodes of a graph: the formula of adamw.ts, for devices on which parameters and state stay between steps.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { AdamSettings } from './adamw.ts';

export type AdamTensors = Record<'parameter' | 'first' | 'second', Tensor>;

/** float32 [], fed anew at every step: see adamFactors. */
export type AdamInputs = Record<'gradientScale' | 'stepSize' | 'secondCorrection' | 'kept', Tensor>;

/** What the tensors become. The old ones may still be read while the new ones are made, so these are new memory. */
export function movedByAdamW(
  g: GraphBuilder,
  { beta1, beta2, epsilon }: AdamSettings,
  { parameter, first, second }: AdamTensors,
  gradient: Tensor,
  { gradientScale, stepSize, secondCorrection, kept }: AdamInputs,
): AdamTensors {
  const scaled = g.mul(gradient, gradientScale);
  const newFirst = g.add(g.scale(first, beta1), g.scale(scaled, 1 - beta1));
  const newSecond = g.add(g.scale(second, beta2), g.scale(g.mul(scaled, scaled), 1 - beta2));
  const spread = g.add(g.div(g.sqrt(newSecond), secondCorrection), g.scalar(epsilon));
  const moved = g.sub(g.mul(parameter, kept), g.div(g.mul(newFirst, stepSize), spread));
  return { parameter: moved, first: newFirst, second: newSecond };
}
