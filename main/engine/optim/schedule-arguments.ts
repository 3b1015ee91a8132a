// What a recipe may say about a schedule in lr_scheduler_kwargs: which keys each type takes, and which values.
import { UserError } from '../../errors.ts';

const shapes = ['linear', 'cosine', '1-sqrt'] as const;
export type Shape = (typeof shapes)[number];

/** transformers' names. Rates are learning rates; ratios and rates of rates are shares of the peak. */
export type ScheduleArguments = {
  /** Waves of the cosine: 0.5 falls once. For cosine_with_restarts the number of falls. */
  num_cycles?: number;
  min_lr?: number;
  min_lr_rate?: number;
  /** Where the rise begins. */
  warmup_lr_rate?: number;
  lr_end?: number;
  power?: number;
  /** Steps in which the rate falls to 1 / sqrt(2). */
  timescale?: number;
  num_decay_steps?: number;
  num_stable_steps?: number;
  min_lr_ratio?: number;
  warmup_type?: Shape;
  decay_type?: Shape;
};
type Key = keyof ScheduleArguments;

const keysOf = {
  linear: [],
  cosine: ['num_cycles'],
  constant: [],
  constant_with_warmup: [],
  cosine_with_restarts: ['num_cycles'],
  cosine_with_min_lr: ['min_lr', 'min_lr_rate', 'num_cycles'],
  cosine_warmup_with_min_lr: ['min_lr', 'min_lr_rate', 'num_cycles', 'warmup_lr_rate'],
  polynomial: ['lr_end', 'power'],
  inverse_sqrt: ['timescale'],
  warmup_stable_decay: [
    'num_decay_steps',
    'num_stable_steps',
    'min_lr_ratio',
    'warmup_type',
    'decay_type',
    'num_cycles',
  ],
} as const satisfies Record<string, readonly Key[]>;

export type SchedulerType = keyof typeof keysOf;
export const schedulerTypes = Object.keys(keysOf) as SchedulerType[];
export type ArgumentsOf<K extends SchedulerType> = Pick<ScheduleArguments, (typeof keysOf)[K][number]>;

type Check = { allowed: string; passes: (value: unknown) => boolean };

const share: Check = { allowed: 'a share from 0 to 1', passes: (x) => isNumber(x) && x >= 0 && x <= 1 };
const rate: Check = { allowed: 'a learning rate, 0 or more', passes: (x) => isNumber(x) && x >= 0 };
const positive: Check = { allowed: 'a number above 0', passes: (x) => isNumber(x) && x > 0 };
const count = (from: number): Check => ({
  allowed: `a whole number from ${from} on`,
  passes: (x) => Number.isSafeInteger(x) && Number(x) >= from,
});
const shape: Check = { allowed: shapes.join(', '), passes: (x) => shapes.some((name) => name === x) };

const checks: { readonly [K in Key]-?: Check } = {
  num_cycles: positive,
  min_lr: rate,
  min_lr_rate: share,
  warmup_lr_rate: share,
  lr_end: rate,
  power: positive,
  timescale: count(1),
  num_decay_steps: count(0),
  num_stable_steps: count(0),
  min_lr_ratio: share,
  warmup_type: shape,
  decay_type: shape,
};

/** transformers' default of lr_end. */
export const defaultLrEnd = 1e-7;

/**
 * lr_scheduler_kwargs as the schedule takes them; null counts as not given. `learningRate` is the peak.
 * @throws UserError "recipe-value" that names the key, the value and what is allowed
 */
export function checkScheduleArguments(
  type: SchedulerType,
  given: Readonly<Record<string, unknown>>,
  learningRate: number,
): ScheduleArguments {
  const keys: readonly Key[] = keysOf[type];
  const known = Object.entries(given).filter(([, value]) => value !== null && value !== undefined);
  for (const [name, value] of known) {
    const key = keys.find((candidate) => candidate === name);
    if (key === undefined)
      throw problem(
        `lr_scheduler_kwargs: ${name} means nothing to lr_scheduler_type: ${type}`,
        keys.length === 0 ? 'Remove it; this schedule takes no arguments.' : `Use ${keys.join(', ')}.`,
      );
    if (!checks[key].passes(value))
      throw problem(
        `lr_scheduler_kwargs: ${name}: ${JSON.stringify(value)} is not possible`,
        `Use ${checks[key].allowed}.`,
      );
  }
  const checked: ScheduleArguments = Object.fromEntries(known);
  checkTogether(type, checked, learningRate);
  return checked;
}

function checkTogether(type: SchedulerType, given: ScheduleArguments, learningRate: number): void {
  if (type === 'cosine_with_min_lr' || type === 'cosine_warmup_with_min_lr') {
    const { min_lr: least, min_lr_rate: leastShare } = given;
    if ((least === undefined) === (leastShare === undefined))
      throw problem(
        `lr_scheduler_kwargs: lr_scheduler_type: ${type} needs ${least === undefined ? 'the lowest learning rate' : 'one lowest learning rate, not two'}`,
        'Set either min_lr (a learning rate) or min_lr_rate (a share of learning_rate), for example min_lr_rate: 0.1.',
      );
    if (least !== undefined && least > learningRate)
      throw problem(
        `lr_scheduler_kwargs: min_lr: ${least} is above learning_rate: ${learningRate}`,
        `Use a min_lr from 0 to ${learningRate}.`,
      );
  }
  if (type === 'polynomial') {
    const { lr_end: end = defaultLrEnd } = given;
    if (end >= learningRate)
      throw problem(
        `lr_scheduler_kwargs: lr_end: ${end}${given.lr_end === undefined ? ' (the default)' : ''} is not below learning_rate: ${learningRate}`,
        `Use an lr_end below ${learningRate}, such as 0.`,
      );
  }
  if (type === 'warmup_stable_decay' && given.num_decay_steps === undefined)
    throw problem(
      'lr_scheduler_kwargs: lr_scheduler_type: warmup_stable_decay needs num_decay_steps',
      'Set num_decay_steps to the number of steps in which the learning rate falls at the end.',
    );
}

function problem(what: string, fix: string): UserError {
  return new UserError({ code: 'recipe-value', message: `${what}.`, fix });
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
