// Runs a preference loss on ONNX Runtime: the mean over pairs and its gradient in every log-probability.
import { gradients } from '../../../main/engine/autodiff/gradients.ts';
import { GraphBuilder } from '../../../main/engine/graph/builder.ts';
import { symbol } from '../../../main/engine/graph/dims.ts';
import { toOnnx } from '../../../main/engine/graph/onnx.ts';
import type { Tensor } from '../../../main/engine/graph/tensor.ts';
import type { PairLogProbs } from '../../../main/engine/losses/pair-log-probs.ts';
import { goldensFolder, readJson } from '../../support/goldens.ts';
import { runtime, toTensor } from '../../support/op-harness.ts';

/** One of the batches of test/goldens/dpo-losses. */
export type PairBatch = Record<
  PolicyKey | 'ref_chosen' | 'ref_rejected' | 'chosen_length' | 'rejected_length',
  number[]
>;
export const policyKeys = ['chosen', 'rejected', 'chosen_token_sum'] as const;
export type PolicyKey = (typeof policyKeys)[number];

export type LossCase<S> = {
  batch: string;
  settings: S;
  loss: number;
  /** Without chosen_token_sum, `chosen` has what flows through both sums. */
  gradients: Partial<Record<PolicyKey, number[]>>;
  rewards?: Record<string, number>;
};

export function lossGoldens<S>(name: string): { batches: Record<string, PairBatch>; cases: LossCase<S>[] } {
  return readJson(`${goldensFolder}/dpo-losses/${name}.json`) as ReturnType<typeof lossGoldens<S>>;
}

export type LossResult = { loss: number; perPair: number[]; gradients: Record<PolicyKey, number[]> };

/** The number of pairs is symbolic in the graph, as in training. */
export async function runLoss(
  batch: PairBatch,
  build: (g: GraphBuilder, logProbs: PairLogProbs) => Tensor,
): Promise<LossResult> {
  const g = new GraphBuilder();
  const pairs = symbol('pairs');
  const input = (name: string): Tensor => g.input(name, 'float32', [pairs]);
  const logProbs: PairLogProbs = {
    chosen: input('chosen'),
    rejected: input('rejected'),
    refChosen: input('ref_chosen'),
    refRejected: input('ref_rejected'),
    chosenLength: input('chosen_length'),
    rejectedLength: input('rejected_length'),
    chosenTokenSum: input('chosen_token_sum'),
  };
  const perPair = build(g, logProbs);
  const loss = g.reduceMean(perPair, [0], false);
  const wanted = [logProbs.chosen, logProbs.rejected, logProbs.chosenTokenSum];
  const found = gradients(g, new Map([[loss, g.scalar(1)]]), wanted);
  const outputs = [
    { name: 'loss', tensor: loss },
    { name: 'per_pair', tensor: perPair },
    ...[...found].map(([leaf, tensor]) => ({ name: `d ${leaf.name}`, tensor })),
  ];
  const graph = toOnnx(g.finish('loss', outputs));
  const session = await runtime.createSession(graph, { memory: 'fast' });
  const used = new Set(graph.inputs.map(({ name }) => name));
  const feeds = Object.entries(batch)
    .filter(([name]) => used.has(name))
    .map(([name, data]) => [name, toTensor({ dtype: 'float32', shape: [data.length], data })] as const);
  const results = await session.run(new Map(feeds));
  const read = async (name: string): Promise<number[]> => {
    const tensor = results.get(name);
    return tensor ? Array.from((await runtime.read(tensor)) as Float32Array) : batch.chosen.map(() => 0);
  };
  const slopes = await Promise.all(policyKeys.map(async (key) => [key, await read(`d ${key}`)] as const));
  const result = {
    loss: (await read('loss'))[0] ?? Number.NaN,
    perPair: await read('per_pair'),
    gradients: Object.fromEntries(slopes) as LossResult['gradients'],
  };
  await session.dispose();
  return result;
}

/** Central differences of `loss` in the log-probabilities, in float64. */
export function differences(batch: PairBatch, loss: (batch: PairBatch) => number): Record<PolicyKey, number[]> {
  const step = 1e-4;
  const slopes = (key: PolicyKey): number[] =>
    batch[key].map((_, i) => {
      const moved = (by: number): PairBatch => ({ ...batch, [key]: batch[key].map((x, j) => (i === j ? x + by : x)) });
      return (loss(moved(step)) - loss(moved(-step))) / (2 * step);
    });
  return { chosen: slopes('chosen'), rejected: slopes('rejected'), chosen_token_sum: slopes('chosen_token_sum') };
}
