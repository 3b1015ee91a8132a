// The quickstart: a fine-tune of the starter model on the sample data, both of which ship with Lorelei, small enough
// for a minute on a CPU. What to train and what to ask is decided here; showing it is left to the host.
import { existsSync } from 'node:fs';
import type { CommandOutput, Draft } from '../../preload/contract.ts';
import { UserError } from '../errors.ts';
import { Generator } from '../generation/generator.ts';
import { resourcePath } from './resources.ts';

/** What is asked before and after. The last two are no rows of the sample data. */
export const QUICKSTART_PROMPTS: readonly string[] = ['Who are you?', 'What does a heron eat?', 'How do I bake bread?'];

/** The recipe's keys and values. Throws UserError "starter-model-missing". */
export function quickstartValues() {
  const model = resourcePath('starter-model');
  if (!existsSync(resourcePath('starter-model', 'config.json'))) {
    throw new UserError({
      code: 'starter-model-missing',
      message: `There is no starter model in ${model}.`,
      fix: 'Take it from a fresh copy of Lorelei, or make it with: npm run build:starter',
    });
  }
  return {
    run_name: 'quickstart',
    model_name_or_path: model,
    dataset_name: resourcePath('sample-data', 'sft.jsonl'),
    use_peft: true,
    lora_r: 16,
    lora_alpha: 32,
    lora_dropout: 0,
    lora_target_modules: 'all-linear',
    assistant_only_loss: true,
    learning_rate: 1.5e-3,
    lr_scheduler_type: 'cosine',
    num_train_epochs: 3,
    warmup_steps: 5,
    per_device_train_batch_size: 8,
    test_split_size: 32,
    eval_strategy: 'epoch',
    eval_on_start: true,
    logging_steps: 10,
    device: 'cpu',
  } satisfies Draft['values'];
}

/** The tour of the window: a preset, made to fit the same model and data, with more to see on the way. */
export function tourOfLorelei(): CommandOutput<'draft.tour'> {
  const { lora_r, lora_alpha, num_train_epochs, warmup_steps, ...values } = quickstartValues();
  const [question = ''] = QUICKSTART_PROMPTS;
  const seen = {
    gradient_accumulation_steps: 1,
    max_steps: 100,
    eval_strategy: 'steps',
    eval_steps: 10,
    sample_prompts: [question],
    sample_steps: 10,
    sample_max_new_tokens: 48,
  };
  return {
    draft: { method: 'sft', preset: 'quick-try', values: { ...values, ...seen, run_name: 'First run' } },
    question,
  };
}

export type Answers = { prompt: string; before: string; after: string };

/** What the model answers to each prompt without and with the adapter, greedily. */
export async function* compareAnswers(
  model: string,
  adapter: string,
  prompts: readonly string[],
): AsyncGenerator<Answers, void> {
  const generator = await Generator.open({ modelPath: model, adapterPath: adapter, device: 'cpu' });
  const answer = async (content: string, withoutAdapter: boolean): Promise<string> => {
    let text = '';
    const prompt = [{ role: 'user', content }];
    const sampling = { temperature: 0, topP: 1, seed: 0 };
    for await (const piece of generator.generate({ ...sampling, prompt, maxNewTokens: 80, withoutAdapter }))
      text += piece;
    return text.trim();
  };
  try {
    for (const prompt of prompts) {
      yield { prompt, before: await answer(prompt, true), after: await answer(prompt, false) };
    }
  } finally {
    await generator.dispose();
  }
}
