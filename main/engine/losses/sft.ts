// The objectives of supervised fine-tuning. All labels join one sum; the host scales it by 1 / labels of the step.
import { symbol } from '../graph/dims.ts';
import type { Objective } from './objective.ts';

/**
 * nll: sum_l count_l nll_l.
 * dft (Wu et al. 2025, arXiv:2508.05629): sum_l count_l p_l nll_l, where p_l, the probability of the label, gets no
 * gradient.
 */
export function sftObjective(type: 'nll' | 'dft'): Objective {
  return {
    sequences: symbol('sequences'),
    discounts: false,
    meanLogits: false,
    collisionEntropy: false,
    loss: (g, { nll, membership, logProbs }) => {
      if (type === 'nll') return g.neg(g.reduceSum(logProbs, [0], false));
      const probability = g.withGradient(g.exp(g.neg(nll)), [], () => []);
      return g.reduceSum(g.matMul(membership, g.mul(nll, probability)), [0, 1], false);
    },
  };
}
