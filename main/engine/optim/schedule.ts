// Learning-rate schedules, as transformers' get_scheduler defines them.

export const schedulerTypes = ['linear', 'cosine', 'constant', 'constant_with_warmup'] as const;
export type SchedulerType = (typeof schedulerTypes)[number];

export type Schedule = {
  type: SchedulerType;
  /** Peak learning rate. */
  learningRate: number;
  /** Steps of linear rise from 0; ignored by "constant". */
  warmupSteps: number;
  totalSteps: number;
};

/** The learning rate of the update number `step`, counted from 0: under warmup the first update has rate 0. */
export function learningRateAt({ type, learningRate, warmupSteps, totalSteps }: Schedule, step: number): number {
  if (type === 'constant') return learningRate;
  if (step < warmupSteps) return (learningRate * step) / Math.max(1, warmupSteps);
  const rest = Math.max(1, totalSteps - warmupSteps);
  switch (type) {
    case 'constant_with_warmup':
      return learningRate;
    case 'linear':
      return learningRate * Math.max(0, (totalSteps - step) / rest);
    case 'cosine':
      return learningRate * Math.max(0, 0.5 * (1 + Math.cos((Math.PI * (step - warmupSteps)) / rest)));
  }
}
