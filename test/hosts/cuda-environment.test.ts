// Every process that may load the runtime's library starts with what CUDA needs in its environment, for the loader reads
// LD_LIBRARY_PATH only then: runs and errands, as forks of Node and as utility processes of Electron.
import { EventEmitter } from 'node:events';
import type * as ChildProcess from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { openApp } from '../../main/app/app.ts';
import type { Errands } from '../../main/app/errand.ts';
import type { LaunchJob } from '../../main/app/job.ts';
import { forkedErrands } from '../../main/hosts/cli/fork-errand.ts';
import { forkedJobs } from '../../main/hosts/cli/fork-job.ts';
import { utilityErrands } from '../../main/hosts/electron/utility-errand.ts';
import { utilityJobs } from '../../main/hosts/electron/utility-job.ts';
import type { JobSpec } from '../../main/training/job.ts';
import { cudaInstallation } from '../support/cuda-installation.ts';
import { tempFolder } from '../support/temp-folder.ts';

type Options = { env: Record<string, string | undefined> };
const started = vi.hoisted((): { options: Options[] } => ({ options: [] }));
const start = vi.hoisted(() => (_file: string, _words: string[], options: Options) => {
  started.options.push(options);
  const child = Object.assign(new EventEmitter(), { connected: false, pid: 1, stdout: null, stderr: null });
  return Object.assign(child, { send: () => true, postMessage: () => undefined, kill: () => true });
});
vi.mock('electron', () => ({ utilityProcess: { fork: start } }));
vi.mock('node:child_process', async (original) => ({ ...(await original<typeof ChildProcess>()), fork: start }));

const scratch = tempFolder();
const home = join(scratch.path, 'home');
const libraries = join(home, 'cuda', 'lib');
const { folder } = cudaInstallation(home, ['libcudart.so.13', 'libcuda.so.1']);
mkdirSync(libraries, { recursive: true });
for (const name of ['libcudart.so.13', 'libcudnn.so.9']) writeFileSync(join(libraries, name), '');

const hosts: readonly (readonly [string, LaunchJob, Errands])[] = [
  ['forks', forkedJobs('worker.js'), forkedErrands(home)],
  ['utility processes', utilityJobs(), utilityErrands(home)],
];

test.skipIf(process.platform !== 'linux' || process.arch !== 'x64').each(hosts)('%s', (_, launchJob, errands) => {
  const app = openApp({ launchJob, ...errands }, home);
  const job = (device: string): JobSpec =>
    ({ runId: 'one', recipe: { device, gradient_checkpointing: false, load_in_4bit: false } }) as JobSpec;
  const hooks = { onRecord: () => undefined, log: join(scratch.path, 'log') };
  const environments = (launch: () => unknown): (Options['env'] | undefined)[] => {
    started.options = [];
    launch();
    return started.options.map(({ env }) => env);
  };
  const ask = (errand: 'checkDevice' | 'installCuda') => () =>
    void app
      .launchErrand(
        errand,
        { device: 'cuda', checks: [] },
        { onProgress: () => undefined, signal: new AbortController().signal },
      )
      .catch(() => undefined);
  const expected = { LORELEI_ONNXRUNTIME: folder, NVIDIA_TF32_OVERRIDE: '0' };
  for (const launch of [() => app.launchJob(job('cuda'), hooks), ask('checkDevice')]) {
    const [environment, ...more] = environments(launch);
    expect(more).toEqual([]);
    expect(environment).toMatchObject(expected);
    expect(environment?.LD_LIBRARY_PATH?.split(':')).toContain(libraries);
    expect(environment?.PATH).toBe(process.env.PATH);
  }
  for (const launch of [() => app.launchJob(job('cpu'), hooks), ask('installCuda')])
    expect(environments(launch)).toEqual([expect.not.objectContaining({ LORELEI_ONNXRUNTIME: folder })]);
  app.history.close();
});
