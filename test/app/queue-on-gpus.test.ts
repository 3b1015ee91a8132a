// Runs that wait on a machine with two GPUs, as its nvidia-smi (a script) has it, with jobs that train nothing.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CommandInput, CommandName, CommandOutput } from '../../preload/contract.ts';
import { answer } from '../../main/app/answer.ts';
import { openApp, type App } from '../../main/app/app.ts';
import { keepProbe } from '../../main/app/device-probes.ts';
import { knownProcess, type thisProcess } from '../../main/app/process-identity.ts';
import { keepQueueMoving } from '../../main/app/queue.ts';
import { startRun } from '../../main/app/start-run.ts';
import { lookAtMachine } from '../../main/devices/machine.ts';
import { forkedJobs } from '../../main/hosts/cli/fork-job.ts';
import { fakeCuda, hasCudaPackage } from '../support/fake-cuda.ts';
import { fakeNvidiaSmi } from '../support/fake-nvidia-smi.ts';
import { writeModelStub } from '../support/model-stub.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();
const model = join(folder.path, 'model');
writeModelStub(model);
const data = folder.write('data.jsonl', '{"text":"x"}\n');
const worker = fileURLToPath(new URL('../support/fake-worker.ts', import.meta.url));

const bin = join(folder.path, 'bin');
const card = { driver: '580.95.05', total: 24_564, used: 1, utilization: 0, capability: '8.9' };
fakeNvidiaSmi(bin, [
  { ...card, index: 0, name: 'NVIDIA GeForce RTX 4090' },
  { ...card, index: 1, name: 'NVIDIA GeForce RTX 3090' },
]);

let ends: (() => void)[] = [];
beforeEach(() => {
  vi.stubEnv('PATH', `${bin}:/usr/bin:/bin`);
  vi.stubEnv('LORELEI_GPU', '');
});
afterEach(() => {
  for (const end of ends.reverse()) end();
  ends = [];
  vi.unstubAllEnvs();
});

let homes = 0;
const newHome = (): string => join(folder.path, `home-${homes++}`);

/** An app with a home of its own where CUDA was tried, or one more host on the home of another. */
async function open(home?: string): Promise<App> {
  const place = home ?? newHome();
  if (home === undefined) fakeCuda(place);
  const launchErrand = (): Promise<never> => Promise.reject(new Error('nothing is to be tried'));
  const app = openApp({ launchJob: forkedJobs(worker), launchErrand, coolErrands: () => undefined }, place);
  app.grants.grant([folder.path]);
  ends.push(() => app.history.close());
  const machine = await lookAtMachine(place);
  const findings = [{ check: 'speed' as const, passed: true, detail: '', ms: 1, speedup: 9 }];
  for (const device of ['cuda:0', 'cuda:1']) keepProbe(app, machine, { device, outcome: 'conforms', findings });
  ends.push(keepQueueMoving(app));
  return app;
}

async function ask<C extends CommandName>(app: App, command: C, input: CommandInput<C>): Promise<CommandOutput<C>> {
  const result = await answer(app, { command, input });
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`);
  return result.value as CommandOutput<C>;
}

const endless = { max_steps: 100_000, weight_decay: 5, save_steps: 10 };
const values = { model_name_or_path: model, dataset_name: data, use_peft: true };

async function start(app: App, device: string, keys: Record<string, number> = endless): Promise<string> {
  return (await ask(app, 'run.start', { method: 'sft', values: { ...values, device, ...keys } })).id;
}

const summaryOf = async (app: App, id: string) => (await ask(app, 'runs.list', {})).find((run) => run.id === id);
/** "training on cuda:1", "queued for cuda:0" */
const standOf = async (app: App, id: string): Promise<string> => {
  const { status, device, waitsFor } = (await summaryOf(app, id)) ?? {};
  return status === 'queued' ? `queued for ${waitsFor}` : `${status} on ${device}`;
};
const until = (app: App, id: string, stand: string): Promise<void> =>
  vi.waitFor(async () => expect(await standOf(app, id)).toBe(stand), { timeout: 20_000, interval: 50 });
/** Ends a run at once, and waits until its process is gone. */
async function end(app: App, id: string): Promise<void> {
  await ask(app, 'run.kill', { id });
  await vi.waitFor(async () => expect((await summaryOf(app, id))?.status).toBe('interrupted'), 20_000);
}

describe.runIf(hasCudaPackage)('with two GPUs', () => {
  test('each has a run, and those that wait come to the GPU that they name, or to the first that is free', async () => {
    const app = await open();
    const first = await start(app, 'auto');
    await until(app, first, 'training on cuda:0');
    const second = await start(app, 'cuda');
    await until(app, second, 'training on cuda:1');
    const third = await start(app, 'cuda:1');
    const fourth = await start(app, 'auto');
    expect(await standOf(app, third)).toBe('queued for cuda:1');
    await end(app, first);
    // It overtakes the one that waits for the other GPU.
    await until(app, fourth, 'training on cuda:0');
    expect(await standOf(app, third)).toBe('queued for cuda:1');
    await end(app, second);
    await until(app, third, 'training on cuda:1');
    const [{ recipe }, { events }] = [
      await ask(app, 'run.show', { id: second }),
      await ask(app, 'run.show', { id: fourth }),
    ];
    expect(recipe.device).toBe('cuda');
    expect(events.filter(({ level }) => level !== 'info')).toEqual([]);
    for (const id of [third, fourth]) await end(app, id);
  });

  test('a run on the processor goes beside them, and only one of them', async () => {
    const app = await open();
    const [gpu, cpu, other] = [await start(app, 'cuda:1'), await start(app, 'cpu'), await start(app, 'cpu')];
    await until(app, gpu, 'training on cuda:1');
    await until(app, cpu, 'training on cpu');
    expect(await standOf(app, other)).toBe('queued for cpu');
    await end(app, cpu);
    await until(app, other, 'training on cpu');
    for (const id of [gpu, other]) await end(app, id);
  });

  test('a GPU is taken as long as the host lives that has it, and free when it dies', async () => {
    const app = await open();
    const host = spawn(process.execPath, ['-e', 'setInterval(() => {}, 60_000)']);
    const recipe = { ...values, device: 'cuda:0' };
    const other = { method: 'sft', name: undefined, recipe, outputDir: '/x', createdAt: 1 };
    const underWay = (id: string, process: ReturnType<typeof thisProcess>, device: string): void => {
      app.history.runs.insert({ ...other, id, host: process });
      app.history.runs.update(id, { status: 'training', device });
    };
    underWay('of-another', knownProcess(host.pid ?? 0), 'cuda:0');
    // One that died without a word: nobody follows it.
    underWay('of-nobody', { pid: 1, identity: 'long gone' }, 'cuda:1');
    const free = await start(app, 'cuda');
    await until(app, free, 'training on cuda:1');
    const waiting = await start(app, 'cuda');
    expect(await standOf(app, waiting)).toBe('queued for cuda');
    host.kill('SIGKILL');
    await until(app, waiting, 'training on cuda:0');
    for (const id of [free, waiting]) await end(app, id);
  });

  test('of two hosts, each run is started by one, and never two on a GPU', async () => {
    const one = await open();
    const other = await open(one.home.folder);
    const ids: string[] = [];
    for (let i = 0; i < 8; i++)
      ids.push(await start(i % 2 ? one : other, i === 3 ? 'cuda:1' : 'cuda', { max_steps: 20 }));
    for (const id of ids)
      await vi.waitFor(async () => expect((await summaryOf(one, id))?.status).toBe('completed'), 30_000);
    const runs = ids.map((id) => one.history.runs.get(id));
    for (const device of ['cuda:0', 'cuda:1']) {
      const spans = runs
        .filter((run) => run?.device === device)
        .map((run) => ({ from: run?.startedAt ?? 0, to: run?.endedAt ?? 0 }))
        .sort((a, b) => a.from - b.from);
      expect(spans.length).toBeGreaterThan(0);
      spans.slice(1).forEach(({ from }, i) => expect(from).toBeGreaterThanOrEqual(spans[i]?.to ?? Infinity));
    }
    const twenty = Array.from({ length: 20 }, (_, i) => i + 1);
    for (const id of ids) expect(other.history.metrics.steps(id).map(({ step }) => step)).toEqual(twenty);
    expect(runs[3]?.device).toBe('cuda:1');
  });

  test('a resumed run goes on where there is room, as its recipe allows', async () => {
    const app = await open();
    const moved = await start(app, 'cuda');
    await until(app, moved, 'training on cuda:0');
    await vi.waitFor(async () => expect((await summaryOf(app, moved))?.step).toBeGreaterThan(20), 20_000);
    await ask(app, 'run.stop', { id: moved });
    await until(app, moved, 'stopped on cuda:0');
    const blocker = await start(app, 'cuda:0');
    await until(app, blocker, 'training on cuda:0');
    await ask(app, 'run.resume', { id: moved });
    await until(app, moved, 'training on cuda:1');
    const { events } = await ask(app, 'run.show', { id: moved });
    expect(events.map(({ message }) => message).join('\n')).toMatch(/Resuming from the checkpoint at step \d+/);
    for (const id of [moved, blocker]) await end(app, id);
  });

  test('a run of a terminal begins at once, and leaves alone the GPU that another one trains on', async () => {
    const app = await open();
    const queued = await start(app, 'cuda:0');
    await until(app, queued, 'training on cuda:0');
    for (const device of ['auto', 'cuda']) {
      const request = { values: { ...values, ...endless, device }, workingDirectory: folder.path };
      const session = await startRun(app, { method: 'sft', ...request, onRecord: () => undefined });
      await until(app, session.runId, 'training on cuda:1');
      session.kill();
      await session.ended;
    }
    await end(app, queued);
  });

  test('where that is switched off, one run at a time', async () => {
    const app = await open();
    await ask(app, 'settings.change', { device: 'cuda:1' });
    const { settings } = await ask(app, 'settings.change', { useAllGpus: false });
    expect(settings).toMatchObject({ device: 'cuda:1', useAllGpus: false });
    const [first, second] = [await start(app, 'cuda:1'), await start(app, 'cuda:0')];
    await until(app, first, 'training on cuda:1');
    expect(await standOf(app, second)).toBe('queued for cuda:0');
    await end(app, first);
    await until(app, second, 'training on cuda:0');
    await end(app, second);
  });

  test('a GPU that is not there is refused before anything is written, with those that are', async () => {
    const app = await open();
    await expect(start(app, 'cuda:2')).rejects.toThrow(
      'device-not-found: device: "cuda:2" is not there. This machine has ' +
        'cuda:0 (NVIDIA GeForce RTX 4090, 24 GB), cuda:1 (NVIDIA GeForce RTX 3090, 24 GB).',
    );
    expect(await ask(app, 'runs.list', {})).toEqual([]);
    vi.stubEnv('CUDA_VISIBLE_DEVICES', '1');
    await expect(start(app, 'cuda:1')).rejects.toThrow('This machine has cuda:0 (NVIDIA GeForce RTX 3090, 24 GB).');
  });
});

test.runIf(hasCudaPackage)('without CUDA support, a GPU is refused with how to get it', async () => {
  const app = openApp({ launchJob: forkedJobs(worker) }, newHome());
  app.grants.grant([folder.path]);
  ends.push(() => app.history.close());
  await expect(start(app, 'cuda:0')).rejects.toThrow(
    'device-unavailable: device: "cuda:0" cannot be used: CUDA support',
  );
});
