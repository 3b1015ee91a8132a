// How a run with device: auto comes to its device, with stand-ins for the trial's process and for the job's.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { JobRecord } from '../../preload/contract.ts';
import type { ErrandHooks, LaunchErrand } from '../../main/app/errand.ts';
import { openHome } from '../../main/app/home.ts';
import type { JobExit, LaunchJob } from '../../main/app/job.ts';
import { launchOnDevice } from '../../main/app/launch-on-device.ts';
import type { Machine } from '../../main/devices/machine.ts';
import { UserError } from '../../main/errors.ts';
import type { Recipe } from '../../main/recipe/recipe.ts';
import type { Finding } from '../../main/training/conformance.ts';
import { cudaMachine, machineOf } from '../support/made-up-machine.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();
let homes = 0;

type Trial = 'conforms' | 'wrong' | 'crashes' | 'hangs';
/** How a job on a device ends. */
type Job = 'completes' | 'out-of-memory' | 'late out-of-memory' | 'crashes' | 'refuses the data' | 'goes on';

const right: Finding[] = [
  { check: 'open', passed: true, detail: '', ms: 1 },
  { check: 'speed', passed: true, detail: '', ms: 1, speedup: 5 },
];
const wrong: Finding[] = [{ check: 'gradients', passed: false, detail: 'the gradient of A is 3 % off', ms: 1 }];

function place(trials: Record<string, Trial>, jobs: Record<string, Job>, given: Machine = cudaMachine()) {
  const launched: string[] = [];
  const records: JobRecord[] = [];
  const reasons: string[] = [];
  const launchErrand = ((_name: string, { device }: { device: string }, { signal, onEnd }: ErrandHooks) => {
    launched.push(`trial of ${device}`);
    const trial = trials[device];
    if (trial === 'crashes')
      return Promise.reject(new UserError({ code: 'errand-died', message: 'It ended with SIGSEGV.', fix: '' }));
    if (trial === 'hangs')
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    setImmediate(() => onEnd?.('exit code 0'));
    return Promise.resolve(trial === 'conforms' ? right : wrong);
  }) as unknown as LaunchErrand;

  const launchJob: LaunchJob = (job, { onRecord }) => {
    const device = job.device?.name ?? job.recipe.device;
    launched.push(device);
    reasons.push(job.device?.reason ?? '');
    const how = jobs[device] ?? 'completes';
    const { promise: exited, resolve } = Promise.withResolvers<JobExit>();
    const end = (error?: string): void => {
      const failed = { status: 'failed', error: { code: error ?? '', message: `It ran ${error}.`, fix: '' } } as const;
      const ended = error === undefined ? ({ status: 'completed' } as const) : failed;
      onRecord({ type: 'end', outputDir: '', metrics: {}, ...ended });
      resolve({ code: 0, signal: null });
    };
    setImmediate(() => {
      if (how === 'crashes') resolve({ code: null, signal: 'SIGSEGV' });
      if (how === 'out-of-memory') end('out-of-memory');
      if (how === 'refuses the data') end('dataset-not-found');
      if (how !== 'completes' && how !== 'late out-of-memory') return;
      onRecord({ type: 'step', step: 1, loss: 1, tokensPerSecond: 1, tokens: 1, stepMs: 1 } as unknown as JobRecord);
      end(how === 'completes' ? undefined : 'out-of-memory');
    });
    const stopped = (): void => {
      onRecord({ type: 'end', outputDir: '', metrics: {}, status: 'stopped' });
      resolve({ code: 0, signal: null });
    };
    return {
      spawned: Promise.resolve(7),
      stop: stopped,
      kill: () => resolve({ code: null, signal: 'SIGKILL' }),
      exited,
    };
  };

  const app = {
    home: openHome(join(folder.path, `home${++homes}`)),
    launchErrand,
    canLaunchErrands: true,
    launchJob,
  };
  const look = (): Promise<Machine> => Promise.resolve(given);
  const launch = (device: string, canLaunchErrands = true) =>
    launchOnDevice(
      { ...app, canLaunchErrands },
      { runId: 'r', recipe: { device } as Recipe, runDir: '', outputDir: '/out', cacheDir: '' },
      { onRecord: (record) => records.push(record), log: '', onSpawn: () => undefined },
      look,
    );
  const said = (type: JobRecord['type']) => records.filter((record) => record.type === type);
  return { launch, launched, reasons, said };
}

test('what was never tried is tried once, with a word on it; the next run goes straight to the device', async () => {
  const { launch, launched, reasons, said } = place({ 'cuda:0': 'conforms' }, {});
  await launch('auto').exited;
  expect(launched).toEqual(['trial of cuda:0', 'cuda:0']);
  expect(said('progress')).toMatchObject([{ phase: 'Trying NVIDIA GeForce RTX 4070 (CUDA) for the first time' }]);
  expect(reasons).toEqual(['NVIDIA GeForce RTX 4070 (CUDA) conforms, 5.0 times as fast as the processor']);
  await launch('auto').exited;
  expect(launched.slice(2)).toEqual(['cuda:0']);
  expect(said('progress')).toHaveLength(1);
});

test('a device that crashes and one that computes wrong make way for the processor, and stay known', async () => {
  const { launch, launched, reasons } = place({ 'cuda:0': 'crashes', webgpu: 'wrong' }, {});
  for (let run = 0; run < 2; run++) await launch('auto').exited;
  expect(launched).toEqual(['trial of cuda:0', 'trial of webgpu', 'cpu', 'cpu']);
  expect(reasons[0]).toBe(
    'no other can be taken (cuda:0: It ended with SIGSEGV; ' +
      'webgpu: fails at "gradients" (the gradient of A is 3 % off))',
  );
});

test('without a GPU nothing is tried; nor where the recipe names a device or the host has no other processes', async () => {
  const { launch, launched } = place({}, {}, machineOf({ adapters: [] }));
  for (const device of ['auto', 'cpu', 'webgpu']) await launch(device).exited;
  await launch('auto', false).exited;
  expect(launched).toEqual(['cpu', 'cpu', 'webgpu', 'auto']);
});

test.each<Job>(['out-of-memory', 'crashes'])(
  'a run that %s before its first step goes on with the next device, and says so',
  async (how) => {
    const { launch, launched, said } = place({ 'cuda:0': 'conforms', webgpu: 'conforms' }, { 'cuda:0': how });
    await launch('auto').exited;
    expect(launched).toEqual(['trial of cuda:0', 'cuda:0', 'trial of webgpu', 'webgpu']);
    expect(said('event')).toMatchObject([
      { level: 'warning', message: expect.stringMatching(/^cuda:0 could not train this/) as string },
    ]);
    expect(said('end')).toMatchObject([{ status: 'completed' }]);
  },
);

test.each<[Job, string]>([
  ['late out-of-memory', 'out-of-memory'],
  ['refuses the data', 'dataset-not-found'],
])('one that %s ends as it is: another device would not help, or would train it twice', async (how, code) => {
  const { launch, launched, said } = place({ 'cuda:0': 'conforms' }, { 'cuda:0': how });
  await launch('auto').exited;
  expect(launched).toEqual(['trial of cuda:0', 'cuda:0']);
  expect(said('end')).toMatchObject([{ status: 'failed', error: { code } }]);
});

test('a run is stopped, and ended at once, while a device is tried', async () => {
  const { launch, launched, said } = place({ 'cuda:0': 'hangs' }, {});
  const tried = async (): Promise<unknown> => expect.poll(() => launched.at(-1)).toBe('trial of cuda:0');
  const stopped = launch('auto');
  await tried();
  stopped.stop();
  expect(await stopped.exited).toEqual({ code: 0, signal: null });
  expect(said('end')).toMatchObject([{ status: 'stopped', outputDir: '/out' }]);
  const killed = launch('auto');
  await expect.poll(() => launched).toHaveLength(2);
  killed.kill();
  expect(await killed.exited).toEqual({ code: null, signal: 'SIGKILL' });
  expect(said('end')).toHaveLength(1);
});

test('a stop while it trains is no fault of the device', async () => {
  const { launch, launched, said } = place({ 'cuda:0': 'conforms' }, { 'cuda:0': 'goes on' });
  const run = launch('auto');
  await expect.poll(() => launched.at(-1)).toBe('cuda:0');
  run.stop();
  await run.exited;
  expect(said('end')).toMatchObject([{ status: 'stopped' }]);
  const killed = launch('auto');
  await expect.poll(() => launched).toHaveLength(3);
  killed.kill();
  expect(await killed.exited).toEqual({ code: null, signal: 'SIGKILL' });
  expect(launched).toEqual(['trial of cuda:0', 'cuda:0', 'cuda:0']);
});

test('DirectML is not taken by its name without a trial', async () => {
  const windows = machineOf({ platform: 'win32', vulkan: undefined });
  const refused = place({ dml: 'wrong' }, {}, windows);
  await refused.launch('dml').exited;
  expect(refused.launched).toEqual(['trial of dml']);
  expect(refused.said('end')).toMatchObject([{ status: 'failed', error: { code: 'device-unavailable' } }]);
  const taken = place({ dml: 'conforms' }, {}, windows);
  await taken.launch('dml').exited;
  expect(taken.launched).toEqual(['trial of dml', 'dml']);
});
