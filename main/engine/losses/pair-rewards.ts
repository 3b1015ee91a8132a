// What a DPO run logs of its pairs, from log-probabilities that came back from the device.

/** Sums over a completion's tokens, one a pair. */
export type PairLogProbValues = {
  chosen: ArrayLike<number>;
  rejected: ArrayLike<number>;
  refChosen: ArrayLike<number>;
  refRejected: ArrayLike<number>;
};

export type PairRewards = {
  'rewards/chosen': number;
  'rewards/rejected': number;
  /** Share of the pairs whose chosen reward is the larger one; ties count 0, to the rounding of float32. */
  'rewards/accuracies': number;
  'rewards/margins': number;
  'logps/chosen': number;
  'logps/rejected': number;
};

/** Means over the pairs of one batch. The implicit reward is beta (log pi - log ref), whatever the loss. */
export function pairRewards(beta: number, logProbs: PairLogProbValues): PairRewards {
  const pairs = logProbs.chosen.length;
  const mean = (of: (i: number) => number): number => {
    let sum = 0;
    for (let i = 0; i < pairs; i++) sum += of(i);
    return sum / pairs;
  };
  const value = (values: ArrayLike<number>, i: number): number => values[i] ?? Number.NaN;
  const chosen = (i: number): number => beta * (value(logProbs.chosen, i) - value(logProbs.refChosen, i));
  const rejected = (i: number): number => beta * (value(logProbs.rejected, i) - value(logProbs.refRejected, i));
  // Policy and reference run in graphs that sum in another order: where they are equal they differ by this much.
  const rounding = (i: number): number =>
    beta * 2 ** -21 * Object.values(logProbs).reduce((sum, values) => sum + Math.abs(value(values, i)), 0);
  return {
    'rewards/chosen': mean(chosen),
    'rewards/rejected': mean(rejected),
    'rewards/accuracies': mean((i) => Number(chosen(i) - rejected(i) > rounding(i))),
    'rewards/margins': mean((i) => chosen(i) - rejected(i)),
    'logps/chosen': mean((i) => value(logProbs.chosen, i)),
    'logps/rejected': mean((i) => value(logProbs.rejected, i)),
  };
}
