// What differs between recipes, grouped as a person thinks of it. Keys that are the same in all of them are left out.

export type RecipeDiff = { title: string; rows: { key: string; values: string[] }[] }[];

/** In this order; a key belongs to the first group that knows it. */
const groups: readonly { title: string; keys: RegExp }[] = [
  {
    title: 'Model',
    keys: /^(method|model_name_or_path|adapter_name_or_path|.*chat_template.*|eos_token|load_in_4bit|bnb_4bit_.*|use_bnb_nested_quant|use_int4_blocks)$/,
  },
  {
    title: 'Data',
    keys: /^(eval_)?dataset|_dataset$|^test_split_size$|^max_length$|packing|_only_loss$|^truncation|^share_prefixes$|^dataloader|^train_sampling|^data_seed$/,
  },
  { title: 'Adapter', keys: /lora|pattern$|^use_dora$/ },
  {
    title: 'Preferences',
    keys: /^(beta|loss_type|loss_weights|label_smoothing|ld_alpha|cpo_alpha|simpo_gamma|use_weighting|precompute_ref.*|disable_dropout)$|divergence|^discopop/,
  },
  {
    title: 'Training',
    keys: /^(learning_rate|num_train_epochs|max_steps|gradient_.*|per_device_train.*|optim|adam_.*|weight_decay|max_grad_norm|warmup.*|lr_scheduler.*|neftune.*|seed|bf16|fp16|device)$/,
  },
  { title: 'Evaluation', keys: /eval|best|^early_stopping|^greater/ },
  { title: 'Other', keys: /./ },
];

/** They name one run alone, and differ always. */
const own = new Set(['output_dir', 'run_name', 'overwrite_output_dir', 'logging_dir']);

export function recipeDiff(recipes: readonly Readonly<Record<string, unknown>>[]): RecipeDiff {
  const keys = [...new Set(recipes.flatMap((recipe) => Object.keys(recipe)))].filter((key) => !own.has(key));
  const differing = keys.filter(
    (key) => new Set(recipes.map((recipe) => JSON.stringify(recipe[key] ?? null))).size > 1,
  );
  const groupOf = (key: string): string => groups.find((group) => group.keys.test(key))?.title ?? 'Other';
  const byGroup = Map.groupBy(differing, groupOf);
  return groups.flatMap(({ title }) => {
    const found = byGroup.get(title);
    if (found === undefined) return [];
    return [{ title, rows: found.map((key) => ({ key, values: recipes.map((recipe) => valueOf(recipe[key])) })) }];
  });
}

/** A value as a recipe file shows it; "–" where the method does not have the key. */
function valueOf(value: unknown): string {
  if (value === undefined || value === null) return '–';
  if (Array.isArray(value)) return value.map(valueOf).join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
