// The losses of TRL's DPOTrainer (1.16), one short function for each loss_type, from the log-probabilities of pairs.
// Making those, and the gradient, is left to the model and to autodiff.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import { divergenceScore, type FDivergenceType } from './f-divergence.ts';
import { logSigmoid } from './log-sigmoid.ts';
import { chosenNll, type PairLogProbs, perToken } from './pair-log-probs.ts';
import { sortedPairCost } from './sorted-pairing.ts';

export const dpoLossTypes = [
  'sigmoid',
  'hinge',
  'ipo',
  'exo_pair',
  'nca_pair',
  'robust',
  'bco_pair',
  'sppo_hard',
  'aot',
  'aot_unpaired',
  'apo_zero',
  'apo_down',
  'discopop',
  'sft',
  'sigmoid_norm',
] as const;
export type DpoLossType = (typeof dpoLossTypes)[number];

export type DpoLossSettings = {
  lossTypes: readonly DpoLossType[];
  /** One for each loss type. */
  lossWeights: readonly number[];
  /** How firmly the policy is held to the reference; above 0. */
  beta: number;
  /** How often a pair is assumed to be the wrong way round; for exo_pair, robust, aot and aot_unpaired. */
  labelSmoothing: number;
  fDivergenceType: FDivergenceType;
  fAlphaDivergenceCoef: number;
  discopopTau: number;
};

/**
 * The losses for which another divergence than reverse_kl is defined: its normalisation only cancels in a difference
 * of chosen and rejected.
 */
export const fDivergenceLossTypes: readonly DpoLossType[] = [
  'sigmoid',
  'sigmoid_norm',
  'hinge',
  'ipo',
  'exo_pair',
  'robust',
  'discopop',
  'sft',
];

/** What a loss is made from; all tensors float32 [pairs]. */
type Terms = {
  g: GraphBuilder;
  beta: number;
  smoothing: number;
  tau: number;
  logProbs: PairLogProbs;
  /** log pi(chosen) - log ref(chosen), and the same for rejected. */
  c: Tensor;
  r: Tensor;
  /** f'(pi / ref) of both: c and r for the reverse KL. */
  chosenScore: Tensor;
  rejectedScore: Tensor;
  /** beta (chosenScore - rejectedScore) */
  logits: Tensor;
};

/**
 * The weighted sum of the losses for each pair, [pairs]; their mean is the micro-batch's loss. aot, aot_unpaired and
 * sft belong to the batch as a whole: there only the mean has a meaning. Throws where TRL's trainer would refuse.
 */
export function dpoLoss(g: GraphBuilder, settings: DpoLossSettings, logProbs: PairLogProbs): Tensor {
  checkSettings(settings);
  const { lossTypes, lossWeights, beta, fDivergenceType, fAlphaDivergenceCoef } = settings;
  return g.scope('dpo', () => {
    const c = g.sub(logProbs.chosen, logProbs.refChosen);
    const r = g.sub(logProbs.rejected, logProbs.refRejected);
    const chosenScore = divergenceScore(g, fDivergenceType, fAlphaDivergenceCoef, c);
    const rejectedScore = divergenceScore(g, fDivergenceType, fAlphaDivergenceCoef, r);
    const terms: Terms = {
      g,
      beta,
      smoothing: settings.labelSmoothing,
      tau: settings.discopopTau,
      logProbs,
      c,
      r,
      chosenScore,
      rejectedScore,
      logits: g.scale(g.sub(chosenScore, rejectedScore), beta),
    };
    const losses = lossTypes.map((type, i) => g.scale(lossOf[type](terms), lossWeights[i] ?? 1));
    return losses.reduce((sum, loss) => g.add(sum, loss));
  });
}

const lossOf: { readonly [K in DpoLossType]: (terms: Terms) => Tensor } = {
  // DPO (arXiv 2305.18290, eq. 7): -log s(z), z = beta (c - r)
  sigmoid: ({ g, logits }) => g.neg(logSigmoid(g, logits)),

  // SLiC (arXiv 2305.10425) with DPO's reward: max(0, 1 - z)
  hinge: ({ g, logits }) => {
    const short = g.sub(g.scalar(1), logits);
    return g.where(g.op('Less', [g.scalar(0), short], {}), short, g.scalar(0));
  },

  // IPO (arXiv 2310.12036, eq. 17), by the mean of a token: (c / len - r / len - 1 / (2 beta))^2
  ipo: (terms) => {
    const { g, beta } = terms;
    return square(g, g.sub(perTokenScore(terms), g.scalar(1 / (2 * beta))));
  },

  // EXO (arXiv 2402.00856, eq. 16): KL of (s(z), s(-z)) from (1 - e, e)
  exo_pair: ({ g, logits, smoothing }) => {
    const side = (z: Tensor, target: number): Tensor =>
      g.mul(g.sigmoid(z), g.sub(logSigmoid(g, z), g.scalar(Math.log(target))));
    return g.add(side(logits, 1 - smoothing), side(g.neg(logits), smoothing));
  },

  // NCA (arXiv 2402.05369): -log s(beta c) - (log s(-beta c) + log s(-beta r)) / 2
  nca_pair: ({ g, beta, c, r }) => {
    const lowered = g.add(logSigmoid(g, g.scale(c, -beta)), logSigmoid(g, g.scale(r, -beta)));
    return g.neg(g.add(logSigmoid(g, g.scale(c, beta)), g.scale(lowered, 0.5)));
  },

  // Robust DPO (arXiv 2403.00409): (-(1 - e) log s(z) + e log s(-z)) / (1 - 2e)
  robust: ({ g, logits, smoothing }) => {
    const clean = g.scale(logSigmoid(g, logits), smoothing - 1);
    const flipped = g.scale(logSigmoid(g, g.neg(logits)), smoothing);
    return g.scale(g.add(clean, flipped), 1 / (1 - 2 * smoothing));
  },

  // BCO (arXiv 2404.04656), in pairs and without its shift: -log s(beta c) - log s(-beta r)
  bco_pair: ({ g, beta, c, r }) => g.neg(g.add(logSigmoid(g, g.scale(c, beta)), logSigmoid(g, g.scale(r, -beta)))),

  // SPPO (arXiv 2405.00675, eq. 4.7) with probabilities 1 and 0: (c - 1 / (2 beta))^2 + (r + 1 / (2 beta))^2
  sppo_hard: ({ g, beta, c, r }) => {
    const target = g.scalar(1 / (2 * beta));
    return g.add(square(g, g.sub(c, target)), square(g, g.add(r, target)));
  },

  // AOT (arXiv 2406.05882): sorted differences of the policy against sorted differences of the reference
  aot: (terms) => {
    const { g, logProbs } = terms;
    const policy = g.sub(logProbs.chosen, logProbs.rejected);
    const reference = g.sub(logProbs.refChosen, logProbs.refRejected);
    return sortedPairCost(g, policy, reference, smoothedCost(terms));
  },

  // AOT, unpaired: sorted c against sorted r
  aot_unpaired: (terms) => sortedPairCost(terms.g, terms.c, terms.r, smoothedCost(terms)),

  // APO-zero (arXiv 2408.06266, eq. 7): 1 - s(beta c) + s(beta r)
  apo_zero: ({ g, beta, c, r }) => g.add(g.sigmoid(g.scale(c, -beta)), g.sigmoid(g.scale(r, beta))),

  // APO-down (eq. 8): s(beta c) + 1 - s(beta (c - r))
  apo_down: ({ g, beta, c, r }) => g.add(g.sigmoid(g.scale(c, beta)), g.sigmoid(g.scale(g.sub(c, r), -beta))),

  // DiscoPOP (arXiv 2406.08414, eq. 5): -(1 - m) log s(z) + m e^-z, m = s(z / tau). The product m e^-z is one
  // exponential, or it would be 0 * infinity for a pair that is far the wrong way round.
  discopop: ({ g, logits, tau }) => {
    const modulation = g.scale(logits, 1 / tau);
    const logistic = g.mul(g.sigmoid(g.neg(modulation)), logSigmoid(g, logits));
    return g.sub(g.exp(g.sub(logSigmoid(g, modulation), logits)), logistic);
  },

  // Cross-entropy on the chosen completions, token mean of the batch
  sft: ({ g, logProbs }) => g.expand(chosenNll(g, logProbs), logProbs.chosen.shape),

  // DPO by the mean of a token: -log s(beta (c / len - r / len))
  sigmoid_norm: (terms) => {
    const { g, beta } = terms;
    return g.neg(logSigmoid(g, g.scale(perTokenScore(terms), beta)));
  },
};

/** d -> -(1 - e) log s(beta d) - e log s(-beta d) */
function smoothedCost({ g, beta, smoothing }: Terms): (difference: Tensor) => Tensor {
  return (difference) => {
    const right = g.scale(logSigmoid(g, g.scale(difference, beta)), smoothing - 1);
    if (smoothing === 0) return right;
    return g.sub(right, g.scale(logSigmoid(g, g.scale(difference, -beta)), smoothing));
  };
}

function perTokenScore({ g, logProbs, chosenScore, rejectedScore }: Terms): Tensor {
  const chosen = perToken(g, chosenScore, logProbs.chosenLength);
  return g.sub(chosen, perToken(g, rejectedScore, logProbs.rejectedLength));
}

function square(g: GraphBuilder, x: Tensor): Tensor {
  return g.mul(x, x);
}

/** The recipe has been checked before; what fails here is a bug, and would otherwise train on NaN. */
function checkSettings({
  lossTypes,
  lossWeights,
  beta,
  labelSmoothing,
  fDivergenceType,
  discopopTau,
}: DpoLossSettings) {
  const refuse = (wrong: boolean, reason: string): void => {
    if (wrong) throw new Error(`DPO loss: ${reason}`);
  };
  refuse(lossTypes.length === 0, 'no loss type');
  refuse(lossTypes.length !== lossWeights.length, `${lossTypes.length} loss types, ${lossWeights.length} weights`);
  refuse(!(beta > 0), `beta is ${beta}, not above 0`);
  refuse(!(discopopTau > 0), `discopop_tau is ${discopopTau}, not above 0`);
  refuse(
    lossTypes.includes('exo_pair') && !(labelSmoothing > 0 && labelSmoothing < 1),
    `exo_pair with label_smoothing ${labelSmoothing}, not between 0 and 1`,
  );
  refuse(lossTypes.includes('robust') && labelSmoothing === 0.5, 'robust with label_smoothing 0.5 divides by 0');
  const undefinedFor = lossTypes.find((type) => !fDivergenceLossTypes.includes(type));
  refuse(fDivergenceType !== 'reverse_kl' && undefinedFor !== undefined, `${undefinedFor} with ${fDivergenceType}`);
}
