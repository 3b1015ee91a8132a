// SimPO and ORPO: value and gradients against TRL's experimental trainers and PyTorch's autograd, gradients also
// against finite differences of a float64 formula.
import { describe, expect, test } from 'vitest';
import { orpoLoss } from '../../../main/engine/losses/orpo.ts';
import { chosenNll } from '../../../main/engine/losses/pair-log-probs.ts';
import { simpoLoss } from '../../../main/engine/losses/simpo.ts';
import { orpoFormula, type SimpoGoldenSettings, simpoFormula } from './formulas.ts';
import {
  differences,
  type LossCase,
  lossGoldens,
  type LossResult,
  type PairBatch,
  policyKeys,
  runLoss,
} from './run-loss.ts';

function check<S>(
  golden: LossCase<S>,
  batch: PairBatch,
  result: LossResult,
  formula: (batch: PairBatch) => number,
  trlPrecision: number,
): void {
  const close = (actual: number, expected: number, tolerance: number, scale = 1): void => {
    expect(Math.abs(actual - expected) / Math.max(1e-3, scale)).toBeLessThan(tolerance);
  };
  // float32 of a handful of operations
  close(result.loss, golden.loss, 3e-6, Math.abs(golden.loss));
  close(formula(batch), golden.loss, trlPrecision, Math.abs(golden.loss));
  const slopes = differences(batch, formula);
  for (const key of policyKeys) {
    const gradients = golden.gradients[key] ?? [];
    expect(gradients).toHaveLength(batch.chosen.length);
    const size = Math.max(...gradients.map(Math.abs));
    gradients.forEach((expected, i) => {
      const ours = result.gradients[key][i] ?? Number.NaN;
      close(ours, expected, 5e-6, size);
      // Truncation and rounding of the quotient at a step of 1e-4; at thousands of nats rounding is 1e-8 of the loss
      close(ours, slopes[key][i] ?? Number.NaN, 2e-5, Math.max(size, 1e-4 * Math.abs(golden.loss)));
    });
  }
}

describe('SimPO', () => {
  const { batches, cases } = lossGoldens<SimpoGoldenSettings>('simpo');
  test.each(cases)('$batch, $settings', async (golden) => {
    const batch = batches[golden.batch];
    if (!batch) throw new Error(`no batch ${golden.batch}`);
    const { beta, simpo_gamma: simpoGamma, label_smoothing: labelSmoothing, cpo_alpha: cpoAlpha } = golden.settings;
    const settings = { beta, simpoGamma, labelSmoothing, cpoAlpha };
    const result = await runLoss(batch, (g, logProbs) => simpoLoss(g, settings, logProbs));
    check(golden, batch, result, (moved) => simpoFormula(golden.settings, moved), 1e-9);
  });
});

describe('ORPO', () => {
  const { batches, cases } = lossGoldens<{ beta: number }>('orpo');
  test.each(cases)('$batch, beta $settings.beta', async (golden) => {
    const batch = batches[golden.batch];
    if (!batch) throw new Error(`no batch ${golden.batch}`);
    const { beta } = golden.settings;
    const result = await runLoss(batch, (g, logProbs) => orpoLoss(g, beta, logProbs, chosenNll(g, logProbs)));
    // TRL computes the odds in float32
    check(golden, batch, result, (moved) => orpoFormula(beta, moved), 1e-6);
  });

  test('a completion that is nearly certain, and one that is certain: the odds stay finite', async () => {
    const at = (chosen: number): PairBatch => ({
      chosen: [chosen],
      rejected: [-30],
      ref_chosen: [0],
      ref_rejected: [0],
      chosen_length: [4],
      rejected_length: [10],
      chosen_token_sum: [chosen],
    });
    const run = (batch: PairBatch) =>
      runLoss(batch, (g, logProbs) => orpoLoss(g, 0.5, logProbs, chosenNll(g, logProbs)));
    const near = await run(at(-4e-4));
    // 1 - e^-1e-4 in float32 would have three digits
    expect(near.loss).toBeCloseTo(orpoFormula(0.5, at(-4e-4)), 6);
    const certain = await run(at(0));
    expect([certain.loss, ...policyKeys.flatMap((key) => certain.gradients[key])].every(Number.isFinite)).toBe(true);
  });
});
