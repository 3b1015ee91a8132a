// SimPO, arXiv:2405.14734: the keys of TRL's experimental CPOConfig, whose loss_type simpo it is, beside the shared ones.
import { z } from 'zod';
import { choice, number } from './fields.ts';
import type { MethodDefinition } from './method.ts';
import {
  checkDropout,
  dropoutKeys,
  PREFERENCE_METRICS,
  preferenceLearningRate,
  WITHOUT_REFERENCE,
} from './preference-keys.ts';
import { checkShared } from './shared-checks.ts';
import { dataKeys, loggingKeys, modelKeys, SHARED_CARD_KEYS, trainingKeys } from './shared-keys.ts';

const shape = {
  ...modelKeys,
  ...dataKeys,
  /** CPOConfig's word for SimPO; its own default is another method. */
  loss_type: choice(['simpo']).default('simpo'),
  /** How much a lead in the mean log-probability of a token counts. */
  beta: number({ above: 0, example: '2.0' }).default(0.1),
  /** The lead, times beta, that a better answer should have. */
  simpo_gamma: number({ from: 0, example: '1.0' }).default(0.5),
  /** Weight of the cross-entropy on the better answers; 0 is SimPO as published. */
  cpo_alpha: number({ from: 0, example: '0' }).default(1),
  /** How often a pair is assumed to be the wrong way round. */
  label_smoothing: number({ from: 0, below: 1, example: '0.1' }).default(0),
  ...dropoutKeys,
  ...trainingKeys,
  ...preferenceLearningRate,
  ...loggingKeys,
};

const schema = z.object({ method: z.literal('simpo'), ...shape });

/** A checked SimPO recipe: every default filled in. */
export type SimpoRecipe = z.infer<typeof schema>;

export const simpo: MethodDefinition<SimpoRecipe> = {
  title: 'Simple preference optimization (SimPO)',
  purpose: 'fine-tune a model on pairs of a better and a worse answer, by the likelihood of their tokens',
  trlName: "TRL's CPOConfig",
  shape,
  schema,
  ...WITHOUT_REFERENCE,
  refused: {
    ...WITHOUT_REFERENCE.refused,
    alpha: {
      neutral: [0],
      reason: "asks for AlphaPO's rewards, which are not here",
      fix: 'Remove alpha.',
    },
  },
  translate() {
    // Nothing is worded differently.
  },
  evalMetrics: [...PREFERENCE_METRICS, 'nll_loss'],
  cardKeys: ['beta', 'simpo_gamma', 'cpo_alpha', 'label_smoothing', ...SHARED_CARD_KEYS],
  check(recipe, context) {
    checkShared(recipe, simpo.evalMetrics, context);
    checkDropout(recipe, 'SimPO', context);
  },
};
