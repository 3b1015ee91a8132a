// f-DPO (arXiv 2309.16240): how far a completion's probability ratio counts, under other divergences than the
// reverse KL of plain DPO.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import { logSigmoid } from './log-sigmoid.ts';

export const fDivergenceTypes = ['reverse_kl', 'forward_kl', 'js_divergence', 'alpha_divergence'] as const;
export type FDivergenceType = (typeof fDivergenceTypes)[number];

// e^80 and its multiples by any sensible beta are still float32 numbers.
const largestExponent = 80;

/**
 * f'(t) of t = pi / ref, from `logRatio` = log t, of any shape:
 *
 *     reverse_kl log t, forward_kl 1 - 1/t, js_divergence log(2t / (t + 1)), alpha_divergence (t^(a-1) - 1) / (a - 1)
 *
 * Constants that cancel between chosen and rejected are kept as TRL has them.
 */
export function divergenceScore(g: GraphBuilder, type: FDivergenceType, alpha: number, logRatio: Tensor): Tensor {
  switch (type) {
    case 'reverse_kl':
      return logRatio;
    case 'forward_kl':
      return powerScore(g, -1, logRatio);
    case 'js_divergence':
      return g.add(logSigmoid(g, logRatio), g.scalar(Math.LN2));
    case 'alpha_divergence':
      // The limit at 1 is log t; so near to it, (t^(a-1) - 1) / (a - 1) would be rounding only.
      return Math.abs(alpha - 1) < 1e-6 ? logRatio : powerScore(g, alpha - 1, logRatio);
  }
}

/** (t^power - 1) / power, constant where t^power would not be a float32 number. */
function powerScore(g: GraphBuilder, power: number, logRatio: Tensor): Tensor {
  const limit = g.scalar(largestExponent);
  const exponent = g.scale(logRatio, power);
  const capped = g.where(g.op('Less', [limit, exponent], {}), limit, exponent);
  return g.scale(g.sub(g.exp(capped), g.scalar(1)), 1 / power);
}
