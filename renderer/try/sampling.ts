// How an answer is drawn, as a person types it, and what is wrong with it.

export type Sampling = {
  temperature: number | null;
  topP: number | null;
  maxNewTokens: number | null;
  seed: number | null;
};

export const usualSampling: Sampling = { temperature: 0, topP: 0.9, maxNewTokens: 256, seed: 42 };

/** What every setting must be; null where it is good. An emptied field is null. */
export function samplingProblems(sampling: Sampling): Record<keyof Sampling, string | null> {
  const { temperature, topP, maxNewTokens, seed } = sampling;
  const isWhole = (value: number | null, least: number): boolean =>
    value !== null && Number.isSafeInteger(value) && value >= least;
  return {
    temperature:
      temperature !== null && temperature >= 0 && temperature <= 100 ? null : 'A number from 0 to 100; 0 is greedy.',
    topP: topP !== null && topP > 0 && topP <= 1 ? null : 'A number above 0 and at most 1.',
    maxNewTokens: isWhole(maxNewTokens, 1) ? null : 'A whole number, at least 1.',
    seed: isWhole(seed, 0) ? null : 'A whole number, 0 or more.',
  };
}
