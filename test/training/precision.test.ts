// The precision rule: all wishes on devices that compute in both 16-bit formats, in one of them and in none.
import { expect, test } from 'vitest';
import { choosePrecision, precisionDevice, type PrecisionWish } from '../../main/training/precision.ts';
import { userErrorOf } from '../support/user-error.ts';

const devices = {
  both: { name: 'both', bf16: true, fp16: true },
  bf16: { name: 'newer', bf16: true, fp16: false },
  fp16: { name: 'older', bf16: false, fp16: true },
  none: { name: 'plain', bf16: false, fp16: false },
};

test.each<[PrecisionWish['bf16'], PrecisionWish['fp16'], ...expected: [string, string, string, string]]>([
  // bf16, fp16, and what comes out where the device does both, bf16 only, fp16 only, none
  ['auto', 'auto', 'bf16', 'bf16', 'fp16', 'fp32'],
  ['auto', false, 'bf16', 'bf16', 'fp32', 'fp32'],
  [false, 'auto', 'fp16', 'fp32', 'fp16', 'fp32'],
  [false, false, 'fp32', 'fp32', 'fp32', 'fp32'],
  [true, 'auto', 'bf16', 'bf16', 'fp32', 'fp32'],
  [true, false, 'bf16', 'bf16', 'fp32', 'fp32'],
  ['auto', true, 'fp16', 'fp32', 'fp16', 'fp32'],
  [false, true, 'fp16', 'fp32', 'fp16', 'fp32'],
])('bf16: %s, fp16: %s', (bf16, fp16, ...expected) => {
  const chosen = Object.values(devices).map((device) => choosePrecision({ bf16, fp16 }, device).precision);
  expect(chosen).toEqual(expected);
});

test.each<[PrecisionWish, keyof typeof devices, reason: string]>([
  [{ bf16: 'auto', fp16: 'auto' }, 'both', 'both computes in bf16'],
  [{ bf16: 'auto', fp16: 'auto' }, 'fp16', 'older computes in fp16 and not in bf16; the loss is scaled'],
  [{ bf16: false, fp16: 'auto' }, 'both', 'both computes in fp16 and the recipe switches bf16 off'],
  [{ bf16: 'auto', fp16: 'auto' }, 'none', 'plain does not compute in bf16 or fp16 here'],
  [{ bf16: 'auto', fp16: false }, 'none', 'plain does not compute in bf16 here'],
  [{ bf16: true, fp16: 'auto' }, 'none', 'asks for bf16, which plain does not compute in here; fp32 is at'],
  [{ bf16: true, fp16: 'auto' }, 'both', 'the recipe asks for it'],
  [{ bf16: false, fp16: false }, 'both', 'the recipe switches bf16 and fp16 off'],
])('%j on %s says why', (wish, device, reason) => {
  expect(choosePrecision(wish, devices[device]).reason).toContain(reason);
});

test('both at once is refused, on every device', () => {
  for (const device of Object.values(devices))
    expect(userErrorOf(() => choosePrecision({ bf16: true, fp16: true }, device)).code).toBe('recipe-value');
});

test.each(['cpu', 'webgpu', 'dml'])("TRL's bf16: true runs on %s, in fp32", (device) => {
  const all = precisionDevice(device, { bf16: true, fp16: true });
  expect(choosePrecision({ bf16: true, fp16: false }, all).precision).toBe('fp32');
});

// What a trial on this machine has shown decides what auto takes; who asks by name need not wait for one.
test.each<
  [PrecisionWish['bf16'], PrecisionWish['fp16'], Parameters<typeof precisionDevice>[1], string, reason: string]
>([
  ['auto', 'auto', { bf16: true, fp16: true }, 'bf16', 'cuda computes in bf16'],
  ['auto', 'auto', { bf16: false, fp16: true }, 'fp16', 'cuda computes in fp16 and not in bf16'],
  ['auto', 'auto', { bf16: false, fp16: false }, 'fp32', 'cuda does not compute in bf16 or fp16 here'],
  ['auto', 'auto', undefined, 'fp32', 'cuda was not tried in bf16 and fp16 on this machine'],
  [true, false, undefined, 'bf16', 'the recipe asks for it, and cuda was not tried in it on this machine'],
  [true, false, { bf16: false, fp16: true }, 'fp32', 'which cuda does not compute in here'],
  [false, true, { bf16: true, fp16: true }, 'fp16', 'the recipe asks for it'],
])('bf16: %s, fp16: %s on a card that has shown %j: %s', (bf16, fp16, tried, precision, reason) => {
  const chosen = choosePrecision({ bf16, fp16 }, precisionDevice('cuda', tried));
  expect(chosen.precision).toBe(precision);
  expect(chosen.reason).toContain(reason);
});
