// Writes recipes of every method as YAML, and beside each what it means to Lorelei, for recipe_check.py to compare with
// what TRL reads.
// Usage: node test/parity/write-recipes.ts OUTPUT_FOLDER
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseRecipe } from '../../main/recipe/parse.ts';
import { methods, type Method } from '../../main/recipe/recipe.ts';
import { writeRecipe } from '../../main/recipe/yaml.ts';

const base = { model_name_or_path: 'model', dataset_name: ['/data/a.jsonl', '/data/b.csv'], use_peft: true };

const evaluated = { eval_strategy: 'steps', eval_steps: 50, save_steps: 100, load_best_model_at_end: true };

const recipes: Record<string, [Method, Record<string, unknown>]> = {
  'sft-defaults': ['sft', {}],
  'sft-all': [
    'sft',
    {
      ...evaluated,
      bf16: false,
      fp16: false,
      lora_target_modules: 'all-linear',
      use_rslora: true,
      use_dora: true,
      test_split_size: 0.1,
      eos_token: '</s>',
      truncation_mode: 'keep_end',
      packing: true,
      packing_strategy: 'bfd_split',
      eval_packing: false,
      completion_only_loss: true,
      loss_type: 'dft',
      neftune_noise_alpha: 5,
      optim: 'paged_adamw_8bit',
      learning_rate: 1e-7,
      lr_scheduler_type: 'cosine_with_min_lr',
      lr_scheduler_kwargs: { min_lr_rate: 0.1 },
      warmup_ratio: 0.03,
      report_to: ['tensorboard', 'mlflow'],
      project: 'letters',
      run_name: 'yes',
      logging_strategy: 'epoch',
      logging_first_step: true,
      eval_delay: 20,
      metric_for_best_model: 'mean_token_accuracy',
      greater_is_better: true,
      save_total_limit: 2,
      dataloader_drop_last: true,
      output_dir: '/out/no',
      data_seed: 7,
    },
  ],
  'sft-ours': [
    'sft',
    {
      adapter_name_or_path: 'adapter',
      device: 'cpu',
      template: 'alpaca',
      columns: { instruction: 'question' },
      sample_prompts: ['Who?', [{ role: 'user', content: 'What?' }]],
      sample_steps: 10,
      loraplus_lr_ratio: 16,
      max_length: null,
      report_to: 'all',
    },
  ],
  'dpo-defaults': ['dpo', {}],
  'dpo-all': [
    'dpo',
    {
      ...evaluated,
      lora_target_modules: ['q_proj'],
      rank_pattern: { q_proj: 8 },
      loss_type: ['sigmoid', 'robust', 'sft'],
      loss_weights: [0.8, 0.2, 1],
      use_weighting: true,
      beta: 0.5,
      label_smoothing: 0.1,
      f_divergence_type: 'reverse_kl',
      ld_alpha: 0.3,
      disable_dropout: false,
      precompute_ref_batch_size: 16,
      test_split_size: 0.05,
      optim: 'lion',
      lr_scheduler_type: 'warmup_stable_decay',
      lr_scheduler_kwargs: { num_decay_steps: 10 },
      metric_for_best_model: 'rewards/margins',
      max_length: 2048,
      bf16: false,
    },
  ],
  'orpo-defaults': ['orpo', {}],
  'orpo-all': ['orpo', { ...evaluated, beta: 0.25, disable_dropout: false, metric_for_best_model: 'log_odds_ratio' }],
  'simpo-defaults': ['simpo', {}],
  'simpo-all': [
    'simpo',
    {
      ...evaluated,
      loss_type: 'simpo',
      beta: 2.5,
      simpo_gamma: 1.4,
      cpo_alpha: 0,
      label_smoothing: 0.1,
      max_length: 512,
    },
  ],
};

const folder = process.argv[2];
if (folder === undefined) throw new Error('usage: node write-recipes.ts OUTPUT_FOLDER');
mkdirSync(folder, { recursive: true });
for (const [name, [method, keys]] of Object.entries(recipes)) {
  const { recipe } = parseRecipe<Method>(method, { ...base, ...keys });
  writeFileSync(join(folder, `${name}.yaml`), writeRecipe(recipe));
  writeFileSync(join(folder, `${name}.json`), JSON.stringify({ recipe, ownKeys: methods[method].ownKeys }));
}
