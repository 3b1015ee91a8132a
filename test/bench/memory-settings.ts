// The settings whose memory is measured: see memory-grid.ts, and test/training/memory-grid.test.ts, which holds the
// estimate to what was measured.
import type { RowSizes } from '../../main/data/row-sizes.ts';
import type { Method } from '../../main/recipe/recipe.ts';
import { type LlamaShape, type ModelShape, smolLm135M, smolLm360M } from './write-checkpoint.ts';

const shape = (
  [hidden, inner, layers, heads, kvHeads, width]: readonly [number, number, number, number, number, number],
  vocab: number,
): LlamaShape => ({
  ...smolLm135M,
  hidden_size: hidden,
  intermediate_size: inner,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  num_key_value_heads: kvHeads,
  head_dim: width,
  vocab_size: vocab,
});

export const memoryShapes = {
  m135: smolLm135M,
  m360: smolLm360M,
  /** Every head has keys of its own. */
  small: shape([512, 2048, 12, 8, 8, 64], 32_000),
  /** Few layers, wide, keys shared by four. */
  wide: shape([1024, 2816, 16, 16, 4, 64], 49_152),
  /** A large vocabulary for its size. */
  head: shape([768, 2048, 6, 12, 2, 64], 128_256),
  /** Norms around both parts of a layer, capped scores, a window in every other layer. */
  gemma: {
    model_type: 'gemma2',
    architectures: ['Gemma2ForCausalLM'],
    hidden_size: 640,
    intermediate_size: 2560,
    num_hidden_layers: 8,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    head_dim: 80,
    query_pre_attn_scalar: 80,
    sliding_window: 128,
    hidden_activation: 'gelu_pytorch_tanh',
    max_position_embeddings: 8192,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
    tie_word_embeddings: true,
    initializer_range: 0.02,
    vocab_size: 65_536,
  },
  /** Heads of queries and keys are normed. */
  qwen: {
    model_type: 'qwen3',
    architectures: ['Qwen3ForCausalLM'],
    hidden_size: 768,
    intermediate_size: 1920,
    num_hidden_layers: 14,
    num_attention_heads: 12,
    num_key_value_heads: 4,
    head_dim: 64,
    hidden_act: 'silu',
    max_position_embeddings: 8192,
    rms_norm_eps: 1e-6,
    rope_theta: 1e6,
    tie_word_embeddings: false,
    initializer_range: 0.02,
    vocab_size: 40_000,
  },
  /** Norms behind both parts of a layer, wide heads, no shared keys. */
  olmo: {
    model_type: 'olmo2',
    architectures: ['Olmo2ForCausalLM'],
    hidden_size: 896,
    intermediate_size: 2432,
    num_hidden_layers: 10,
    num_attention_heads: 7,
    num_key_value_heads: 7,
    hidden_act: 'silu',
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-6,
    rope_theta: 500_000,
    tie_word_embeddings: false,
    initializer_range: 0.02,
    vocab_size: 50_304,
  },
} as const satisfies Record<string, ModelShape>;

export type MemorySetting = {
  name: string;
  shape: keyof typeof memoryShapes;
  dtype?: 'F32' | 'BF16';
  method: Method;
  /** Rows, or pairs, of a micro-batch, and tokens of the longest row. */
  batch: number;
  length: number;
  /** Share of a row that has labels: the completion. */
  labelled: number;
  /** Rows of the data in each row of a batch, which packing fills with them; 1 where absent. */
  pieces?: number;
  /** Nothing of the estimate was taken from it. */
  heldOut?: true;
  /** Recipe keys. */
  values: Record<string, unknown>;
};
export type MeasuredSetting = MemorySetting & { peakBytes: number };

type Short = [MemorySetting['shape'], batch: number, length: number, labelled?: number];

const sft = ([shape, batch, length, labelled = 1]: Short, values: Record<string, unknown> = {}): MemorySetting => ({
  name: [shape, `${batch}x${length}`, labelled < 1 ? `${labelled} labelled` : '', ...words(values)]
    .filter(Boolean)
    .join(' '),
  shape,
  method: 'sft',
  batch,
  length,
  labelled,
  values,
});
const pairs =
  (method: 'dpo' | 'orpo' | 'simpo') =>
  (short: Short, values: Record<string, unknown> = {}): MemorySetting => {
    const setting = sft(short, values);
    return { ...setting, method, name: `${method} ${setting.name}` };
  };
const [dpo, orpo, simpo] = [pairs('dpo'), pairs('orpo'), pairs('simpo')];
const from16 = (setting: MemorySetting): MemorySetting => ({ ...setting, name: `${setting.name} bf16`, dtype: 'BF16' });

function words(values: Record<string, unknown>): string[] {
  return Object.entries(values).map(([key, value]) => (value === true ? key : `${key} ${String(value)}`));
}

const lean = { gradient_checkpointing: true };
const fourBit = { load_in_4bit: true };

/** Those that the estimate's few measured sizes (step-memory.ts) come from. */
const fitted: readonly MemorySetting[] = [
  sft(['m135', 1, 128]),
  sft(['m135', 2, 256]),
  sft(['small', 2, 256], lean),
  sft(['small', 2, 256], fourBit),
  sft(['small', 4, 512, 0.5]),
  sft(['small', 8, 64]),
  sft(['small', 2, 256], { lora_dropout: 0.1 }),
  sft(['small', 2, 256], { lora_r: 128 }),
  sft(['small', 2, 256], { ...fourBit, ...lean }),
  dpo(['small', 2, 128, 0.5]),
  sft(['head', 2, 256]),
  sft(['m135', 2, 256], lean),
  sft(['m135', 2, 128], fourBit),
  sft(['small', 1, 1024], lean),
  sft(['small', 2, 256], { lora_target_modules: ['q_proj', 'v_proj'] }),
  sft(['small', 2, 256], { lora_r: 128, optim: 'adamw_8bit' }),
  sft(['small', 2, 256], { lora_r: 128, optim: 'sgd' }),
  from16(sft(['small', 2, 256])),
  sft(['small', 2, 256], { ...lean, lora_r: 128 }),
  sft(['small', 4, 512, 0.3], lean),
  sft(['wide', 1, 256]),
  dpo(['small', 2, 128, 0.9], lean),
  sft(['head', 2, 256], lean),
  from16(sft(['wide', 1, 256], lean)),
  sft(['small', 1, 1024]),
  sft(['wide', 1, 256], { ...fourBit, ...lean, use_bnb_nested_quant: true }),
  sft(['small', 2, 256], { ...fourBit, use_int4_blocks: true }),
  sft(['small', 8, 64], lean),
  sft(['small', 4, 256], { ...lean, lora_dropout: 0.1 }),
  sft(['small', 2, 256], { use_dora: true }),
  sft(['small', 2, 256], { neftune_noise_alpha: 5 }),
  dpo(['small', 2, 128, 0.5], fourBit),
  sft(['small', 2, 256], { eval_strategy: 'steps', test_split_size: 0.5, per_device_eval_batch_size: 4 }),
  from16(sft(['m360', 1, 128], { ...fourBit, ...lean })),
];

/** Those that nothing of the estimate was taken from: other models, methods, optimizers and keys. */
const heldOut: readonly MemorySetting[] = [
  sft(['m135', 4, 64, 0.5]),
  sft(['m135', 1, 512, 0.3], lean),
  sft(['m135', 2, 256], { ...fourBit, ...lean }),
  sft(['gemma', 2, 256]),
  sft(['gemma', 2, 384, 0.5], lean),
  from16(sft(['gemma', 1, 256], fourBit)),
  sft(['qwen', 3, 160], { lora_r: 32, lora_target_modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj'] }),
  from16(sft(['qwen', 2, 256], { ...fourBit, ...lean })),
  dpo(['qwen', 2, 192, 0.3], lean),
  dpo(['small', 2, 128, 0.5], { share_prefixes: 'off' }),
  orpo(['small', 2, 128, 0.5]),
  orpo(['small', 4, 192, 0.3], lean),
  simpo(['qwen', 1, 192, 0.5], { cpo_alpha: 0 }),
  { ...sft(['small', 2, 384], { packing: true }), pieces: 4 },
  sft(['small', 3, 192], { optim: 'lion_32bit', lora_r: 96 }),
  sft(['wide', 2, 128], { ...lean, optim: 'adafactor', lora_r: 64 }),
  sft(['small', 2, 256], { ...lean, use_dora: true }),
  sft(['qwen', 1, 256], { ...fourBit, ...lean, use_dora: true, lora_dropout: 0 }),
  sft(['small', 2, 192], { init_lora_weights: 'pissa_niter_4' }),
  sft(['small', 1, 256], { gradient_accumulation_steps: 4, neftune_noise_alpha: 5 }),
  sft(['qwen', 2, 128], { ...lean, sample_prompts: ['once upon a time'], sample_max_new_tokens: 16 }),
  sft(['olmo', 2, 224]),
  from16(sft(['olmo', 3, 320, 0.4], lean)),
  from16(sft(['m360', 1, 192])),
  sft(['head', 1, 384, 0.2], fourBit),
  dpo(['gemma', 1, 160, 0.4]),
  simpo(['m135', 1, 128, 0.5], { ...fourBit, ...lean }),
];

export const memoryGrid: readonly MemorySetting[] = [
  ...fitted,
  ...heldOut.map((setting) => ({ ...setting, heldOut: true as const })),
];

/** The keys of a setting's recipe, but for its model and its data. */
export function gridRecipe({ batch, length, values }: MemorySetting): Record<string, unknown> {
  return {
    use_peft: true,
    per_device_train_batch_size: batch,
    max_length: length,
    lora_target_modules: 'all-linear',
    max_steps: 2,
    save_strategy: 'no',
    eval_strategy: 'no',
    ...values,
  };
}

/** What the rows of a setting are like. */
export function gridSizes({ method, batch, length, labelled, pieces = 1 }: MemorySetting): RowSizes {
  const rows = 4 * batch * pieces;
  const longest = Math.floor(length / pieces);
  const prompt = Math.round(longest * (1 - labelled));
  const answer = longest - prompt;
  const labels = method === 'sft' ? answer : 2 * answer;
  const joined = prompt + 2 * answer;
  return {
    ...{ rows, mean: longest, longest, meanLabels: labels, mostLabels: labels },
    ...(method !== 'sft' && { joined: { mean: joined, longest: joined, shortestPrompt: prompt } }),
  };
}
