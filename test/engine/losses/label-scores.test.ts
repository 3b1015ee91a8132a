// Scores of labels and the gradients in hidden states and head, with and without a cap on the logits, against the
// formulas in float64 and their difference quotients.
import { expect, test } from 'vitest';
import { gradients } from '../../../main/engine/autodiff/gradients.ts';
import { GraphBuilder } from '../../../main/engine/graph/builder.ts';
import { toOnnx } from '../../../main/engine/graph/onnx.ts';
import { labelScores } from '../../../main/engine/losses/label-scores.ts';
import { trainableWeights } from '../../../main/engine/nn/weights.ts';
import { runtime, toTensor } from '../../support/op-harness.ts';
import { randomOf } from '../../support/random.ts';

const [rows, hidden, vocab] = [3, 4, 5];
const random = randomOf(7);
const some = (count: number): number[] => Array.from({ length: count }, () => Math.fround(4 * random() - 2));
const states = some(rows * hidden);
const head = some(vocab * hidden);
const labels = [4, 1, 4];
/** What each row's loss counts. */
const shares = [0.5, -1.5, 2];

function reference(h: readonly number[], e: readonly number[], softcap: number | undefined) {
  return labels.map((label, row) => {
    const logits = Array.from({ length: vocab }, (_, v) => {
      const z = Array.from({ length: hidden }, (_, i) => (h[row * hidden + i] ?? 0) * (e[v * hidden + i] ?? 0));
      const sum = z.reduce((a, b) => a + b, 0);
      return softcap === undefined ? sum : softcap * Math.tanh(sum / softcap);
    });
    const logSum = Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0));
    return {
      nll: logSum - (logits[label] ?? 0),
      entropy: logits.reduce((sum, x) => sum + Math.exp(x - logSum) * (logSum - x), 0),
      meanLogit: logits.reduce((sum, x) => sum + x, 0) / vocab,
    };
  });
}

function slopes(values: readonly number[], loss: (values: number[]) => number): number[] {
  const step = 1e-5;
  return values.map((_, i) => {
    const moved = (by: number): number => loss(values.map((x, j) => (i === j ? x + by : x)));
    return (moved(step) - moved(-step)) / (2 * step);
  });
}

test.each([undefined, 3, 0.8])('a cap of %s', async (softcap) => {
  const g = new GraphBuilder();
  const weights = trainableWeights(g, new Map([['head', [vocab, hidden]]]));
  const h = g.parameter('h', [rows, hidden]);
  const scores = labelScores(
    g,
    weights,
    { weight: 'head', softcap },
    { rows: h, labels: g.input('labels', 'int32', [rows]), zero: g.input('zero', 'float32', []) },
    { differentiable: true, meanLogits: true, collisionEntropy: false },
  );
  const share = g.constant('shares', 'float32', [rows, 1], Float32Array.from(shares));
  const wanted = [h, weights.get('head')];
  const found = gradients(g, new Map([[scores.nll, share]]), wanted);
  const { nll, entropy, meanLogit } = scores;
  const named = { nll, entropy, meanLogit, dh: found.get(h), dE: found.get(weights.get('head')) };
  const outputs = Object.entries(named).flatMap(([name, tensor]) => (tensor ? [{ name, tensor }] : []));
  const session = await runtime.createSession(toOnnx(g.finish('scores', outputs)), { memory: 'fast' });
  const results = await session.run(
    new Map([
      ['h', toTensor({ dtype: 'float32', shape: [rows, hidden], data: states })],
      ['head', toTensor({ dtype: 'float32', shape: [vocab, hidden], data: head })],
      ['labels', toTensor({ dtype: 'int32', shape: [rows], data: labels })],
      ['zero', toTensor({ dtype: 'float32', shape: [], data: [0] })],
    ]),
  );
  const expectClose = async (name: string, expected: readonly number[]): Promise<void> => {
    const tensor = results.get(name);
    const actual = tensor ? Array.from((await runtime.read(tensor)) as Float32Array) : [];
    expect(actual, name).toHaveLength(expected.length);
    // float32 rounding of sums of some products
    for (const [i, value] of expected.entries()) expect(actual[i], `${name} ${i}`).toBeCloseTo(value, 5);
  };
  const told = reference(states, head, softcap);
  for (const key of ['nll', 'entropy', 'meanLogit'] as const)
    await expectClose(
      key,
      told.map((row) => row[key]),
    );
  const loss = (h: readonly number[], e: readonly number[]): number =>
    reference(h, e, softcap).reduce((sum, { nll }, row) => sum + nll * (shares[row] ?? 0), 0);
  await expectClose(
    'dh',
    slopes(states, (moved) => loss(moved, head)),
  );
  await expectClose(
    'dE',
    slopes(head, (moved) => loss(states, moved)),
  );
  await session.dispose();
});
