// The preference losses as plain float64 formulas, pair by pair and with a real sort: what finite differences are
// taken of. They are checked against TRL's values before they judge anything.
import type { DpoLossSettings, DpoLossType } from '../../../main/engine/losses/dpo.ts';
import type { PairBatch } from './run-loss.ts';

/** The keys of test/goldens/dpo-losses/dpo.json. */
export type DpoGoldenSettings = {
  loss_types: DpoLossType[];
  loss_weights: number[];
  beta: number;
  label_smoothing: number;
  f_divergence_type: DpoLossSettings['fDivergenceType'];
  f_alpha_divergence_coef: number;
  discopop_tau: number;
};
export type SimpoGoldenSettings = { beta: number; simpo_gamma: number; label_smoothing: number; cpo_alpha: number };

const sigmoid = (x: number): number => (x > 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
const logSigmoid = (x: number): number => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x)));
const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
const sorted = (values: number[]): number[] => values.toSorted((a, b) => a - b);
const zip = <T>(a: number[], b: number[], combine: (x: number, y: number, i: number) => T): T[] =>
  a.map((x, i) => combine(x, b[i] ?? Number.NaN, i));
const minus = (a: number[], b: number[]): number[] => zip(a, b, (x, y) => x - y);

function tokenMean({ chosen_token_sum: sums, chosen_length: lengths }: PairBatch): number {
  return -sum(sums) / sum(lengths);
}

export function dpoFormula(settings: DpoGoldenSettings, batch: PairBatch): number {
  const { beta, label_smoothing: e, discopop_tau: tau, f_alpha_divergence_coef: alpha } = settings;
  const divergence: Record<DpoLossSettings['fDivergenceType'], (u: number) => number> = {
    reverse_kl: (u) => u,
    forward_kl: (u) => 1 - Math.exp(-u),
    js_divergence: (u) => Math.LN2 + logSigmoid(u),
    alpha_divergence: (u) => (alpha === 1 ? u : (Math.exp((alpha - 1) * u) - 1) / (alpha - 1)),
  };
  const score = divergence[settings.f_divergence_type];
  const c = minus(batch.chosen, batch.ref_chosen);
  const r = minus(batch.rejected, batch.ref_rejected);
  const z = zip(c, r, (x, y) => beta * (score(x) - score(y)));
  const averaged = zip(c, r, (x, y, i) => {
    const lengths = [batch.chosen_length[i] ?? Number.NaN, batch.rejected_length[i] ?? Number.NaN] as const;
    return score(x) / lengths[0] - score(y) / lengths[1];
  });
  const smoothed = (d: number): number => -(1 - e) * logSigmoid(beta * d) - e * logSigmoid(-beta * d);
  const formulas: Record<DpoLossType, () => number[]> = {
    sigmoid: () => z.map((x) => -logSigmoid(x)),
    hinge: () => z.map((x) => Math.max(0, 1 - x)),
    ipo: () => averaged.map((x) => (x - 1 / (2 * beta)) ** 2),
    exo_pair: () =>
      z.map((x) => {
        const [p, q] = [sigmoid(x), sigmoid(-x)];
        return p * (logSigmoid(x) - Math.log1p(-e)) + q * (logSigmoid(-x) - Math.log(e));
      }),
    nca_pair: () =>
      zip(c, r, (x, y) => -logSigmoid(beta * x) - 0.5 * logSigmoid(-beta * x) - 0.5 * logSigmoid(-beta * y)),
    robust: () => z.map((x) => (-(1 - e) * logSigmoid(x) + e * logSigmoid(-x)) / (1 - 2 * e)),
    bco_pair: () => zip(c, r, (x, y) => -logSigmoid(beta * x) - logSigmoid(-beta * y)),
    sppo_hard: () => zip(c, r, (x, y) => (x - 0.5 / beta) ** 2 + (y + 0.5 / beta) ** 2),
    aot: () => {
      const policy = sorted(minus(batch.chosen, batch.rejected));
      return minus(policy, sorted(minus(batch.ref_chosen, batch.ref_rejected))).map(smoothed);
    },
    aot_unpaired: () => minus(sorted(c), sorted(r)).map(smoothed),
    apo_zero: () => zip(c, r, (x, y) => 1 - sigmoid(beta * x) + sigmoid(beta * y)),
    apo_down: () => zip(c, r, (x, y) => sigmoid(beta * x) + 1 - sigmoid(beta * (x - y))),
    discopop: () =>
      z.map((x) => {
        const m = sigmoid(x / tau);
        return -(1 - m) * logSigmoid(x) + (m === 0 ? 0 : m * Math.exp(-x));
      }),
    sft: () => [tokenMean(batch)],
    sigmoid_norm: () => averaged.map((x) => -logSigmoid(beta * x)),
  };
  return sum(settings.loss_types.map((type, i) => mean(formulas[type]()) * (settings.loss_weights[i] ?? Number.NaN)));
}

/** Mean log-probability of a token, for each pair. */
function perToken(sums: number[], lengths: number[]): number[] {
  return zip(sums, lengths, (x, length) => x / length);
}

export function simpoFormula(settings: SimpoGoldenSettings, batch: PairBatch): number {
  const { beta, simpo_gamma: gamma, label_smoothing: e, cpo_alpha: alpha } = settings;
  const lead = minus(perToken(batch.chosen, batch.chosen_length), perToken(batch.rejected, batch.rejected_length));
  const margins = lead.map((x) => beta * x - gamma);
  return mean(margins.map((m) => -(1 - e) * logSigmoid(m) - e * logSigmoid(-m))) + alpha * tokenMean(batch);
}

export function orpoFormula(beta: number, batch: PairBatch): number {
  const logOdds = (x: number): number => x - Math.log(-Math.expm1(x));
  const chosen = perToken(batch.chosen, batch.chosen_length).map(logOdds);
  const rejected = perToken(batch.rejected, batch.rejected_length).map(logOdds);
  return tokenMean(batch) - beta * mean(minus(chosen, rejected).map(logSigmoid));
}
