// Recipes as people write them for TRL, unchanged; test/parity/recipe_check.py lets TRL read the same files.
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parseRecipe } from '../../main/recipe/parse.ts';
import { readRecipeFile } from '../../main/recipe/yaml.ts';

const fixture = (name: string): Record<string, unknown> =>
  readRecipeFile(fileURLToPath(new URL(`fixtures/${name}`, import.meta.url)));

const noted = (key: string): unknown => expect.stringMatching(new RegExp(`^${key}: `));

test('a LoRA on chats, written for a GPU and Weights & Biases', () => {
  const { recipe, notes } = parseRecipe('sft', fixture('sft-lora-chat.yaml'));
  expect(recipe).toMatchObject({
    dataset_name: ['resources/sample-data/sft.jsonl'],
    device: 'auto',
    bf16: true,
    learning_rate: 2e-4,
    max_grad_norm: 0.3,
    gradient_checkpointing: true,
    optim: 'adamw_torch',
    warmup_steps: 0.03,
    neftune_noise_alpha: 5,
    assistant_only_loss: true,
    logging_first_step: true,
    load_best_model_at_end: true,
    metric_for_best_model: 'eval_loss',
    greater_is_better: false,
    save_total_limit: 1,
    report_to: [],
  });
  expect(notes).toEqual([
    noted('dtype'),
    expect.stringMatching(/^report_to: wandb is not available/),
    noted('attn_implementation'),
    noted('dataset_num_proc'),
    noted('gradient_checkpointing_kwargs'),
    noted('ddp_timeout'),
    noted('dataloader_num_workers'),
    noted('log_level'),
  ]);
});

test('packed rows with bitsandbytes and Liger kernels', () => {
  const { recipe, notes } = parseRecipe('sft', fixture('sft-packing.yaml'));
  expect(recipe).toMatchObject({
    use_rslora: true,
    lora_target_modules: 'all-linear',
    eos_token: '<|im_end|>',
    packing: true,
    packing_strategy: 'bfd',
    eval_packing: false,
    optim: 'adamw_8bit',
    lr_scheduler_type: 'cosine_with_min_lr',
    lr_scheduler_kwargs: { min_lr_rate: 0.1 },
    warmup_steps: 2,
    save_strategy: 'no',
    report_to: ['tensorboard'],
  });
  expect(notes).toEqual([
    expect.stringMatching(/^optim: paged_adamw_8bit .*adamw_8bit is used/),
    noted('attn_implementation'),
    noted('padding_free'),
    noted('use_liger_kernel'),
  ]);
});

test('preferences with a mixture of losses', () => {
  const { recipe, notes } = parseRecipe('dpo', fixture('dpo-lora.yaml'));
  expect(recipe).toMatchObject({
    dataset_name: ['resources/sample-data/dpo.jsonl'],
    beta: 0.1,
    loss_type: ['sigmoid', 'sft'],
    loss_weights: [1, 0.2],
    precompute_ref_batch_size: 16,
    learning_rate: 5e-6,
    eval_steps: 0.25,
    fp16: false,
    seed: 7,
  });
  expect(notes).toEqual([
    noted('dataset_num_proc'),
    noted('precompute_ref_log_probs'),
    noted('ref_model_sync_steps'),
    noted('save_only_model'),
  ]);
});
