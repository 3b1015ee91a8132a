// The loss scaler beside torch.amp.GradScaler, over steps of which some overflow.
import { expect, test } from 'vitest';
import { LossScaler, lossScalerDefaults } from '../../../main/engine/optim/loss-scaler.ts';
import { goldensFolder, readJson } from '../../support/goldens.ts';

const golden = readJson(`${goldensFolder}/optim/grad-scaler.json`) as {
  defaults: Record<'init_scale' | 'growth_factor' | 'backoff_factor' | 'growth_interval', number>;
  growth_interval: number;
  init_scale: number;
  updates: {
    overflow: boolean;
    scale_before: number;
    gradient: number[] | null;
    stepped: boolean;
    scale_after: number;
    growth_tracker: number;
  }[];
};

const settings = { ...lossScalerDefaults, growthInterval: golden.growth_interval };
const fresh = (): LossScaler => new LossScaler({ scale: golden.init_scale, growthTracker: 0 }, settings);

test("torch's defaults", () => {
  const { init_scale, growth_factor, backoff_factor, growth_interval } = golden.defaults;
  expect(lossScalerDefaults).toEqual({
    initialScale: init_scale,
    growthFactor: growth_factor,
    backoffFactor: backoff_factor,
    growthInterval: growth_interval,
  });
  expect(new LossScaler().scale).toBe(init_scale);
});

test.each([false, true])('the same scales, gradients and skipped steps; resumed before every step: %s', (resumed) => {
  let scaler = fresh();
  for (const [i, expected] of golden.updates.entries()) {
    if (resumed) scaler = new LossScaler(JSON.parse(JSON.stringify(scaler.state())) as never, settings);
    expect(scaler.scale, `update ${i}`).toBe(expected.scale_before);
    // The gradients of the script's loss, 0.5 and 0.25, of the scaled loss.
    const gradients = Float32Array.of(0.5 * scaler.scale, expected.overflow ? Infinity : 0.25 * scaler.scale);
    const finite = scaler.unscale(gradients);
    expect(finite, `update ${i}`).toBe(expected.stepped);
    if (expected.gradient) expect([...gradients]).toEqual(expected.gradient);
    scaler.update(finite);
    expect(scaler.state(), `update ${i}`).toEqual({
      scale: expected.scale_after,
      growthTracker: expected.growth_tracker,
    });
  }
});

test('NaN is an overflow as well, wherever it stands', () => {
  for (const bad of [NaN, Infinity, -Infinity])
    for (const at of [0, 1, 2]) expect(fresh().unscale(Float32Array.of(1, 2, 3).fill(bad, at, at + 1))).toBe(false);
  expect(fresh().unscale(Float32Array.of(3e38, -3e38, 1e-40))).toBe(true);
});

test('a scale beyond float32 does not grow', () => {
  const scaler = new LossScaler({ scale: 2 ** 127, growthTracker: 2 }, settings);
  scaler.update(true);
  expect(scaler.state()).toEqual({ scale: 2 ** 127, growthTracker: 0 });
});
