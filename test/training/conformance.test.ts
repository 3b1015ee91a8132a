// The conformance suite on every device that a test can have: the processor, and WebGPU in software. That it finds faults
// is tried with a device that is not there.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkConformance, conformanceChecks } from '../../main/training/conformance.ts';
import { hasSoftwareGpu } from '../support/software-gpu.ts';

const modelPath = join(import.meta.dirname, '../../resources/starter-model');

test.each(hasSoftwareGpu ? ['cpu', 'webgpu'] : ['cpu'])('%s conforms', async (device) => {
  const findings = await checkConformance({ device, modelPath, checks: conformanceChecks });
  expect(findings.filter(({ passed }) => !passed)).toEqual([]);
  expect(findings.map(({ check }) => check)).toEqual(['open', ...conformanceChecks]);
});

test('a device that cannot be opened is a finding, and the only one', async () => {
  const findings = await checkConformance({ device: 'abacus', modelPath, checks: conformanceChecks });
  expect(findings).toMatchObject([{ check: 'open', passed: false }]);
  expect(findings[0]?.detail).toContain('abacus');
});
