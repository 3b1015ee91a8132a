// Every loss of TRL's DPOTrainer: value and gradients against TRL's own code and PyTorch's autograd, gradients also
// against finite differences of a float64 formula.
import { describe, expect, test } from 'vitest';
import { type DpoLossSettings, type DpoLossType, dpoLoss, dpoLossTypes } from '../../../main/engine/losses/dpo.ts';
import { fDivergenceTypes } from '../../../main/engine/losses/f-divergence.ts';
import { pairRewards } from '../../../main/engine/losses/pair-rewards.ts';
import { type DpoGoldenSettings, dpoFormula } from './formulas.ts';
import { differences, lossGoldens, type PairBatch, policyKeys, runLoss } from './run-loss.ts';

const { batches, cases } = lossGoldens<DpoGoldenSettings>('dpo');

function batchOf(name: string): PairBatch {
  const batch = batches[name];
  if (!batch) throw new Error(`no batch ${name}`);
  return batch;
}

function settingsOf(golden: DpoGoldenSettings): DpoLossSettings {
  return {
    lossTypes: golden.loss_types,
    lossWeights: golden.loss_weights,
    beta: golden.beta,
    labelSmoothing: golden.label_smoothing,
    fDivergenceType: golden.f_divergence_type,
    fAlphaDivergenceCoef: golden.f_alpha_divergence_coef,
    discopopTau: golden.discopop_tau,
  };
}

function settings(changes: Partial<DpoLossSettings>): DpoLossSettings {
  const plain = { lossTypes: ['sigmoid'], lossWeights: [1], beta: 0.1, labelSmoothing: 0, discopopTau: 0.05 } as const;
  return { ...plain, fDivergenceType: 'reverse_kl', fAlphaDivergenceCoef: 0.5, ...changes };
}

function expectClose(actual: readonly number[], expected: readonly number[], tolerance: number, what: string): void {
  expect(actual).toHaveLength(expected.length);
  const scale = Math.max(1e-3, ...expected.map(Math.abs));
  expected.forEach((value, i) => {
    const error = Math.abs((actual[i] ?? Number.NaN) - value) / scale;
    expect(error, `${what} ${i}: ${actual[i]}, expected ${value}`).toBeLessThan(tolerance);
  });
}

const titled = cases.map((golden) => {
  const { loss_types: types, beta, label_smoothing: e, f_divergence_type: divergence } = golden.settings;
  return { title: `${types.join(' + ')}, ${golden.batch}, beta ${beta}, e ${e}, ${divergence}`, ...golden };
});

describe('like TRL', () => {
  test('there are goldens of every loss type and every divergence', () => {
    expect(new Set(cases.flatMap((golden) => golden.settings.loss_types))).toEqual(new Set(dpoLossTypes));
    expect(new Set(cases.map((golden) => golden.settings.f_divergence_type))).toEqual(new Set(fDivergenceTypes));
  });

  test.each(titled)('$title', async ({ batch: name, settings: golden, loss, gradients, rewards }) => {
    const batch = batchOf(name);
    const result = await runLoss(batch, (g, logProbs) => dpoLoss(g, settingsOf(golden), logProbs));
    expect(result.perPair).toHaveLength(batch.chosen.length);
    // float32 of a handful of operations; the log ratios themselves are exact.
    expectClose([result.loss], [loss], 3e-6, 'loss');
    // alpha_divergence's goldens are float32 too, and differences of nearly equal terms.
    const float32Golden = golden.f_divergence_type === 'alpha_divergence';
    const whole = result.gradients.chosen.map(
      (slope, i) => slope + (result.gradients.chosen_token_sum[i] ?? Number.NaN),
    );
    const found = gradients.chosen_token_sum ? result.gradients : { ...result.gradients, chosen: whole };
    for (const key of policyKeys) {
      // Tied pairs share their gradient here, PyTorch's sort picks one: see below.
      const expected = name === 'ties' ? undefined : gradients[key];
      if (expected) expectClose(found[key], expected, float32Golden ? 5e-5 : 5e-6, `gradient of ${key}`);
    }

    // TRL holds exo_pair's label_smoothing as float32.
    const trlPrecision = float32Golden ? 1e-6 : golden.loss_types.includes('exo_pair') ? 1e-7 : 1e-9;
    expectClose([dpoFormula(golden, batch)], [loss], trlPrecision, 'formula');
    // Differences say nothing at kinks and where values tie; at thousands the quotient's rounding hides the slope.
    if (name !== 'ties' && name !== 'extreme') {
      const slopes = differences(batch, (moved) => dpoFormula(golden, moved));
      // The quotient's own error: third derivative * 1e-8, and 1e-16 * loss / 1e-4
      for (const key of policyKeys) expectClose(result.gradients[key], slopes[key], 2e-5, `difference of ${key}`);
    }

    const ours = pairRewards(golden.beta, {
      chosen: batch.chosen,
      rejected: batch.rejected,
      refChosen: batch.ref_chosen,
      refRejected: batch.ref_rejected,
    });
    // alpha_divergence's come from a float32 run
    for (const [key, value] of Object.entries(rewards ?? {}))
      expectClose([ours[key as keyof typeof ours]], [value], 1e-6, key);
    expect(Object.keys(ours).sort()).toEqual(Object.keys(rewards ?? {}).sort());
  });
});

describe('far out', () => {
  const finite = (values: readonly number[]): boolean => values.every(Number.isFinite);

  test.each(dpoLossTypes)('%s: loss and gradients stay finite at log ratios of thousands', async (type) => {
    const e = type === 'exo_pair' ? 0.05 : 0.1;
    const chosen = settings({ lossTypes: [type], beta: 0.5, labelSmoothing: e });
    const { loss, gradients } = await runLoss(batchOf('extreme'), (g, logProbs) => dpoLoss(g, chosen, logProbs));
    expect(finite([loss, ...policyKeys.flatMap((key) => gradients[key])])).toBe(true);
  });

  test.each(fDivergenceTypes)('%s: so they do', async (fDivergenceType) => {
    const chosen = settings({ fDivergenceType, beta: 0.5 });
    const { loss, gradients } = await runLoss(batchOf('extreme'), (g, logProbs) => dpoLoss(g, chosen, logProbs));
    expect(finite([loss, ...policyKeys.flatMap((key) => gradients[key])])).toBe(true);
  });

  test('discopop of a pair far the wrong way round is its logistic part, as the formula has it in the limit', async () => {
    const golden = {
      ...cases[0]?.settings,
      loss_types: ['discopop'],
      loss_weights: [1],
      beta: 0.1,
      discopop_tau: 0.05,
    };
    const formula = dpoFormula(golden as DpoGoldenSettings, batchOf('extreme'));
    const chosen = settings({ lossTypes: ['discopop'] });
    const { loss } = await runLoss(batchOf('extreme'), (g, logProbs) => dpoLoss(g, chosen, logProbs));
    expectClose([loss], [formula], 3e-6, 'loss');
  });
});

test('an empty completion counts as one token, so that no length divides by 0', async () => {
  const batch = { ...batchOf('one'), chosen_length: [0] };
  const one = { ...batch, chosen_length: [1] };
  for (const type of ['ipo', 'sigmoid_norm', 'sft'] as const) {
    const run = (of: PairBatch) => runLoss(of, (g, logProbs) => dpoLoss(g, settings({ lossTypes: [type] }), logProbs));
    expect(await run(batch)).toEqual(await run(one));
  }
});

describe('ties in aot', () => {
  test.each(['aot', 'aot_unpaired'] as const)(
    '%s: tied pairs get even shares of what PyTorch gives them',
    async (type) => {
      const batch = batchOf('ties');
      const golden = cases.find(
        ({ batch: name, settings: { loss_types: types } }) => name === 'ties' && types[0] === type,
      );
      const chosen = settings({ lossTypes: [type], labelSmoothing: 0.1 });
      const { gradients } = await runLoss(batch, (g, logProbs) => dpoLoss(g, chosen, logProbs));
      const valueOf: Record<typeof type, (i: number) => number> = {
        aot: (i) => (batch.chosen[i] ?? 0) - (batch.rejected[i] ?? 0),
        aot_unpaired: (i) => (batch.chosen[i] ?? 0) - (batch.ref_chosen[i] ?? 0),
      };
      const expected = golden?.gradients.chosen ?? [];
      const shared = expected.map((_, i) => {
        const equals = [...expected.keys()].filter((j) => valueOf[type](j) === valueOf[type](i));
        return equals.reduce((sum, j) => sum + (expected[j] ?? Number.NaN), 0) / equals.length;
      });
      expect(new Set(expected.map((_, i) => valueOf[type](i))).size).toBeLessThan(expected.length);
      expectClose(gradients.chosen, shared, 5e-6, 'gradient');
    },
  );
});

describe('settings that have no loss', () => {
  const refused: [string, Partial<DpoLossSettings>, RegExp][] = [
    ['no loss type', { lossTypes: [], lossWeights: [] }, /no loss type/],
    ['a weight too few', { lossTypes: ['sigmoid', 'sft'] }, /2 loss types, 1 weights/],
    ['beta 0', { beta: 0 }, /beta is 0/],
    ['exo_pair without smoothing', { lossTypes: ['exo_pair'] }, /exo_pair with label_smoothing 0/],
    ['robust at a half', { lossTypes: ['robust'], labelSmoothing: 0.5 }, /divides by 0/],
    [
      'apo_zero with a divergence',
      { lossTypes: ['apo_zero'], fDivergenceType: 'forward_kl' },
      /apo_zero with forward_kl/,
    ],
  ];
  test.each(refused)('%s', async (_, changes, message) => {
    await expect(runLoss(batchOf('one'), (g, logProbs) => dpoLoss(g, settings(changes), logProbs))).rejects.toThrow(
      message,
    );
  });
});

test('pairRewards: an equal reward is no success', () => {
  const rewards = pairRewards(0.1, {
    chosen: [-3, -2],
    rejected: [-3, -4],
    refChosen: [-3, -3],
    refRejected: [-3, -3],
  });
  expect(rewards['rewards/accuracies']).toBe(0.5);
});

test('a weight scales its loss and the others stay', async () => {
  const run = (types: DpoLossType[], weights: number[]) =>
    runLoss(batchOf('usual'), (g, logProbs) =>
      dpoLoss(g, settings({ lossTypes: types, lossWeights: weights }), logProbs),
    );
  const [hinge, sft, both] = await Promise.all([
    run(['hinge'], [1]),
    run(['sft'], [1]),
    run(['hinge', 'sft'], [0.5, 3]),
  ]);
  expectClose([both.loss], [0.5 * hinge.loss + 3 * sft.loss], 1e-6, 'loss');
});
