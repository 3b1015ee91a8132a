// ORPO, arXiv:2403.07691: the keys of TRL's experimental ORPOConfig beside the shared ones.
import { z } from 'zod';
import { number } from './fields.ts';
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
  /** Weight of the preference beside the cross-entropy: the paper's lambda. */
  beta: number({ from: 0, example: '0.1' }).default(0.1),
  ...dropoutKeys,
  ...trainingKeys,
  ...preferenceLearningRate,
  ...loggingKeys,
};

const schema = z.object({ method: z.literal('orpo'), ...shape });

/** A checked ORPO recipe: every default filled in. */
export type OrpoRecipe = z.infer<typeof schema>;

export const orpo: MethodDefinition<OrpoRecipe> = {
  title: 'Odds ratio preference optimization (ORPO)',
  purpose: 'fine-tune a model on the better answers of pairs and away from the worse ones, in one go',
  trlName: "TRL's ORPOConfig",
  shape,
  schema,
  ...WITHOUT_REFERENCE,
  translate() {
    // Nothing is worded differently.
  },
  evalMetrics: [...PREFERENCE_METRICS, 'nll_loss', 'log_odds_ratio', 'log_odds_chosen'],
  cardKeys: ['beta', ...SHARED_CARD_KEYS],
  check(recipe, context) {
    checkShared(recipe, orpo.evalMetrics, context);
    checkDropout(recipe, 'ORPO', context);
  },
};
