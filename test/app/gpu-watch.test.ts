// What a run takes of its GPU and of the machine, from the driver to the history: real runs of the starter model, and a
// machine whose nvidia-smi is a script.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test, vi } from 'vitest';
import type { JobRecord, Metrics } from '../../preload/contract.ts';
import { openApp, type App, type HostAbilities } from '../../main/app/app.ts';
import { findGpuReader, gpuHeldBy } from '../../main/app/gpu-readers.ts';
import type { JobHandle } from '../../main/app/job.ts';
import { usageOfRun } from '../../main/app/run-usage.ts';
import { showRun } from '../../main/app/show-runs.ts';
import { startRun } from '../../main/app/start-run.ts';
import { runText } from '../../main/hosts/cli/show-text.ts';
import { forkedJobs } from '../../main/hosts/cli/fork-job.ts';
import { fakeNvidiaSmi } from '../support/fake-nvidia-smi.ts';
import { starterModel } from '../support/run-job.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();
const GIB = 2 ** 30;
const trainer = forkedJobs(fileURLToPath(new URL('../../main/job/worker.ts', import.meta.url)));

let apps: App[] = [];
afterEach(() => {
  vi.unstubAllEnvs();
  for (const app of apps) app.history.close();
  apps = [];
});

let homes = 0;
function open(abilities: HostAbilities): App {
  const app = openApp(abilities, join(folder.path, `home-${homes++}`));
  apps.push(app);
  return app;
}

const short = {
  use_peft: true,
  model_name_or_path: starterModel,
  dataset_name: join(dirname(starterModel), 'sample-data/sft.jsonl'),
  max_steps: 3,
  per_device_train_batch_size: 1,
  max_length: 48,
  logging_steps: 1,
  save_strategy: 'no',
};

/** Trains to the end; returns the run and what it logged. */
async function train(app: App, values: Record<string, unknown>): Promise<{ id: string; logged: Metrics[] }> {
  const session = await startRun(app, {
    method: 'sft',
    values: { ...short, ...values },
    workingDirectory: folder.path,
    onRecord: () => undefined,
  });
  expect((await session.ended).error).toBeUndefined();
  const steps = app.history.metrics.steps(session.runId);
  return { id: session.runId, logged: steps.map(({ logged = {} }) => logged) };
}

/** Two GPUs, the second half full. */
function twoGpus(used = 12_288): void {
  const bin = join(folder.path, `bin-${homes}`);
  const card = { driver: '580.95.05', total: 24_576, capability: '8.9' };
  fakeNvidiaSmi(bin, [
    { ...card, index: 0, name: 'NVIDIA GeForce RTX 4090', used: 1, utilization: 0 },
    { ...card, index: 1, name: 'NVIDIA GeForce RTX 4090', used, utilization: 93 },
  ]);
  vi.stubEnv('PATH', `${bin}:/usr/bin:/bin`);
}

test('every logged step of a run says what was seen of its GPU, and the most that its process needed', async () => {
  const asked: string[] = [];
  const seen = [2, 5, 3].map((gib) => ({ memoryBytes: gib * GIB, totalMemoryBytes: 8 * GIB, utilizationPercent: 50 }));
  const app = open({
    launchJob: trainer,
    findGpuReader: (device) => {
      asked.push(device);
      return Promise.resolve({ index: 0, read: () => Promise.resolve(seen.shift() ?? undefined) });
    },
  });
  const { id, logged } = await train(app, { device: 'cpu', max_steps: 4 });
  expect(asked).toEqual(['cpu']);
  expect(app.history.runs.get(id)?.device).toBe('cpu');
  expect(logged).toHaveLength(4);
  for (const metrics of logged) {
    expect(metrics).toMatchObject({ gpu_memory_usage_megabytes: 2147, gpu_utilization_percentage: 50 });
    expect(metrics.gpu_memory_peak_megabytes).toBeGreaterThanOrEqual(2147);
    // The library and the model alone are more; the machine that runs this has less.
    expect(metrics.process_memory_peak_megabytes).toBeGreaterThan(60);
    expect(metrics.process_memory_peak_megabytes).toBeLessThan(4000);
  }
  const peaks = logged.map((metrics) => metrics.process_memory_peak_megabytes ?? 0);
  expect(peaks).toEqual(peaks.toSorted((a, b) => a - b));
  const last = app.history.runs.get(id)?.metrics.process_memory_peak_megabytes;
  expect(last).toBeGreaterThanOrEqual(peaks.at(-1) ?? Infinity);
  const page = runText(showRun(app, id), undefined).join('\n');
  expect(page).toMatch(/Device {5}cpu/);
  expect(page).toMatch(/GPU {8}at most 2\.1 GB in use, busy 50 % of the time/);
});

test.skipIf(process.platform === 'win32')('a run on cuda:1 is told by what nvidia-smi says of that GPU', async () => {
  twoGpus();
  let say: (record: JobRecord) => void = () => undefined;
  let leave: (exit: { code: number; signal: null }) => void = () => undefined;
  const handle: JobHandle = {
    spawned: Promise.resolve(process.pid),
    stop: () => undefined,
    kill: () => undefined,
    exited: new Promise((exited) => (leave = exited)),
  };
  const launchJob: HostAbilities['launchJob'] = (_job, { onRecord }) => {
    say = onRecord;
    return handle;
  };
  const app = open({ launchJob });
  const values = { ...short, device: 'cpu', report_to: 'tensorboard' };
  const session = await startRun(app, {
    method: 'sft',
    values,
    workingDirectory: folder.path,
    onRecord: () => undefined,
  });
  say({ type: 'device', device: 'cuda:1' });
  await vi.waitFor(() => expect(app.gpuWatches.get(session.runId)?.now).toBeDefined(), 10_000);
  const live = await usageOfRun(app, { id: session.runId, job: undefined });
  expect(live).toBeNull(); // its process is not known to the history yet
  say({ type: 'start', totalSteps: 1, startStep: 0 });
  say({ type: 'step', step: 1, loss: 1, stepMs: 1, tokensPerSecond: 1, metrics: { loss: 1 } });
  say({ type: 'end', status: 'completed', outputDir: '', metrics: {} });
  leave({ code: 0, signal: null });
  expect((await session.ended).status).toBe('completed');
  const figures = {
    gpu_memory_usage_megabytes: 12_885,
    gpu_memory_peak_megabytes: 12_885,
    gpu_utilization_percentage: 93,
  };
  expect(app.history.metrics.steps(session.runId)[0]?.logged).toEqual({ loss: 1, ...figures });
  expect(app.history.runs.get(session.runId)?.metrics).toEqual(figures);
  expect(app.gpuWatches.size).toBe(0);
});

/** The files in which Linux says which process holds which GPU, below a folder: process 7 holds `held`. */
function linuxWith(held: readonly string[]): string {
  const root = join(folder.path, `root-${homes++}`);
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const link = (path: string, target: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    symlinkSync(target, join(root, path));
  };
  const cards = [
    ['0000:03:00.0', '0x1002', 128],
    ['0000:01:00.0', '0x10de', 129],
    ['0000:00:02.0', '0x8086', 130],
  ] as const;
  for (const [place, vendor, node] of cards) {
    put(`sys/bus/pci/devices/${place}/vendor`, `${vendor}\n`);
    link(`sys/class/drm/renderD${node}/device`, `../../../bus/pci/devices/${place}`);
  }
  const amd = 'sys/bus/pci/devices/0000:03:00.0';
  put(`${amd}/mem_info_vram_used`, '6442450944\n');
  put(`${amd}/mem_info_vram_total`, '17163091968\n');
  put(`${amd}/gpu_busy_percent`, '71\n');
  put('proc/driver/nvidia/gpus/0000:01:00.0/information', 'Model: \t NVIDIA T4\nDevice Minor: \t 0\n');
  for (const [i, file] of ['/dev/null', 'socket:[12]', ...held].entries()) link(`proc/7/fd/${i}`, file);
  return root;
}

test.runIf(process.platform === 'linux')(
  'the GPU that a process holds open is told apart from the others',
  async () => {
    const figures = async (...held: string[]) => (await gpuHeldBy(7, linuxWith(held)))?.read();
    expect(await figures('/dev/dri/renderD128')).toEqual({
      memoryBytes: 6 * GIB,
      totalMemoryBytes: 17_163_091_968,
      utilizationPercent: 71,
    });
    twoGpus(100);
    expect(await figures('/dev/nvidiactl', '/dev/nvidia0', '/dev/dri/renderD129')).toMatchObject({
      memoryBytes: 104_857_600,
    });
    // Of Intel's driver nothing is to be had, and of two nobody knows which one trains.
    expect(await figures('/dev/dri/renderD130')).toBeUndefined();
    expect(await figures('/dev/dri/renderD128', '/dev/nvidia0')).toBeUndefined();
    expect(await figures()).toBeUndefined();
    expect(await findGpuReader('webgpu', undefined)).toBeUndefined();
    expect(await findGpuReader('cuda:2', process.pid)).toBeUndefined();
  },
);
