// Supervised fine-tuning: the keys of `trl sft` beside the shared ones, and what they must agree on.
import { z } from 'zod';
import { choice, flag, number, text } from './fields.ts';
import type { CheckContext, MethodDefinition } from './method.ts';
import { conflict } from './problems.ts';
import { checkShared } from './shared-checks.ts';
import { dataKeys, loggingKeys, modelKeys, SHARED_CARD_KEYS, SHARED_OWN_KEYS, trainingKeys } from './shared-keys.ts';
import { renameValue } from './translate.ts';

const shape = {
  ...modelKeys,
  ...dataKeys,
  dataset_text_field: text('text').default('text'),
  /** A Jinja file, or a folder with a tokenizer, whose chat template is used instead of the model's. */
  chat_template_path: text('chat_template.jinja').optional(),
  /** Unset: true for rows of prompt and completion. */
  completion_only_loss: flag().optional(),
  assistant_only_loss: flag().default(false),
  /** Put several rows into one of max_length tokens; they never see each other. */
  packing: flag().default(false),
  /** bfd: best fit decreasing, cuts what is too long; bfd_split: puts the rest into a row of its own; wrapped: cuts anywhere. */
  packing_strategy: choice(['bfd', 'bfd_split', 'wrapped']).default('bfd'),
  /** Unset: packing. */
  eval_packing: flag().optional(),
  /** nll: the mean over labels; dft: weighted by their probability (arXiv:2508.05629). */
  loss_type: choice(['nll', 'dft']).default('nll'),
  /** Noise on the embeddings, arXiv:2310.05914; unset: none. */
  neftune_noise_alpha: number({ from: 0, example: '5' }).optional(),
  ...trainingKeys,
  ...loggingKeys,
};

const schema = z.object({ method: z.literal('sft'), ...shape });

/** A checked SFT recipe: every default filled in. */
export type SftRecipe = z.infer<typeof schema>;

function check(recipe: SftRecipe, context: CheckContext): void {
  checkShared(recipe, sft.evalMetrics, context);
  const { packing, eval_packing: evalPacking, max_length: maxLength } = recipe;
  if ((packing || evalPacking === true) && maxLength === null) {
    throw conflict(
      `${packing ? 'packing' : 'eval_packing'} is true and max_length is null, but packed rows need a length to fill.`,
      'Set max_length to the length of the packed rows, for example: max_length: 1024',
    );
  }
  if (!packing && evalPacking !== true && context.isSet('packing_strategy')) {
    context.note('packing_strategy: only matters with packing: true.');
  }
  if (recipe.assistant_only_loss && recipe.completion_only_loss === false) {
    throw conflict(
      'assistant_only_loss is true and completion_only_loss is false, so one asks for the answers only and one for whole rows.',
      'Remove completion_only_loss to train on the answers, or assistant_only_loss to train on whole rows.',
    );
  }
}

export const sft: MethodDefinition<SftRecipe> = {
  title: 'Supervised fine-tuning (SFT)',
  purpose: 'fine-tune a model on examples',
  trlName: 'trl sft',
  shape,
  schema,
  ownKeys: SHARED_OWN_KEYS,
  noted: {
    padding_free: 'rows of a batch fill its padding here anyway, without seeing each other.',
  },
  refused: {},
  removed: {},
  translate(values, note) {
    renameValue(values, 'loss_type', { chunked_nll: 'nll' });
    renameValue(values, 'packing_strategy', { 'bfd-requeue': 'bfd_split' }, note);
  },
  evalMetrics: ['loss', 'mean_token_accuracy'],
  cardKeys: [...SHARED_CARD_KEYS, 'packing', 'loss_type', 'neftune_noise_alpha'],
  check,
};
