// How runs are told apart where they stand together: each has a colour and, for those who do not see it, a dash.

export type RunLook = { color: string; dash?: number[] };

export const runLooks: readonly RunLook[] = [
  { color: '--run-1' },
  { color: '--run-2', dash: [8, 4] },
  { color: '--run-3', dash: [2, 3] },
  { color: '--run-4', dash: [10, 3, 2, 3] },
  { color: '--run-5', dash: [16, 4] },
  { color: '--run-6', dash: [5, 5] },
  { color: '--run-7', dash: [12, 3, 2, 3, 2, 3] },
  { color: '--run-8', dash: [3, 6] },
];

/** So many runs can be told apart. */
export const MOST_RUNS = runLooks.length;
