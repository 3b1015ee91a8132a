// The settings whose memory is measured: see memory-grid.ts, and test/training/memory-grid.test.ts, which holds the
// estimate to what was measured.
import { type LlamaShape, smolLm135M, smolLm360M } from './write-checkpoint.ts';

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
} as const satisfies Record<string, LlamaShape>;

export type MemorySetting = {
  name: string;
  shape: keyof typeof memoryShapes;
  dtype?: 'F32' | 'BF16';
  method: 'sft' | 'dpo';
  /** Rows, or pairs, of a micro-batch, and tokens of the longest row. */
  batch: number;
  length: number;
  /** Share of a row that has labels: the completion. */
  labelled: number;
  /** Rows in the data; four batches where absent. */
  rows?: number;
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
const dpo = (short: Short, values: Record<string, unknown> = {}): MemorySetting => {
  const setting = sft(short, values);
  return { ...setting, method: 'dpo', name: `dpo ${setting.name}` };
};
const from16 = (setting: MemorySetting): MemorySetting => ({ ...setting, name: `${setting.name} bf16`, dtype: 'BF16' });

function words(values: Record<string, unknown>): string[] {
  return Object.entries(values).map(([key, value]) => (value === true ? key : `${key} ${String(value)}`));
}

const lean = { gradient_checkpointing: true };
const fourBit = { load_in_4bit: true };

export const memoryGrid: readonly MemorySetting[] = [
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
