// A real trial in a real process, on an adapter in software: it conforms and ends well, and device: auto leaves it alone
// even on a machine that seems to have a GPU.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { knownProbes, probeDevice } from '../../main/app/device-probes.ts';
import { openHome } from '../../main/app/home.ts';
import type { JobDevice } from '../../main/training/job.ts';
import { launchOnDevice } from '../../main/app/launch-on-device.ts';
import type { Recipe } from '../../main/recipe/recipe.ts';
import { forkedErrands } from '../../main/hosts/cli/fork-errand.ts';
import { machineOf } from '../support/made-up-machine.ts';
import { hasSoftwareGpu } from '../support/software-gpu.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();
const home = openHome(join(folder.path, 'home'));
const { launchErrand } = forkedErrands(home.folder);

test.skipIf(!hasSoftwareGpu)(
  'SwiftShader conforms, ends well, and is not taken',
  async () => {
    const devices: (JobDevice | undefined)[] = [];
    const machine = machineOf();
    const run = launchOnDevice(
      {
        home,
        launchErrand,
        canLaunchErrands: true,
        launchJob: ({ device }) => {
          devices.push(device);
          const exited = Promise.resolve({ code: 0, signal: null });
          return { spawned: Promise.resolve(undefined), stop: () => undefined, kill: () => undefined, exited };
        },
      },
      { runId: 'r', recipe: { device: 'auto' } as Recipe, runDir: '', outputDir: '', cacheDir: '' },
      { onRecord: () => undefined, log: '', onSpawn: () => undefined },
      () => Promise.resolve(machine),
    );
    await run.exited;
    expect(devices).toEqual([{ name: 'cpu', reason: 'an adapter in software, slower than the processor' }]);
    const { outcome, findings } = knownProbes({ home }, machine).get('webgpu') ?? {};
    expect(outcome).toBe('conforms');
    expect(findings?.map(({ check, passed }) => [check, passed])).toEqual([
      ['open', true],
      ['gradients', true],
      ['steps', true],
      ['bf16', true],
      ['fp16', true],
      ['speed', true],
      ['exit', true],
    ]);
    expect(findings?.[0]).toMatchObject({ isSoftware: true, detail: expect.stringContaining('SwiftShader') as string });
  },
  120_000,
);

test('a trial of CUDA where it is not installed says so, and is no fault', async () => {
  const { signal } = new AbortController();
  const probe = await probeDevice({ home, launchErrand }, machineOf(), 'cuda:0', signal);
  expect(probe).toMatchObject({
    outcome: 'absent',
    findings: [
      { check: 'open', passed: false, detail: expect.stringContaining('CUDA support is not installed') as string },
      { check: 'exit', passed: true },
    ],
  });
});
