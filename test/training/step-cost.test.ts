// The estimate of a step's memory against peaks that were measured: resident memory of a process that takes two steps
// on random weights (test/bench/ours.ts, built, started as jobs are), all linear layers with LoRA, AdamW, float32.
import { expect, test } from 'vitest';
import { modelFor } from '../../main/engine/models/registry.ts';
import { stepMemory, stepOperations, type StepShape } from '../../main/training/step-cost.ts';

const shapes = {
  m135: [576, 1536, 30, 9, 3, 49152],
  m360: [960, 2560, 32, 15, 5, 49152],
  m1700: [2048, 8192, 24, 32, 32, 49152],
  small: [512, 2048, 12, 8, 8, 32000],
  wide: [1024, 2816, 16, 16, 4, 49152],
} as const;

/** Shape, lean, rows, tokens of a row, rank, share of labelled tokens, measured peak in MB. */
const measured: [keyof typeof shapes, boolean, number, number, number, number, number][] = [
  ['m135', false, 1, 128, 16, 1, 1699],
  ['m135', false, 2, 256, 16, 1, 2519],
  ['m135', false, 2, 256, 64, 1, 2894],
  ['m135', false, 4, 256, 16, 0.3, 3208],
  ['m135', false, 1, 1024, 16, 1, 4643],
  ['m135', false, 2, 512, 16, 1, 4762],
  ['small', false, 2, 256, 16, 1, 1310],
  ['small', false, 4, 512, 8, 0.5, 2676],
  ['small', false, 8, 64, 16, 1, 1295],
  ['wide', false, 1, 256, 16, 1, 2804],
  ['wide', false, 1, 512, 16, 0.5, 3249],
  ['small', false, 1, 1024, 16, 1, 2045],
  ['m135', true, 1, 128, 16, 1, 822],
  ['m135', true, 2, 256, 16, 1, 864],
  ['m135', true, 2, 256, 64, 1, 1161],
  ['m135', true, 4, 256, 16, 0.3, 946],
  ['m135', true, 1, 1024, 16, 1, 1025],
  ['m135', true, 2, 512, 16, 1, 976],
  ['small', true, 2, 256, 16, 1, 496],
  ['small', true, 4, 512, 8, 0.5, 682],
  ['small', true, 8, 64, 16, 1, 491],
  ['wide', true, 1, 256, 16, 1, 1200],
  ['wide', true, 1, 512, 16, 0.5, 1267],
  ['small', true, 1, 1024, 16, 1, 603],
];

function shapeOf(
  name: keyof typeof shapes,
  lean: boolean,
  sequences: number,
  length: number,
  rank: number,
  other: Partial<StepShape> = {},
): StepShape {
  const [hidden, intermediate, layers, heads, kvHeads, vocab] = shapes[name];
  const model = modelFor({
    model_type: 'llama',
    hidden_size: hidden,
    intermediate_size: intermediate,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    vocab_size: vocab,
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: true,
    hidden_act: 'silu',
  });
  const weights = [...model.weightShapes.values()].map((shape) => shape.reduce((a, b) => a * b, 1));
  const storedBytes = 4 * weights.reduce((a, b) => a + b, 0);
  const rest = { stateBytes: 8, recompute: lean, ...other };
  return { model, storedBytes, rank, targets: model.linears, sequences, length, lean, ...rest };
}

test.each(measured)(
  '%s, lean %s, %i x %i, rank %i, %d labelled: about %i MB',
  (name, lean, rows, length, rank, labelled, peak) => {
    const { weights, activations, optimizer, overhead } = stepMemory(shapeOf(name, lean, rows, length, rank));
    const ratio = (weights + activations + optimizer + overhead) / 1e6 / peak;
    // Nobody knows beforehand how many tokens are labelled: the estimate takes all.
    expect(ratio).toBeGreaterThan(0.82);
    expect(ratio).toBeLessThan(labelled === 1 ? 1.18 : 1.3);
  },
);

/** Shape, bytes of a stored weight, recomputing, rows, tokens of a row, measured peak in MB: NF4, rank 16, all labelled. */
const rounded: [keyof typeof shapes, number, boolean, number, number, number][] = [
  ['m135', 4, true, 1, 128, 456],
  ['m135', 4, true, 2, 256, 510],
  ['m135', 4, false, 2, 256, 1037],
  ['m360', 2, true, 1, 256, 837],
  ['m1700', 2, true, 1, 256, 2136],
];

test.each(rounded)(
  '%s from %i bytes a weight in 4 bits, recomputing %s, %i x %i: about %i MB',
  (name, bytes, recompute, rows, length, peak) => {
    const plain = shapeOf(name, true, rows, length, 16, { recompute, weightBits: 4.5 });
    const shape = { ...plain, storedBytes: (plain.storedBytes * bytes) / 4 };
    const ratio = Object.values(stepMemory(shape)).reduce((sum, part) => sum + part, 0) / 1e6 / peak;
    expect(ratio).toBeGreaterThan(0.85);
    expect(ratio).toBeLessThan(1.15);
  },
);

test('operations of a step: 4 for each weight and token, and attention', () => {
  const shape = shapeOf('m135', false, 2, 256, 16);
  // By hand: 134,515,008 weights, 4,884,480 of the adapter, 30 layers of 9 heads of 64.
  const expected = 4 * 134_515_008 * 512 + 6 * 4_884_480 * 512 + 6 * 2 * 30 * 9 * 64 * 256 ** 2;
  expect(stepOperations(shape)).toBe(expected);
});
