// Learning-rate schedules, as transformers' get_scheduler defines them. What may be said about each is checked in
// schedule-arguments.ts.
import {
  type ArgumentsOf,
  defaultLrEnd,
  type ScheduleArguments,
  type SchedulerType,
  type Shape,
} from './schedule-arguments.ts';

export { checkScheduleArguments, schedulerTypes } from './schedule-arguments.ts';
export type { ScheduleArguments, SchedulerType } from './schedule-arguments.ts';

export type Schedule = {
  type: SchedulerType;
  /** Peak learning rate. */
  learningRate: number;
  /** Steps of rise, mostly linear from 0; ignored by "constant". */
  warmupSteps: number;
  totalSteps: number;
  /** The recipe's lr_scheduler_kwargs, as checkScheduleArguments returned them. */
  arguments?: ScheduleArguments;
};

/** The learning rate of the update number `step`, counted from 0: under a rise from 0 the first update has rate 0. */
export function learningRateAt(schedule: Schedule, step: number): number {
  return schedule.learningRate * factors[schedule.type]({ ...schedule, arguments: schedule.arguments ?? {} }, step);
}

type Given<K extends SchedulerType> = Omit<Schedule, 'arguments'> & { arguments: ArgumentsOf<K> };

/** Shares of the peak. */
const factors: { [K in SchedulerType]: (schedule: Given<K>, step: number) => number } = {
  constant: () => 1,
  constant_with_warmup: (schedule, step) => rise(schedule, step) ?? 1,
  linear: (schedule, step) =>
    rise(schedule, step) ?? Math.max(0, (schedule.totalSteps - step) / stepsAfterRise(schedule)),
  cosine: (schedule, step) => rise(schedule, step) ?? wave(schedule, progress(schedule, step)),
  cosine_with_restarts: (schedule, step) => {
    const done = progress(schedule, step);
    const { num_cycles: cycles = 1 } = schedule.arguments;
    return rise(schedule, step) ?? (done >= 1 ? 0 : halfCosine((cycles * done) % 1));
  },
  cosine_with_min_lr: (schedule, step) =>
    rise(schedule, step) ?? above(lowest(schedule), wave(schedule, progress(schedule, step))),
  // One step ahead of the others: its first update has a rate above 0, its last one the lowest.
  cosine_warmup_with_min_lr: (schedule, step) => {
    const { warmupSteps } = schedule;
    const { warmup_lr_rate: first } = schedule.arguments;
    if (step < warmupSteps)
      return first === undefined ? (step + 1) / warmupSteps : above(first, step / Math.max(1, warmupSteps - 1));
    return above(lowest(schedule), wave(schedule, progress(schedule, step + 1)));
  },
  polynomial: (schedule, step) => {
    const { lr_end: end = defaultLrEnd, power = 1 } = schedule.arguments;
    const left = Math.max(0, 1 - progress(schedule, step));
    return rise(schedule, step) ?? above(end / schedule.learningRate, left ** power);
  },
  inverse_sqrt: (schedule, step) => {
    const { warmupSteps } = schedule;
    const { timescale = warmupSteps || 10_000 } = schedule.arguments;
    return rise(schedule, step) ?? 1 / Math.sqrt((step - warmupSteps + timescale) / timescale);
  },
  warmup_stable_decay: (schedule, step) => {
    const { warmupSteps, totalSteps } = schedule;
    const { num_decay_steps: decaySteps = 0, min_lr_ratio: least = 0 } = schedule.arguments;
    const { num_stable_steps: stableSteps = totalSteps - warmupSteps - decaySteps } = schedule.arguments;
    const { warmup_type: up = 'linear', decay_type: down = 'cosine', num_cycles: cycles = 0.5 } = schedule.arguments;
    if (step < warmupSteps) return above(least, risingShapes[up](step / warmupSteps));
    const decayed = step - warmupSteps - stableSteps;
    if (decayed < 0) return 1;
    return decayed < decaySteps ? Math.max(0, above(least, fallingShapes[down](decayed / decaySteps, cycles))) : least;
  },
};

const risingShapes: Record<Shape, (done: number) => number> = {
  linear: (done) => done,
  cosine: (done) => 1 - halfCosine(done),
  '1-sqrt': (done) => 1 - Math.sqrt(1 - done),
};

const fallingShapes: Record<Shape, (done: number, cycles: number) => number> = {
  linear: (done) => 1 - done,
  cosine: (done, cycles) => halfCosine(2 * cycles * done),
  '1-sqrt': (done) => 1 - Math.sqrt(done),
};

type Span = Pick<Schedule, 'warmupSteps' | 'totalSteps'>;

/** Linear from 0; undefined when warmup is over. */
function rise({ warmupSteps }: Span, step: number): number | undefined {
  return step < warmupSteps ? step / warmupSteps : undefined;
}

function stepsAfterRise({ warmupSteps, totalSteps }: Span): number {
  return Math.max(1, totalSteps - warmupSteps);
}

/** 0 where warmup ends, 1 at the last step and beyond 1 after it. */
function progress(span: Span, step: number): number {
  return (step - span.warmupSteps) / stepsAfterRise(span);
}

/** From 1 to 0 while `done` goes from 0 to 1, and back up. */
function halfCosine(done: number): number {
  return 0.5 * (1 + Math.cos(Math.PI * done));
}

/** As many whole waves as num_cycles says. */
function wave({ arguments: { num_cycles: cycles = 0.5 } }: { arguments: ScheduleArguments }, done: number): number {
  return halfCosine(2 * cycles * done);
}

/** `factor` between 0 and 1, stretched to lie between `least` and 1. */
function above(least: number, factor: number): number {
  return factor * (1 - least) + least;
}

function lowest({ learningRate, arguments: given }: Given<'cosine_with_min_lr'>): number {
  return given.min_lr === undefined ? (given.min_lr_rate ?? 0) : given.min_lr / learningRate;
}
