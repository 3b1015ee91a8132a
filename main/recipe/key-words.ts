// What each recipe key is called on a screen, which group it stands in, and what it does: the words of docs/recipe.md,
// which a test holds to this table. "ours" marks keys that TRL does not have.
import type { Method } from './recipe.ts';

export type KeyWords = { label: string; does: string };

/** In the order in which a form shows them. */
export const KEY_GROUPS = ['Method', 'Model and LoRA', 'Data', 'Training', 'Logging, evaluation, checkpoints'] as const;
export type KeyGroup = (typeof KEY_GROUPS)[number];

/** Keys of every method. */
const shared: Readonly<Record<Exclude<KeyGroup, 'Method'>, Readonly<Record<string, KeyWords>>>> = {
  'Model and LoRA': {
    model_name_or_path: {
      label: 'Model',
      does: 'folder of the model (`config.json`, `*.safetensors`, `tokenizer.json`), a GGUF file, or `owner/name` of the Hub',
    },
    adapter_name_or_path: {
      label: 'Adapter to continue',
      does: 'ours: a PEFT adapter to continue; its rank, alpha and layers count, so it cannot be combined with `use_dora`, `init_lora_weights`, `rank_pattern` and `alpha_pattern`',
    },
    device: {
      label: 'Device',
      does: 'ours: `auto`, or a device that is found on this machine; of several GPUs `cuda:1` is the second and `cuda` the first that is free',
    },
    bf16: {
      label: 'Compute in bfloat16',
      does: 'multiply in bfloat16, everything between products in float32 (as `torch.autocast`): `true`, `false`, or `auto`, where a trial has shown that the device does',
    },
    fp16: {
      label: 'Compute in float16',
      does: 'the same in float16, with a dynamic loss scale: `true`, `false`, or `auto`, where a trial has shown that the device does and bfloat16 is not there; not together with `bf16: true`',
    },
    load_in_4bit: {
      label: 'Base model in 4 bits (QLoRA)',
      does: 'round the linear layers of the base model to four bits, once, and train the adapter on that: about a third of the memory of 16 bits; not with `init_lora_weights: pissa`',
    },
    bnb_4bit_quant_type: {
      label: 'Kind of 4 bits',
      does: '`nf4`, whose 16 values follow how weights are spread, or `fp4`; both as bitsandbytes rounds them',
    },
    use_bnb_nested_quant: {
      label: 'Round the scales as well',
      does: 'double quantisation: 4.13 instead of 4.5 bits a weight',
    },
    use_int4_blocks: {
      label: 'Evenly spaced 4 bits',
      does: 'ours: 16 evenly spaced values in blocks of 32 instead of `bnb_4bit_quant_type`, for devices that are faster with them; 5 bits a weight',
    },
    lora_r: { label: 'LoRA rank', does: 'rank' },
    lora_alpha: { label: 'LoRA alpha', does: 'scale: the update counts alpha / rank times' },
    lora_dropout: {
      label: 'LoRA dropout',
      does: 'dropout on what goes into A; without effect in `dpo`, `orpo` and `simpo` unless `disable_dropout: false`',
    },
    lora_target_modules: {
      label: 'Layers with LoRA',
      does: 'layer names or `all-linear`; unset: what PEFT chooses for the model',
    },
    use_rslora: { label: 'Rank-stabilised scale (rsLoRA)', does: 'scale by alpha / sqrt(rank)' },
    use_dora: { label: 'DoRA', does: 'learn magnitudes beside directions (DoRA)' },
    init_lora_weights: {
      label: 'Start of A and B',
      does: "ours, PEFT's name: `true` (A random, B zero), `gaussian`, `pissa`, or `pissa_niter_16`, which is faster and approximate",
    },
    rank_pattern: { label: 'Ranks by layer', does: "ours, PEFT's name: layers with another rank, `{q_proj: 32}`" },
    alpha_pattern: { label: 'Alphas by layer', does: "ours, PEFT's name: layers with another alpha" },
    loraplus_lr_ratio: {
      label: 'Faster B (LoRA+)',
      does: "ours, PEFT's name: B learns this many times faster than A (LoRA+), at least 1",
    },
  },
  Data: {
    dataset_name: {
      label: 'Training data',
      does: "file, glob, folder or a list of them; TRL's `datasets:` list is read as well, for local files",
    },
    eval_dataset_name: { label: 'Evaluation data', does: 'ours: files to evaluate on, instead of `test_split_size`' },
    dataset_train_split: {
      label: 'Name of the training split',
      does: 'in a folder, files named after this split are trained on',
    },
    dataset_test_split: {
      label: 'Name of the evaluation split',
      does: 'in a folder, files named after this split are evaluated on',
    },
    test_split_size: {
      label: 'Rows set aside for evaluation',
      does: 'share (below 1) or number of the rows to set aside for evaluation',
    },
    columns: {
      label: 'Columns',
      does: 'ours: which column of the file is which: `{instruction: question, output: answer}`',
    },
    template: {
      label: 'Template',
      does: 'ours: how rows become text: `model` (its chat template), `chatml`, `alpaca`, `none`',
    },
    eos_token: {
      label: 'End token',
      does: "the token that ends a text; unset: the tokenizer's. Ours in `dpo`, `orpo`, `simpo`",
    },
    max_length: { label: 'Longest row', does: 'tokens kept of a row; `null` keeps all' },
    truncation_mode: {
      label: 'End that stays',
      does: 'which end of a row that is too long stays: `keep_start`, `keep_end`. Ours in `orpo`, `simpo`',
    },
  },
  Training: {
    train_sampling_strategy: {
      label: 'Order of rows',
      does: 'order of the rows in each epoch: `random`, `sequential`, `group_by_length`',
    },
    dataloader_drop_last: {
      label: 'Leave out the last, smaller batch',
      does: 'leave out the rows that fill no whole batch',
    },
    share_prefixes: {
      label: 'Compute common beginnings once',
      does: 'ours: `auto` computes what rows of a batch begin with only once, with the same numbers; `off`',
    },
    learning_rate: { label: 'Learning rate', does: 'the highest rate of the schedule' },
    num_train_epochs: { label: 'Epochs', does: 'how often all rows are seen' },
    max_steps: { label: 'Steps', does: 'optimizer steps, instead of `num_train_epochs`' },
    per_device_train_batch_size: { label: 'Batch size', does: 'rows of a batch' },
    per_device_eval_batch_size: { label: 'Batch size in evaluation', does: 'the same in evaluation' },
    gradient_accumulation_steps: { label: 'Batches per step', does: 'batches of one optimizer step' },
    gradient_checkpointing: {
      label: 'Save memory by recomputing',
      does: 'compute activations again instead of keeping them: less memory, more time',
    },
    optim: { label: 'Optimizer', does: '`adamw_torch`, `adamw_8bit`, `sgd`, `adafactor`, `lion_32bit`' },
    weight_decay: { label: 'Weight decay', does: 'decay of A and B' },
    adam_beta1: { label: 'Adam beta 1', does: "how slowly Adam's mean of gradients forgets" },
    adam_beta2: { label: 'Adam beta 2', does: "how slowly Adam's mean of squared gradients forgets" },
    adam_epsilon: { label: 'Adam epsilon', does: 'keeps Adam from dividing by zero' },
    max_grad_norm: { label: 'Largest gradient norm', does: 'gradients are scaled down to this norm; 0 leaves them' },
    lr_scheduler_type: {
      label: 'Schedule',
      does: '`linear`, `cosine`, `constant`, `constant_with_warmup`, `cosine_with_restarts`, `cosine_with_min_lr`, `cosine_warmup_with_min_lr`, `polynomial`, `inverse_sqrt`, `warmup_stable_decay`',
    },
    lr_scheduler_kwargs: {
      label: 'Arguments of the schedule',
      does: "arguments of the schedule, by transformers' names: `{min_lr_rate: 0.1}`",
    },
    warmup_steps: { label: 'Warm-up', does: 'steps, or, below 1, a share of all steps' },
    seed: { label: 'Seed', does: "of LoRA's start, dropout and the split" },
    data_seed: { label: 'Seed of the order of rows', does: 'of the order of rows; unset: `seed`' },
  },
  'Logging, evaluation, checkpoints': {
    logging_strategy: {
      label: 'When to log',
      does: '`steps`, `epoch`, `no`; the history keeps the loss of every step anyway',
    },
    logging_steps: { label: 'Log every', does: 'steps between two rows of the log' },
    logging_first_step: { label: 'Log the first step', does: 'log the first step too' },
    report_to: { label: 'Trackers', does: '`none`, `all` or a list of `comet_ml`, `tensorboard`, `mlflow`' },
    logging_dir: {
      label: 'Folder of TensorBoard files',
      does: "ours (transformers 4 had it): folder of TensorBoard's files",
    },
    project: { label: 'Project in trackers', does: 'the project that trackers file the run under' },
    run_name: { label: 'Name of the run', does: 'what the run is called, here and in trackers' },
    eval_strategy: { label: 'When to evaluate', does: '`no`, `steps`, `epoch`' },
    eval_steps: { label: 'Evaluate every', does: 'unset: `logging_steps`' },
    eval_delay: {
      label: 'First evaluation after',
      does: 'steps (or epochs, with `eval_strategy: epoch`) before the first evaluation',
    },
    eval_on_start: { label: 'Evaluate before the first step', does: 'evaluate before the first step' },
    save_strategy: {
      label: 'When to save',
      does: '`no`, `steps`, `epoch`, or `best`: at every evaluation that beats all before',
    },
    save_steps: { label: 'Save every', does: 'steps between two checkpoints' },
    save_total_limit: { label: 'Checkpoints kept', does: 'checkpoints kept, the best among them' },
    load_best_model_at_end: {
      label: 'Result is the best checkpoint',
      does: 'the result is the best checkpoint, not the last step',
    },
    metric_for_best_model: {
      label: 'Metric for the best',
      does: 'a metric of the evaluation, with or without `eval_`; unset: `loss`',
    },
    greater_is_better: { label: 'Greater is better', does: "unset: true unless the metric's name ends with `loss`" },
    early_stopping_patience: {
      label: 'Patience',
      does: 'ours: end after so many evaluations in a row that are not better',
    },
    early_stopping_threshold: {
      label: 'Least improvement',
      does: 'ours: how much better an evaluation must be to count',
    },
    sample_prompts: {
      label: 'Prompts answered while training',
      does: 'ours: texts or lists of messages to answer during training',
    },
    sample_steps: {
      label: 'Answer them every',
      does: 'ours: how often; unset: at every evaluation, or, without evaluation, at the end',
    },
    sample_max_new_tokens: { label: 'Longest of these answers', does: 'ours: longest answer' },
    output_dir: {
      label: 'Folder of the adapter',
      does: "where the finished adapter goes; unset: the run's own folder",
    },
    overwrite_output_dir: {
      label: 'Replace an adapter there',
      does: 'ours (transformers 4 had it): replace an adapter that lies in `output_dir`',
    },
  },
};

/** Keys of one method, and what a key of all means there. */
const own: Readonly<Record<Method, Readonly<Record<string, KeyWords>>>> = {
  sft: {
    dataset_text_field: { label: 'Column of plain text', does: 'the column of plain text' },
    chat_template_path: {
      label: 'Chat template file',
      does: "a Jinja file, or a folder with a tokenizer, whose chat template is used instead of the model's",
    },
    completion_only_loss: {
      label: 'Learn only from completions',
      does: 'train on the completion only; unset: in rows of prompt and completion',
    },
    assistant_only_loss: {
      label: 'Learn only from the assistant',
      does: 'train on what the assistant says only; not with `completion_only_loss: false`',
    },
    packing: {
      label: 'Pack rows together',
      does: 'put several rows into one of `max_length` tokens; they never see each other',
    },
    packing_strategy: {
      label: 'Way of packing',
      does: '`bfd` (best fit, cuts what is too long), `bfd_split` (the rest becomes a row of its own), `wrapped` (cuts anywhere)',
    },
    eval_packing: { label: 'Pack in evaluation', does: 'unset: as `packing`' },
    loss_type: { label: 'Loss', does: '`nll`, or `dft`: each token weighs as likely as it is' },
    neftune_noise_alpha: { label: 'Noise on embeddings (NEFTune)', does: 'noise on the embeddings (NEFTune)' },
  },
  dpo: {
    loss_type: {
      label: 'Loss',
      does: 'one or several of `sigmoid`, `hinge`, `ipo`, `exo_pair`, `nca_pair`, `robust`, `bco_pair`, `sppo_hard`, `aot`, `aot_unpaired`, `apo_zero`, `apo_down`, `discopop`, `sft`, `sigmoid_norm`',
    },
    loss_weights: { label: 'Weights of the losses', does: 'one weight for each loss; unset: 1' },
    beta: {
      label: 'Beta',
      does: 'how strongly the model is held to the reference; above 0 unless the only loss is `sft`',
    },
    label_smoothing: {
      label: 'Label smoothing',
      does: '`robust`: share of flipped preferences, below 0.5; `exo_pair`: above 0; `aot`, `aot_unpaired`: weight of the other order',
    },
    f_divergence_type: {
      label: 'Divergence',
      does: '`reverse_kl`, `forward_kl`, `js_divergence`, `alpha_divergence`; other than the first only with `sigmoid`, `sigmoid_norm`, `hinge`, `ipo`, `exo_pair`, `robust`, `discopop`, `sft`',
    },
    f_alpha_divergence_coef: { label: 'Alpha of the divergence', does: 'alpha of `alpha_divergence`' },
    ld_alpha: {
      label: 'Weight beyond the common length',
      does: 'weight of the tokens beyond the length that both answers share, 0 to 1',
    },
    discopop_tau: { label: 'DiscoPOP temperature', does: 'temperature of `discopop`' },
    use_weighting: {
      label: 'Weigh pairs (WPO)',
      does: 'WPO: each pair weighs as likely as the model itself would give its answers; not with `aot`, `aot_unpaired`',
    },
    disable_dropout: { label: 'Train without dropout', does: '`false` lets `lora_dropout` count' },
    precompute_ref_batch_size: {
      label: 'Batch size of the reference',
      does: 'batch size for the log-probabilities of the reference, which are computed once and kept',
    },
    learning_rate: {
      label: 'Learning rate',
      does: "TRL's default, made for training all weights; its own example of a LoRA takes `5e-6`",
    },
  },
  orpo: {
    beta: { label: 'Beta', does: "weight of the preference beside the cross-entropy: the paper's lambda" },
    disable_dropout: { label: 'Train without dropout', does: '`false` lets `lora_dropout` count' },
    learning_rate: {
      label: 'Learning rate',
      does: "TRL's default, made for training all weights; the paper's is `8e-6`",
    },
  },
  simpo: {
    loss_type: { label: 'Loss', does: '`simpo`: the CPOTrainer of TRL has other methods, too' },
    beta: {
      label: 'Beta',
      does: "how much a lead in the mean log-probability of a token counts; TRL's default, the paper's are `2.0` to `2.5`",
    },
    simpo_gamma: { label: 'Wanted lead (gamma)', does: 'the lead, times beta, that a chosen answer should have' },
    cpo_alpha: {
      label: 'Weight of the cross-entropy',
      does: "weight of the cross-entropy on the chosen answers; TRL's default, `0` is SimPO as published",
    },
    label_smoothing: { label: 'Label smoothing', does: 'share of pairs that are assumed to be the wrong way round' },
    disable_dropout: { label: 'Train without dropout', does: '`false` lets `lora_dropout` count' },
    learning_rate: { label: 'Learning rate', does: "TRL's default" },
  },
};

/** Words and group of a key of a method; undefined for a key that takes no effect there. */
export function keyWords(method: Method, key: string): (KeyWords & { group: KeyGroup }) | undefined {
  const mine = own[method][key];
  const group = KEY_GROUPS.slice(1).find((name) => name !== 'Method' && key in shared[name]) ?? 'Method';
  const words = mine ?? (group === 'Method' ? undefined : shared[group][key]);
  return words && { ...words, group };
}
