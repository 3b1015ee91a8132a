// What `lorelei estimate` prints of an estimate.
import { expect, test } from 'vitest';
import { estimateText } from '../../main/hosts/cli/estimate-command.ts';
import type { Estimate } from '../../preload/contract.ts';

const GB = 1e9;
const base: Estimate = {
  memory: { weights: 1 * GB, activations: 2 * GB, optimizer: 0.5 * GB, overhead: 0.5 * GB },
  device: null,
  ...{ totalMemoryBytes: 16 * GB, freeMemoryBytes: 8 * GB },
  ...{ stepMs: 1500, totalSteps: 120, diskBytes: 0.1 * GB, freeDiskBytes: 50 * GB },
  savings: [
    {
      ...{ text: 'Recompute activations', price: 'the same mathematics' },
      ...{ changes: { gradient_checkpointing: true }, bytes: 2 * GB, deviceBytes: null, timeRatio: 1.42 },
    },
  ],
};

test('one that fits: the parts, the time, and what would need less', () => {
  expect(estimateText(base)).toEqual([
    'Memory         about 4 GB. It fits: 8 GB of 16 GB are free',
    '  weights      1 GB',
    '  activations  2 GB',
    '  optimizer    500 MB',
    '  overhead     500 MB',
    'Time           about 1.5 s a step, 3:00 for all 120',
    'Disk           about 100 MB of 50 GB free',
    'To need less:',
    '  Recompute activations: about 2 GB, about 42 % more time a step; the same mathematics',
    '    --gradient_checkpointing true',
  ]);
});

test('one that does not fit says so, and a time that is not known', () => {
  const lines = estimateText({ ...base, freeMemoryBytes: 3 * GB, stepMs: null });
  expect(lines[0]).toBe('Memory         about 4 GB. It does not fit: 3 GB of 16 GB are free');
  expect(lines).toContain('Time           not known; 120 steps');
  expect(lines).toContain('To make it fit:');
});

test('a device has its own memory, whose size is known or not', () => {
  const memory = { weights: 3 * GB, activations: 3 * GB, optimizer: 0, overhead: 0 };
  const device = { name: 'cuda:0', title: 'A card', memory, totalBytes: 8 * GB, freeBytes: 5 * GB };
  const [saving] = base.savings;
  if (!saving) throw new Error('a saving');
  const savings = [{ ...saving, deviceBytes: 4 * GB, timeRatio: null }];
  const lines = estimateText({ ...base, device, savings });
  expect(lines[0]).toBe('On cuda:0      about 6 GB. It does not fit: 5 GB of 8 GB are free');
  expect(lines[5]).toBe('Memory         about 4 GB. It fits: 8 GB of 16 GB are free');
  expect(lines).toContain('  Recompute activations: about 4 GB on cuda:0, about 2 GB of memory; the same mathematics');
  const unknown = estimateText({ ...base, device: { ...device, totalBytes: null, freeBytes: null } });
  expect(unknown[0]).toBe('On cuda:0      about 6 GB. How much is there is not known');
  expect(unknown).toContain('To need less:');
  const partly = estimateText({ ...base, device: { ...device, freeBytes: null } });
  expect(partly[0]).toBe('On cuda:0      about 6 GB. 8 GB are there, how much of it is free is not known');
});
