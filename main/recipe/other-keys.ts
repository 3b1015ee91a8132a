// The keys of every method that take no effect here, each with the reason: some only steer PyTorch and are noted, some
// would change the result and are refused unless they hold the value that changes nothing. A table.

/** Accepted whatever the value; the note goes into the run's events. Completes "<key>: …". */
export const NOTED_KEYS: Readonly<Record<string, string>> = {
  // Steering PyTorch's kernels, memory and processes
  ...Object.fromEntries(
    [
      'attn_implementation',
      'activation_offloading',
      'use_cache',
      'use_liger_kernel',
      'liger_kernel_config',
      'torch_compile',
      'torch_compile_backend',
      'torch_compile_mode',
      'torch_empty_cache_steps',
      'tf32',
      'gradient_checkpointing_kwargs',
      'activation_checkpointing_kwargs',
      'skip_memory_metrics',
      'debug',
      'bf16_full_eval',
      'fp16_full_eval',
      'prediction_loss_only',
      'eval_do_concat_batches',
      'eval_use_gather_object',
      'eval_accumulation_steps',
      'pad_to_multiple_of',
      'ignore_bias_buffers',
    ].map((key) => [key, 'only steers PyTorch; the result here is the same without it.']),
  ),
  ...Object.fromEntries(
    [
      'dataset_num_proc',
      'dataloader_num_workers',
      'dataloader_pin_memory',
      'dataloader_persistent_workers',
      'dataloader_prefetch_factor',
      'dataloader_multiprocessing_context',
      'dataloader_in_order',
      'remove_unused_columns',
      'length_column_name',
      'streaming',
      'dataset_streaming',
    ].map((key) => [key, 'only steers how PyTorch reads data; files are streamed here anyway.']),
  ),
  ...Object.fromEntries(
    [
      'accelerator_config',
      'accelerate_config',
      'parallelism_config',
      'num_processes',
      'num_machines',
      'deepspeed',
      'fsdp',
      'fsdp_config',
      'ddp_find_unused_parameters',
      'ddp_bucket_cap_mb',
      'ddp_broadcast_buffers',
      'ddp_static_graph',
      'ddp_backend',
      'ddp_timeout',
      'local_rank',
      'log_on_each_node',
      'save_on_each_node',
      'average_tokens_across_devices',
    ].map((key) => [key, 'only steers training on several GPUs; a run uses one device here.']),
  ),
  env: 'sets environment variables for Python; set them before starting Lorelei if it needs them.',
  trust_remote_code: 'there is no Python here to run; the architectures that are known need none.',
  // Of transformers before version 5
  ...Object.fromEntries(
    [
      'fp16_backend',
      'fp16_opt_level',
      'half_precision_backend',
      'include_tokens_per_second',
      'jit_mode_eval',
      'mp_parameters',
      'past_index',
      'ray_scope',
      'save_safetensors',
      'torchdynamo',
      'tpu_num_cores',
      'use_ipex',
      'use_mps_device',
    ].map((key) => [key, 'only steered PyTorch in older versions of transformers.']),
  ),
  // Logging and reporting
  ...Object.fromEntries(
    [
      'trackio_space_id',
      'trackio_bucket_id',
      'trackio_static_space_id',
      'include_num_input_tokens_seen',
      'log_level',
      'log_level_replica',
      'disable_tqdm',
    ].map((key) => [key, 'nothing is reported elsewhere; every step is kept in the history.']),
  ),
  logging_nan_inf_filter: 'a loss that is not finite always stops the run here.',
  full_determinism: 'a run is always deterministic here.',
  // Without effect on this kind of run
  pad_token: 'padding is masked by length here, so the token used for it does not matter.',
  bnb_4bit_quant_storage: 'only steers PyTorch; rounded weights lie in bytes here, with the same numbers.',
  shuffle_dataset: 'train_sampling_strategy: random already shuffles the rows anew in every epoch.',
  save_only_model: 'checkpoints always hold what is needed to resume.',
  enable_jit_checkpoint: 'a stop saves after the current step.',
  restore_callback_states_from_checkpoint: 'there are no callbacks to restore.',
  do_train: 'a run always trains.',
  do_eval: 'eval_strategy decides whether to evaluate.',
  do_predict: 'the adapter can be tried when it is trained.',
  hub_model_id: 'only matters with push_to_hub.',
  hub_private_repo: 'only matters with push_to_hub.',
  hub_strategy: 'only matters with push_to_hub.',
  hub_always_push: 'only matters with push_to_hub.',
  hub_revision: 'only matters with push_to_hub.',
  hub_token: 'only matters with push_to_hub.',
};

export type RefusedKey = {
  /** Values that change nothing and are accepted in silence. Null always is. */
  neutral: readonly unknown[];
  /** Why any other value is refused. Completes "<key>: <value> …". */
  reason: string;
  fix: string;
  commandLine?: string;
};

const notYet = (neutral: unknown[], what: string, fix: string): RefusedKey => ({
  neutral,
  reason: `asks for ${what}, which is not here yet`,
  fix,
});

/** Keys whose effect would be missed. */
export const REFUSED_KEYS: Readonly<Record<string, RefusedKey>> = {
  load_in_8bit: notYet(
    [false],
    'a base model in 8 bits',
    'Use load_in_4bit: true, which takes half as much; or remove load_in_8bit, and the model stays as it is stored.',
  ),
  lora_modules_to_save: {
    neutral: [[]],
    reason: 'asks to train whole layers beside LoRA, and servers such as vLLM refuse such adapters',
    fix: 'Remove lora_modules_to_save, or raise lora_r and use lora_target_modules: all-linear.',
  },
  // PEFT's name, which trl does not know.
  modules_to_save: {
    neutral: [[]],
    reason: 'asks to train whole layers beside LoRA, and servers such as vLLM refuse such adapters',
    fix: 'Remove modules_to_save, or raise lora_r and use lora_target_modules: all-linear.',
  },
  lora_target_parameters: notYet([[]], 'LoRA on single parameters', 'Use lora_target_modules instead.'),
  lora_task_type: {
    neutral: ['CAUSAL_LM'],
    reason: 'asks for another task than text generation',
    fix: 'Remove lora_task_type.',
  },
  model_revision: notYet(
    ['main'],
    'a revision of a model on the Hub',
    'Give model_name_or_path a local folder that holds this revision.',
  ),
  model_init_kwargs: { neutral: [{}], reason: 'holds arguments for a PyTorch model', fix: 'Remove model_init_kwargs.' },
  router_aux_loss_coef: notYet([0], 'mixture-of-experts models', 'Remove router_aux_loss_coef.'),
  dataset_config: notYet([], 'a dataset on the Hub', 'Give dataset_name local files and remove dataset_config.'),
  dataset_kwargs: { neutral: [{}], reason: 'holds arguments for a Python library', fix: 'Remove dataset_kwargs.' },
  label_smoothing_factor: notYet([0], 'label smoothing', 'Remove label_smoothing_factor.'),
  optim_args: {
    neutral: [''],
    reason: 'holds arguments for a PyTorch optimizer',
    fix: 'Use weight_decay, adam_beta1, adam_beta2 and adam_epsilon.',
  },
  optim_target_modules: notYet([[]], 'an optimizer for some layers only', 'Remove optim_target_modules.'),
  include_for_metrics: notYet([[]], 'metrics computed by Python code', 'Remove include_for_metrics.'),
  batch_eval_metrics: notYet([false], 'metrics computed by Python code', 'Remove batch_eval_metrics.'),
  label_names: notYet([[]], 'other label columns', 'Remove label_names; map columns with columns: instead.'),
  auto_find_batch_size: notYet(
    [false],
    'finding the batch size by trying',
    'Set per_device_train_batch_size and gradient_accumulation_steps.',
  ),
  ignore_data_skip: {
    neutral: [false],
    reason: 'asks to resume at the wrong place in the data',
    fix: 'Remove ignore_data_skip; a resumed run continues exactly where it stopped.',
  },
  resume_from_checkpoint: {
    neutral: [false],
    reason: 'asks to continue a run, which is a command here',
    fix: 'Remove it, and resume the run from its checkpoint.',
    commandLine: 'Remove it and use: lorelei resume RUN --checkpoint STEP (lorelei runs lists the runs).',
  },
  push_to_hub: notYet([false], 'uploading to the Hub', 'Remove push_to_hub and upload the folder output_dir yourself.'),
};

/** Names that older versions of TRL and transformers used, and what they are called now. */
export const RENAMED_KEYS: Readonly<Record<string, string>> = {
  max_seq_length: 'max_length',
  evaluation_strategy: 'eval_strategy',
  torch_dtype: 'dtype',
  model_name: 'model_name_or_path',
  dataset_path: 'dataset_name',
  data_files: 'dataset_name',
  batch_size: 'per_device_train_batch_size',
  epochs: 'num_train_epochs',
  lr: 'learning_rate',
  rank: 'lora_r',
  use_4bit: 'load_in_4bit',
};
