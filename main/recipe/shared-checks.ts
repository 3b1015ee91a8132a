// What the shared keys of a recipe must agree on, whatever the method. Throws before anything is loaded.
import { checkScheduleArguments } from '../engine/optim/schedule.ts';
import { bestMetric, evaluates, seeksBest } from './evaluation.ts';
import type { CheckContext } from './method.ts';
import { badValue, conflict } from './problems.ts';
import type { SharedRecipe } from './shared-keys.ts';

/** `evalMetrics` are the method's metrics of an evaluation, without eval_. */
export function checkShared(recipe: SharedRecipe, evalMetrics: readonly string[], context: CheckContext): void {
  checkPrecision(recipe);
  checkScheduleArguments(recipe.lr_scheduler_type, recipe.lr_scheduler_kwargs, recipe.learning_rate);
  checkLora(recipe, context);
  checkFourBit(recipe, context);
  checkEvaluation(recipe, context);
  checkBest(recipe, evalMetrics, context);
  if (recipe.sample_prompts === undefined) {
    for (const key of ['sample_steps', 'sample_max_new_tokens']) {
      if (context.isSet(key)) context.note(`${key}: only matters with sample_prompts.`);
    }
  }
  if (recipe.logging_dir !== undefined && recipe.report_to !== 'all' && !recipe.report_to.includes('tensorboard')) {
    context.note('logging_dir: only matters with report_to: tensorboard.');
  }
}

function checkPrecision({ bf16, fp16 }: SharedRecipe): void {
  if (bf16 !== true || fp16 !== true) return;
  throw conflict(
    'The recipe sets both bf16 and fp16 to true, and a run computes in one of them.',
    'Keep bf16: true where the device has it, else fp16: true.',
  );
}

function checkLora(recipe: SharedRecipe, { note }: CheckContext): void {
  const { adapter_name_or_path: adapter, init_lora_weights: start } = recipe;
  if (adapter !== undefined) {
    const overridden = (
      [
        ['init_lora_weights', start !== true],
        ['use_dora', recipe.use_dora],
        ['rank_pattern', Object.keys(recipe.rank_pattern).length > 0],
        ['alpha_pattern', Object.keys(recipe.alpha_pattern).length > 0],
      ] as const
    ).find(([, isUsed]) => isUsed)?.[0];
    if (overridden !== undefined) {
      throw conflict(
        `The recipe sets both adapter_name_or_path and ${overridden}, but an adapter that is continued keeps what it is.`,
        `Remove ${overridden}, or remove adapter_name_or_path to start a new adapter.`,
      );
    }
    note(
      'adapter_name_or_path: rank, alpha, dropout and target modules are those of the adapter; the lora_ keys do not count.',
    );
  }
  for (const key of ['rank_pattern', 'alpha_pattern'] as const) {
    const broken = Object.keys(recipe[key]).find((pattern) => !isRegularExpression(pattern));
    if (broken !== undefined) {
      throw badValue(
        key,
        recipe[key],
        `a mapping of layer names or regular expressions, and ${broken} is neither`,
        '{q_proj: 8}',
      );
    }
  }
}

function checkFourBit(recipe: SharedRecipe, { note, isSet }: CheckContext): void {
  if (!recipe.load_in_4bit) {
    for (const key of ['bnb_4bit_quant_type', 'use_bnb_nested_quant', 'use_int4_blocks']) {
      if (isSet(key)) note(`${key}: only matters with load_in_4bit.`);
    }
    return;
  }
  const { init_lora_weights: start } = recipe;
  if (typeof start === 'string' && start.startsWith('pissa')) {
    throw conflict(
      `The recipe sets both load_in_4bit and init_lora_weights: ${start}, which takes the largest part off weights that are not rounded; PEFT refuses it as well.`,
      'Remove init_lora_weights, or remove load_in_4bit.',
    );
  }
  const bitsandbytes = ['bnb_4bit_quant_type', 'use_bnb_nested_quant'].find((key) => isSet(key));
  if (recipe.use_int4_blocks && bitsandbytes !== undefined) {
    throw conflict(
      `The recipe sets both use_int4_blocks and ${bitsandbytes}, which say how to round to four bits in two ways.`,
      `Remove ${bitsandbytes}, or remove use_int4_blocks to round as bitsandbytes does.`,
    );
  }
}

function isRegularExpression(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}

function checkEvaluation(recipe: SharedRecipe, { note, isSet }: CheckContext): void {
  if (recipe.eval_dataset_name !== undefined && recipe.test_split_size !== undefined) {
    throw conflict(
      'The recipe sets both eval_dataset_name and test_split_size.',
      'Keep the one that says where evaluation rows come from.',
    );
  }
  const hasRows = recipe.eval_dataset_name !== undefined || recipe.test_split_size !== undefined;
  if (hasRows && !evaluates(recipe)) {
    note('Rows are set aside for evaluation, but eval_strategy is no, so they are never evaluated.');
  }
  if (recipe.eval_strategy !== 'no') return;
  for (const key of ['eval_steps', 'eval_delay']) {
    if (isSet(key)) note(`${key}: only matters with eval_strategy.`);
  }
}

function checkBest(recipe: SharedRecipe, evalMetrics: readonly string[], { note, isSet }: CheckContext): void {
  if (!seeksBest(recipe)) {
    for (const key of ['metric_for_best_model', 'greater_is_better']) {
      if (isSet(key)) {
        note(`${key}: only matters with load_best_model_at_end, early_stopping_patience or save_strategy: best.`);
      }
    }
  } else {
    const asking =
      recipe.early_stopping_patience !== undefined
        ? `early_stopping_patience: ${recipe.early_stopping_patience}`
        : recipe.load_best_model_at_end
          ? 'load_best_model_at_end: true'
          : 'save_strategy: best';
    if (recipe.eval_strategy === 'no') {
      throw conflict(
        `${asking} compares evaluations, but eval_strategy is no.`,
        'Set eval_strategy to steps or epoch, and test_split_size or eval_dataset_name for the rows.',
      );
    }
    const { metric } = bestMetric(recipe);
    if (!evalMetrics.includes(metric.slice('eval_'.length))) {
      throw badValue('metric_for_best_model', recipe.metric_for_best_model, `one of ${evalMetrics.join(', ')}`, 'loss');
    }
  }
  if (recipe.early_stopping_patience === undefined && isSet('early_stopping_threshold')) {
    note('early_stopping_threshold: only matters with early_stopping_patience.');
  }
}
