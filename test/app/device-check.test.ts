// What becomes of a check whose process ends, or that finds a fault.
import { expect, test } from 'vitest';
import { checkDevice } from '../../main/app/device-check.ts';
import type { LaunchErrand } from '../../main/app/errand.ts';
import { UserError } from '../../main/errors.ts';
import type { Finding } from '../../main/training/conformance.ts';

const check = (launch: () => Promise<unknown>) =>
  checkDevice(launch as unknown as LaunchErrand, 'webgpu', { checks: ['gradients'] });
const finding = (name: Finding['check'], passed: boolean): Finding => ({ check: name, passed, detail: '', ms: 1 });

test('a driver that ends the process is a finding', async () => {
  const died = new UserError({ code: 'errand-died', message: 'The process ended with SIGSEGV.', fix: 'Try again.' });
  const { outcome, findings } = await check(() => Promise.reject(died));
  expect(outcome).toBe('fails');
  expect(findings).toMatchObject([{ check: 'process', passed: false, detail: 'The process ended with SIGSEGV.' }]);
});

test.each([
  ['conforms', [finding('open', true), finding('gradients', true)]],
  ['fails', [finding('open', true), finding('gradients', false)]],
  ['absent', [finding('open', false)]],
])('%s', async (outcome, findings) => {
  expect(await check(() => Promise.resolve(findings))).toEqual({ device: 'webgpu', outcome, findings });
});
