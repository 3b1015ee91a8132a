// AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101), as PyTorch's torch.optim.AdamW computes it.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';

export type AdamWSettings = { beta1: number; beta2: number; epsilon: number; weightDecay: number };

/** Scalars that change from step to step; shape []. The host makes them with `adamWScalars`. */
export type AdamWScalars<T> = {
  /** learningRate / (1 - beta1^step) */
  stepSize: T;
  /** sqrt(1 - beta2^step) */
  secondCorrection: T;
  /** 1 - learningRate * weightDecay */
  kept: T;
};

/** `step` counts from 1. `decays` is false for parameters without weight decay. */
export function adamWScalars(
  settings: AdamWSettings,
  { learningRate, step, decays }: { learningRate: number; step: number; decays: boolean },
): AdamWScalars<number> {
  return {
    stepSize: learningRate / (1 - settings.beta1 ** step),
    secondCorrection: Math.sqrt(1 - settings.beta2 ** step),
    kept: decays ? 1 - learningRate * settings.weightDecay : 1,
  };
}

export type AdamWState = { parameter: Tensor; first: Tensor; second: Tensor };

/**
 *     m <- beta1 m + (1 - beta1) g,  v <- beta2 v + (1 - beta2) g^2
 *     p <- kept p - stepSize m / (sqrt(v) / secondCorrection + epsilon)
 *
 * All elementwise over tensors of one shape. Each old value is read by one node only, so the results may be written
 * over them.
 */
export function adamW(
  g: GraphBuilder,
  { parameter, first, second }: AdamWState,
  gradient: Tensor,
  { stepSize, secondCorrection, kept }: AdamWScalars<Tensor>,
  { beta1, beta2, epsilon }: AdamWSettings,
): AdamWState {
  const m = g.add(g.scale(first, beta1), g.scale(gradient, 1 - beta1));
  const v = g.add(g.scale(second, beta2), g.scale(g.mul(gradient, gradient), 1 - beta2));
  const denominator = g.add(g.div(g.sqrt(v), secondCorrection), g.scalar(epsilon));
  const update = g.mul(g.div(m, denominator), stepSize);
  return { parameter: g.sub(g.mul(parameter, kept), update), first: m, second: v };
}
