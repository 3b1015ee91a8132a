// The whole curve of every schedule beside transformers' get_scheduler, and what lr_scheduler_kwargs may say.
import { describe, expect, test } from 'vitest';
import {
  checkScheduleArguments,
  learningRateAt,
  type SchedulerType,
  schedulerTypes,
} from '../../../main/engine/optim/schedule.ts';
import { goldensFolder, readJson } from '../../support/goldens.ts';
import { userErrorOf } from '../../support/user-error.ts';

type Golden = {
  type: SchedulerType;
  warmup_steps: number;
  total_steps: number;
  learning_rate: number;
  arguments: Record<string, unknown>;
  rates: number[];
};
const goldens = readJson(`${goldensFolder}/optim/schedules.json`) as Golden[];

test.each(goldens)('$type, $warmup_steps of $total_steps steps warmup, $arguments', (golden) => {
  const { type, learning_rate: learningRate } = golden;
  const schedule = {
    type,
    learningRate,
    warmupSteps: golden.warmup_steps,
    totalSteps: golden.total_steps,
    arguments: checkScheduleArguments(type, golden.arguments, learningRate),
  };
  for (const [step, rate] of golden.rates.entries())
    // The same formula in float64, its terms in another order.
    expect(Math.abs(learningRateAt(schedule, step) - rate), `step ${step}`).toBeLessThan(1e-15 * learningRate);
});

test('every schedule has been compared', () => {
  expect([...new Set(goldens.map(({ type }) => type))].sort()).toEqual([...schedulerTypes].sort());
});

test('warmup as long as the run, and runs of one step, have no division by 0', () => {
  for (const type of schedulerTypes)
    for (const [warmupSteps, totalSteps] of [
      [0, 1],
      [1, 1],
      [5, 3],
      [4, 4],
    ] as const) {
      const given = type.includes('min_lr') ? { min_lr_rate: 0.1 } : {};
      const steps = type === 'warmup_stable_decay' ? { num_decay_steps: 0 } : given;
      const schedule = { type, learningRate: 1, warmupSteps, totalSteps, arguments: steps };
      for (let step = 0; step < totalSteps + 4; step++) {
        expect(learningRateAt(schedule, step), `${type} ${step}`).toBeGreaterThanOrEqual(0);
        expect(learningRateAt(schedule, step), `${type} ${step}`).toBeLessThanOrEqual(1);
      }
    }
});

describe('lr_scheduler_kwargs', () => {
  test('null counts as not given', () => {
    expect(checkScheduleArguments('cosine_with_min_lr', { min_lr: null, min_lr_rate: 0.1 }, 1e-4)).toEqual({
      min_lr_rate: 0.1,
    });
    expect(checkScheduleArguments('linear', { num_cycles: null }, 1e-4)).toEqual({});
  });

  test.each<[SchedulerType, Record<string, unknown>, words: string, fix: string]>([
    ['linear', { num_cycles: 2 }, 'num_cycles means nothing to lr_scheduler_type: linear.', 'takes no arguments'],
    ['cosine', { cycles: 2 }, 'cycles means nothing to lr_scheduler_type: cosine.', 'Use num_cycles.'],
    ['cosine', { num_cycles: 'two' }, 'num_cycles: "two" is not possible', 'a number above 0'],
    ['cosine_with_restarts', { num_cycles: 0 }, 'num_cycles: 0 is not possible', 'a number above 0'],
    ['cosine_with_min_lr', {}, 'needs the lowest learning rate', 'min_lr_rate: 0.1'],
    ['cosine_with_min_lr', { min_lr: 0, min_lr_rate: 0 }, 'needs one lowest learning rate, not two', 'either min_lr'],
    ['cosine_with_min_lr', { min_lr: 1e-3 }, 'min_lr: 0.001 is above learning_rate: 0.0001', 'from 0 to 0.0001'],
    ['cosine_with_min_lr', { min_lr_rate: 1.5 }, 'min_lr_rate: 1.5 is not possible', 'a share from 0 to 1'],
    ['polynomial', { lr_end: 1e-3 }, 'lr_end: 0.001 is not below learning_rate: 0.0001', 'below 0.0001'],
    ['polynomial', { power: 0 }, 'power: 0 is not possible', 'a number above 0'],
    ['inverse_sqrt', { timescale: 2.5 }, 'timescale: 2.5 is not possible', 'a whole number from 1 on'],
    ['warmup_stable_decay', {}, 'needs num_decay_steps', 'Set num_decay_steps'],
    ['warmup_stable_decay', { num_decay_steps: -1 }, 'num_decay_steps: -1 is not', 'a whole number from 0 on'],
    [
      'warmup_stable_decay',
      { num_decay_steps: 1, decay_type: 'sqrt' },
      'decay_type: "sqrt" is not possible',
      'linear, cosine, 1-sqrt',
    ],
  ])('%s with %j is refused', (type, given, words, fix) => {
    const error = userErrorOf(() => checkScheduleArguments(type, given, 1e-4));
    expect(error.message).toContain(words);
    expect(error.message).toMatch(/^lr_scheduler_kwargs: /);
    expect(error.fix).toContain(fix);
  });

  test("a peak at or below polynomial's default end is refused, as transformers refuses it", () => {
    const error = userErrorOf(() => checkScheduleArguments('polynomial', {}, 1e-7));
    expect(error.message).toContain('lr_end: 1e-7 (the default) is not below learning_rate: 1e-7');
    expect(checkScheduleArguments('polynomial', { lr_end: 0 }, 1e-8)).toEqual({ lr_end: 0 });
  });
});
